import { Webhook } from "standardwebhooks";
import { AppError } from "../errors/app-error.ts";

/** Seconds a signed request may be older or newer than our clock (Standard Webhooks' own figure). */
export const signatureToleranceSeconds = 300;

/** An id longer than this does not fit the index that finds deliveries again. */
const maxIdLength = 255;

/** What a sender signed and when; `id` names the delivery, `signedAt` is the sender's clock. */
export interface Signed {
  readonly id: string;
  readonly signedAt: Date;
}

/**
 * Checks a Standard Webhooks signature (HMAC-SHA256 over `id.timestamp.body`) against every configured secret.
 *
 * Shape: `headers` carry webhook-id, webhook-timestamp (Unix seconds) and webhook-signature
 * (`v1,<base64>`, several separated by a space or by ", "); `body` is the text exactly as received;
 * `secrets` are `v1,whsec_<base64>` or `whsec_<base64>`, more than one while keys rotate.
 * Source: the Standard Webhooks specification; supabase/auth joins several signatures with ", ".
 * @throws AppError signature_invalid when a header is missing or malformed or no secret matches,
 * signature_expired when the signature is right but further than five minutes from `now`.
 */
export function verifySignature(
  o: { headers: Headers; body: string; secrets: readonly string[]; now: Date },
): Signed {
  const { id, seconds, signatures } = readHeaders(o.headers);
  const signedAt = new Date(seconds * 1000);
  const expected = o.secrets.map((secret) => signBody({ secret, id, signedAt, body: o.body }));
  // No early exit: the time taken must not tell which secret or which signature was near.
  const matches = expected.flatMap((e) => signatures.map((s) => isEqual(e, s)));
  if (!matches.includes(true)) {
    throw refuse(
      "The webhook signature does not match: sign `id.timestamp.body` with a current key",
    );
  }
  if (Math.abs(o.now.getTime() - signedAt.getTime()) > signatureToleranceSeconds * 1000) {
    throw new AppError(
      "signature_expired",
      "The webhook timestamp is more than 5 minutes from now: sign the request again and resend it",
    );
  }
  return { id, signedAt };
}

/**
 * Signs a body the way `verifySignature` expects it and gives the value of the webhook-signature header.
 * Shape: `secret` as configured (`v1,whsec_...` or `whsec_...`); `signedAt` is cut to whole seconds.
 * @throws Error when the secret is not base64 or empty.
 */
export function signBody(o: { secret: string; id: string; signedAt: Date; body: string }): string {
  return new Webhook(o.secret.replace(/^v1,/, "")).sign(o.id, o.signedAt, o.body);
}

function readHeaders(headers: Headers): { id: string; seconds: number; signatures: string[] } {
  const id = headers.get("webhook-id");
  const timestamp = headers.get("webhook-timestamp");
  const signature = headers.get("webhook-signature");
  if (!id || !timestamp || !signature) {
    throw refuse("Send webhook-id, webhook-timestamp and webhook-signature with the request");
  }
  if (id.length > maxIdLength || !/^[\x21-\x7e]+$/.test(id)) {
    throw refuse(`The webhook-id must have 1 to ${maxIdLength} printable characters`);
  }
  // The library's parseInt would take "17abc"; only plain digits are a Unix time.
  if (!/^[0-9]{1,12}$/.test(timestamp)) {
    throw refuse("The webhook-timestamp is not a Unix time in seconds");
  }
  // Splitting on spaces alone reads only the last of a list joined by ", ".
  const signatures = signature.split(/\s+/).map((part) => part.replace(/,$/, ""));
  return {
    id,
    seconds: Number(timestamp),
    signatures: signatures.filter((part) => part.startsWith("v1,")),
  };
}

function isEqual(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

function refuse(detail: string): AppError {
  return new AppError("signature_invalid", detail);
}

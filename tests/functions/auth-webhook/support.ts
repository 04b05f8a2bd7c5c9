import { signBody } from "../../../shared/events/verify-signature.ts";
import { call, type CallOptions } from "../../support/call.ts";
import { setting } from "../../support/stack.ts";

export interface EventOptions {
  /** Sent as it is; default is `body` as JSON. */
  text?: string;
  secret?: string;
  id?: string;
  /** When the sender claims to have signed. */
  at?: Date;
  /** Over the signature headers; undefined leaves one out. */
  headers?: Record<string, string | undefined>;
}

/** A request to POST /auth-webhook, signed with the first secret of the stack unless told otherwise. */
export function toSignedRequest(body: unknown, options: EventOptions = {}): CallOptions {
  const text = options.text ?? JSON.stringify(body);
  const id = options.id ?? `msg_${crypto.randomUUID()}`;
  const signedAt = options.at ?? new Date();
  const secret = options.secret ?? setting("HEIMDEX_WEBHOOK_SECRETS").split("|")[0] ?? "";
  const headers: Record<string, string | undefined> = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(signedAt.getTime() / 1000)),
    "webhook-signature": signBody({ secret, id, signedAt, body: text }),
    ...options.headers,
  };
  const sent = Object.entries(headers).filter((entry): entry is [string, string] =>
    entry[1] !== undefined
  );
  return { method: "POST", body: text, headers: Object.fromEntries(sent) };
}

export function sendEvent(body: unknown, options: EventOptions = {}): Promise<Response> {
  return call("/auth-webhook", toSignedRequest(body, options));
}

export const deleted = (userId: string) => ({ type: "user.deleted", data: { user_id: userId } });

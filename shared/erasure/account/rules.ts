import * as z from "zod";
import { later } from "../../later.ts";
import type { VerifiedToken } from "../../auth/verify-token.ts";
import { AppError } from "../../errors/app-error.ts";
import type { SignInFacts } from "./store.ts";

/** Days by which a deletion may be put off. */
export const maxDelayDays = 30;

/** Seconds since a sign-in within which it counts as a confirmation. */
export const freshSignInSeconds = 300;

/** Seconds by which the clocks of the caller, of Supabase Auth and of this machine may differ. */
const clockTolerance = 5;

/** When an account shall go, as a request says it. */
export interface DeletionTime {
  /** ISO 8601 with an offset. */
  effectiveAt?: string | undefined;
  /** True is the default without a time; false asks for one. */
  immediate?: boolean | undefined;
}

/**
 * Reads when an account shall go; null is now.
 * @throws AppError validation_failed (422) for a time in the past or more than 30 days ahead, for
 * `immediate` together with a time, and for neither
 */
export function readDeletionTime({ effectiveAt, immediate }: DeletionTime, now: Date): Date | null {
  if (effectiveAt === undefined) {
    if (immediate === false) refuse("effective_at", "Say when, or leave immediate out");
    return null;
  }
  if (immediate === true) refuse("immediate", "Send either immediate or effective_at");
  const time = new Date(effectiveAt);
  const delay = (time.getTime() - now.getTime()) / 1000;
  if (!(delay >= -clockTolerance)) refuse("effective_at", "Expected a time that is not past");
  if (delay > maxDelayDays * 86_400 + clockTolerance) {
    refuse("effective_at", `Expected a time at most ${maxDelayDays} days ahead`);
  }
  return delay <= 0 ? null : time;
}

function refuse(path: string, message: string): never {
  throw new AppError("validation_failed", `The body is not valid, check ${path}`, {
    errors: [{ path, message }],
  });
}

/** How a caller proves that it is the user who asks for the deletion. */
export type Confirmation = "password" | "sign_in" | "none";

/**
 * What a session without a password in the request has to show. Supabase Auth gives a user who
 * never chose a password a random one, so only the way this session was opened tells: with a
 * password, then it is asked for again; in another way, then not long ago. An anonymous user has
 * no sign-in to repeat: the session is all there is. The token does not tell who is one: it may be
 * older than the address the user has since.
 */
export function requiredConfirmation(
  { claims }: VerifiedToken,
  { anonymous }: Pick<SignInFacts, "anonymous">,
): Confirmation {
  if (anonymous) return "none";
  return readSignIns(claims).some(({ method }) => method === "password") ? "password" : "sign_in";
}

/** Whether the session was opened at most 5 minutes before `now`, as its `amr` claim says. */
export function isFreshSignIn({ claims }: VerifiedToken, now: Date): boolean {
  const seconds = now.getTime() / 1000;
  return readSignIns(claims).some(({ timestamp }) =>
    timestamp >= seconds - freshSignInSeconds - clockTolerance &&
    timestamp <= seconds + clockTolerance
  );
}

/** Whether the session has shown a second factor. */
export function hasSecondFactor({ user }: VerifiedToken): boolean {
  return user.aal === "aal2" || user.aal === "aal3";
}

/**
 * Methods by which a person signs in (GoTrue internal/models/factor.go). Left out: refreshed
 * tokens, anonymous sessions, second factors by themselves, and apps that hold a grant of the user.
 */
const signInMethods = new Set([
  "password",
  "otp",
  "magiclink",
  "recovery",
  "invite",
  "email/signup",
  "email_change",
  "oauth",
  "sso/saml",
  "web3",
  "passkey",
]);

const signInSchema = later(() => z.object({ method: z.string(), timestamp: z.number() }));

function readSignIns(claims: VerifiedToken["claims"]): z.infer<typeof signInSchema>[] {
  const amr = z.array(z.unknown()).catch([]).parse(claims["amr"]);
  return amr.flatMap((entry) => {
    const parsed = signInSchema.safeParse(entry);
    return parsed.success && signInMethods.has(parsed.data.method) ? [parsed.data] : [];
  });
}

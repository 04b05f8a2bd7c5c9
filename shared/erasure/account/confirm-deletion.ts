import { callAuth } from "../../auth/clients.ts";
import type { VerifiedToken } from "../../auth/verify-token.ts";
import { AppError } from "../../errors/app-error.ts";
import { nameFailure } from "../../errors/name-failure.ts";
import type { Deps } from "../../http/deps.ts";
import {
  freshSignInSeconds,
  hasSecondFactor,
  isFreshSignIn,
  requiredConfirmation,
} from "./rules.ts";
import {
  listBlockingOrganizations,
  readSignInFacts,
  returnPasswordTry,
  type SignInFacts,
  takePasswordTry,
} from "./store.ts";

/** What a confirmation works with. */
export type ConfirmationDeps = Pick<Deps, "database" | "auth" | "now" | "log">;

/**
 * Makes sure that the user in person asks for the deletion: by the password, or by a sign-in of the
 * last 5 minutes where the session was opened without one; with the second factor where there is
 * one. Five wrong passwords are let through in any hour, also when they come at the same time.
 * @throws AppError session_revoked, invalid_password, reauthentication_required (401),
 * insufficient_aal (403), last_admin (409), rate_limited (429, Retry-After), auth_unavailable and
 * database_unavailable (503): without the count no password is tried
 */
export async function confirmDeletion(
  deps: ConfirmationDeps,
  verified: VerifiedToken,
  password: string | undefined,
): Promise<void> {
  const facts = await deps.database.asUser(verified, async (sql) => {
    const found = await readSignInFacts(sql);
    assertSecondFactor(verified, found);
    const [blocking] = await listBlockingOrganizations(sql);
    if (blocking) throw lastAdmin(blocking.name);
    if (password === undefined) assertFreshSignIn(verified, found, deps.now());
    else assertTriesLeft(await takePasswordTry(sql));
    return found;
  });
  if (password !== undefined) await assertPassword(deps, verified, facts, password);
}

function assertSecondFactor(verified: VerifiedToken, facts: SignInFacts): void {
  if (!facts.second_factor || hasSecondFactor(verified)) return;
  throw new AppError(
    "insufficient_aal",
    "The account has a second factor, verify it in this session and try again",
  );
}

function lastAdmin(name: string): AppError {
  return new AppError(
    "last_admin",
    `You are the last admin of ${name}. Make another member an admin, or remove the other ` +
      "members, then try again",
  );
}

function assertFreshSignIn(verified: VerifiedToken, facts: SignInFacts, now: Date): void {
  const required = requiredConfirmation(verified, facts);
  if (required === "none" || (required === "sign_in" && isFreshSignIn(verified, now))) return;
  throw new AppError(
    "reauthentication_required",
    required === "password"
      ? "Send the password of the account to confirm the deletion"
      : "The sign-in is older than 5 minutes, sign in again, or send the password of the account",
    {
      // RFC 9470: also how old the sign-in may be.
      headers: {
        "www-authenticate": 'Bearer realm="heimdex", error="insufficient_user_authentication", ' +
          `max_age=${freshSignInSeconds}`,
      },
    },
  );
}

function assertTriesLeft(wait: number): void {
  if (wait === 0) return;
  const minutes = Math.ceil(wait / 60);
  throw new AppError(
    "rate_limited",
    `Too many passwords were wrong, try again in ${
      minutes === 1 ? "a minute" : `${minutes} minutes`
    }`,
    { headers: { "retry-after": String(wait) } },
  );
}

/** Signs in with a client of its own, whose session ends at once and is never handed out. */
async function assertPassword(
  deps: ConfirmationDeps,
  verified: VerifiedToken,
  facts: SignInFacts,
  password: string,
): Promise<void> {
  const address = toAddress(facts);
  if (!address) throw wrongPassword();
  try {
    const client = await deps.auth.anonymous();
    const { session, user } = await callAuth(
      client.auth.signInWithPassword({ ...address, password }),
    );
    await endSession(deps, session.access_token);
    if (user.id !== verified.user.supabaseUserId) throw wrongPassword();
  } catch (error) {
    if (error instanceof AppError && error.code === "invalid_password") throw error;
    if (error instanceof AppError && error.code === "invalid_credentials") throw wrongPassword();
    await deps.database.asUser(verified, returnPasswordTry);
    throw error;
  }
}

function toAddress({ email, phone }: SignInFacts): { email: string } | { phone: string } | null {
  if (email !== null) return { email };
  return phone === null ? null : { phone };
}

/** The session is known to nobody, so a failure to end it stops nothing. */
async function endSession({ auth, log }: ConfirmationDeps, token: string): Promise<void> {
  try {
    await auth.asCaller(token).signOut("local");
  } catch (error) {
    log({ level: "warn", event: "confirmation_session_left", reason: nameFailure(error) });
  }
}

function wrongPassword(): AppError {
  return new AppError("invalid_password", "The password is wrong, nothing was deleted");
}

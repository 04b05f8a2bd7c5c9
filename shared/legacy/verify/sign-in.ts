import type postgres from "postgres";
import type { AuthAdmin, AuthAnswer } from "../auth-admin.ts";
import { type Gate, sleep } from "../export/gate.ts";
import { type Mismatch, toMismatch } from "./mismatch.ts";

/** An address and the password it had in the legacy system. */
export interface Credentials {
  email: string;
  password: string;
}

const MAX_ATTEMPTS = 5;
const FIRST_DELAY_MS = 500;

/**
 * Signs one user of a sample in for real and ends that session again. Answers what is wrong, if
 * anything. Passwords go nowhere else.
 */
export async function checkSignIn(
  { sql, auth, gate }: { sql: postgres.Sql; auth: AuthAdmin; gate: Gate },
  { email, password }: Credentials,
): Promise<Mismatch | undefined> {
  const [moved] = await sql<{ legacy_user_id: string; supabase_user_id: string }[]>`
    select e.legacy_user_id, e.supabase_user_id
    from auth.users as a
    inner join private.legacy_exports as e on a.id = e.supabase_user_id
    where a.email = ${email.toLowerCase()} and not a.is_sso_user`;
  if (!moved) return toMismatch("sign_in_unknown", null);
  const answer = await signInPatiently({ auth, gate }, { email, password });
  if (answer.kind !== "done") {
    return toMismatch("sign_in_failed", moved.legacy_user_id, { note: answer.code });
  }
  await auth.signOut(readAt(answer.body, "access_token") ?? "");
  return readAt(readMember(answer.body, "user"), "id") === moved.supabase_user_id
    ? undefined
    : toMismatch("sign_in_other", moved.legacy_user_id);
}

async function signInPatiently(
  { auth, gate }: { auth: AuthAdmin; gate: Gate },
  { email, password }: Credentials,
): Promise<AuthAnswer> {
  for (let attempt = 1;; attempt++) {
    const ticket = await gate.enter();
    const answer = await auth.signIn(email, password);
    gate.leave(ticket, answer);
    const isLimited = answer.kind === "away" && answer.status === 429;
    if (answer.kind !== "away" || (!isLimited && attempt >= MAX_ATTEMPTS)) return answer;
    await sleep(FIRST_DELAY_MS);
  }
}

function readMember(body: unknown, name: string): unknown {
  return typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
}

function readAt(body: unknown, name: string): string | undefined {
  const value = readMember(body, name);
  return typeof value === "string" ? value : undefined;
}

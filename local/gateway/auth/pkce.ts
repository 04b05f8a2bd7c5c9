import { z } from "zod";
import { readBody } from "./body.ts";
import type { AuthContext } from "./context.ts";
import { inTransaction, type Metadata, type Sql } from "./database.ts";
import { AuthError, validationFailed } from "./errors.ts";
import { textField } from "./fields.ts";
import { readClient } from "./request-client.ts";
import { openSession } from "./sessions.ts";
import { findUserById, isBanned } from "./users.ts";

const PREFIX = "pkce_";
const FLOW_LIFE_MS = 5 * 60_000;
const CHALLENGE = /^[a-zA-Z._~0-9-]{43,128}$/;

/** How a session that a PKCE flow ends with was authenticated. */
export type FlowMethod = "email/signup" | "magiclink" | "recovery" | "email_change";

export interface Challenge {
  value: string;
  method: "s256" | "plain";
}

/** The fields every route that mails a link takes. */
export const challengeFields = { code_challenge: textField, code_challenge_method: textField };

/** The challenge of a request; null for the implicit flow. */
export function readChallenge(
  body: { code_challenge: string; code_challenge_method: string },
): Challenge | null {
  const { code_challenge: value, code_challenge_method: asked } = body;
  if (value === "" && asked === "") return null;
  if (value === "" || asked === "") {
    throw validationFailed("PKCE flow requires code_challenge_method and code_challenge");
  }
  const method = asked.toLowerCase();
  if (method !== "s256" && method !== "plain") {
    throw validationFailed(`Invalid code_challenge_method ${JSON.stringify(asked)}`);
  }
  if (CHALLENGE.test(value)) return { value, method };
  throw validationFailed("Code challenge does not comply with requirements");
}

/** Remembers the challenge until the mailed link is followed. */
export async function openFlow(
  sql: Sql,
  userId: string,
  method: FlowMethod,
  challenge: Challenge,
): Promise<void> {
  await sql`
    insert into auth.flow_state
      (id, user_id, auth_code, authentication_method, code_challenge, code_challenge_method,
       provider_type, created_at, updated_at)
    values
      (${crypto.randomUUID()}, ${userId}, ${crypto.randomUUID()}, ${method}, ${challenge.value},
       ${challenge.method}, 'email', now(), now())`;
}

/** The token of a link, marked so that following it gives a code instead of a session. */
export function markToken(hash: string, isPkce: boolean): string {
  return isPkce ? PREFIX + hash : hash;
}

export function readMarkedToken(token: string): { hash: string; isPkce: boolean } {
  const isPkce = token.startsWith(PREFIX);
  return { hash: isPkce ? token.slice(PREFIX.length) : token, isPkce };
}

/** The code of the newest flow of this user, for the redirect of a followed link. */
export async function issueAuthCode(tx: Sql, userId: string): Promise<string> {
  const [flow] = await tx<{ auth_code: string }[]>`
    update auth.flow_state set auth_code_issued_at = now(), updated_at = now()
    where id = (
      select id from auth.flow_state
      where user_id = ${userId} and auth_code_issued_at is null and provider_type = 'email'
      order by created_at desc limit 1)
    returning auth_code`;
  if (!flow) throw flowNotFound();
  return flow.auth_code;
}

const flowNotFound = () => {
  const message = "invalid flow state, no valid flow state found";
  return new AuthError(404, "flow_state_not_found", message);
};

interface FlowRow {
  id: string;
  user_id: string;
  authentication_method: string;
  code_challenge: string;
  code_challenge_method: string;
  auth_code_issued_at: Date;
}

/** POST /token?grant_type=pkce: exchanges the code and its verifier for a session, once. */
export async function grantByAuthCode(c: AuthContext): Promise<Metadata> {
  const { services } = c.var;
  const body = await readBody(c, z.object({ auth_code: textField, code_verifier: textField }));
  if (body.auth_code === "" || body.code_verifier === "") {
    throw validationFailed(
      "invalid request: both auth code and code verifier should be non-empty",
    );
  }
  return await inTransaction(services.sql, async (tx) => {
    const flow = await takeFlow(tx, body.auth_code, body.code_verifier);
    const user = await findUserById(tx, flow.user_id);
    if (!user) throw flowNotFound();
    if (isBanned(user)) throw new AuthError(400, "user_banned", "User is banned");
    return await openSession(tx, services, user, flow.authentication_method, readClient(c));
  });
}

async function takeFlow(tx: Sql, authCode: string, verifier: string): Promise<FlowRow> {
  const [flow] = await tx<FlowRow[]>`
    select * from auth.flow_state
    where auth_code = ${authCode} and auth_code_issued_at is not null and user_id is not null
    for update`;
  if (!flow) throw flowNotFound();
  if (Date.now() > flow.auth_code_issued_at.getTime() + FLOW_LIFE_MS) {
    const message = "invalid flow state, flow state has expired";
    throw new AuthError(422, "flow_state_expired", message);
  }
  const answer = flow.code_challenge_method === "plain" ? verifier : await hashVerifier(verifier);
  if (answer !== flow.code_challenge) {
    const message = "code challenge does not match previously saved code verifier";
    throw new AuthError(400, "bad_code_verifier", message);
  }
  await tx`delete from auth.flow_state where id = ${flow.id}`;
  return flow;
}

async function hashVerifier(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return new Uint8Array(digest).toBase64({ alphabet: "base64url", omitPadding: true });
}

import { describe, expect, test } from "vitest";
import { adminSql, claimsOf, hasAdminSql } from "../support/sql.ts";
import { canMintTokens } from "../support/stack.ts";
import { createHook, startOwnGateway } from "./auth/own-gateway.ts";
import { createPerson, PASSWORD } from "./auth/people.ts";
import type { Answer } from "./auth/row.ts";

/** Signs a new user in through a gateway whose token hook has this body. */
async function logInWith(body: string, options = { grant: true }): Promise<{
  answer: Answer;
  userId: string;
  refresh(): Promise<Answer>;
}> {
  const gateway = await startOwnGateway({ tokenHook: await createHook(body, options) });
  const { id, email } = await createPerson();
  const answer = await gateway.send("/token?grant_type=password", { email, password: PASSWORD });
  const { refresh_token } = answer.body;
  const refresh = () => gateway.send("/token?grant_type=refresh_token", { refresh_token });
  return { answer, userId: id, refresh };
}

async function countSessions(userId: string): Promise<number> {
  const [row] = await adminSql()`
    select count(*) as sessions from auth.sessions where user_id = ${userId}`;
  return Number(row?.sessions);
}

const tellEvent = `
  claims := claims || jsonb_build_object('seen_method', event->>'authentication_method',
    'seen_user', event->>'user_id', 'seen_role', current_user);`;

describe.runIf(hasAdminSql() && canMintTokens())(
  "custom access token hook (facts 2.3, 2.4)",
  () => {
    test("it sees user and method and runs as supabase_auth_admin", async () => {
      const { answer, userId } = await logInWith(tellEvent);
      expect(claimsOf(answer.body.access_token)).toMatchObject({
        seen_method: "password",
        seen_user: userId,
        seen_role: "supabase_auth_admin",
      });
    });

    test("it runs on every refresh, as token_refresh", async () => {
      const { refresh } = await logInWith(tellEvent);
      const { body } = await refresh();
      expect(claimsOf(body.access_token)).toMatchObject({ seen_method: "token_refresh" });
    });

    test("claims that are not required may be dropped", async () => {
      const { answer } = await logInWith(`
      claims := claims - 'iss' - 'amr' - 'app_metadata' - 'user_metadata';`);
      expect(answer.status).toBe(200);
      expect(claimsOf(answer.body.access_token)).not.toHaveProperty("app_metadata");
    });

    test.each([
      "aud",
      "exp",
      "iat",
      "sub",
      "email",
      "phone",
      "role",
      "aal",
      "session_id",
      "is_anonymous",
    ])("without the required claim %s nobody signs in", async (claim) => {
      const { answer, userId } = await logInWith(`claims := claims - '${claim}';`);
      expect(answer).toMatchObject({ status: 500, code: "unexpected_failure" });
      expect(await countSessions(userId)).toBe(0);
    });

    test("a claim of the wrong type is refused", async () => {
      const { answer } = await logInWith(`claims := claims || '{"exp": "tomorrow"}';`);
      expect(answer).toMatchObject({ status: 500, code: "unexpected_failure" });
    });

    test("another exp does not change expires_in of the answer", async () => {
      const { answer } = await logInWith(`
      claims := claims || jsonb_build_object('exp', (claims->>'iat')::int + 60);`);
      const { exp, iat } = claimsOf(answer.body.access_token);
      expect(Number(exp) - Number(iat)).toBe(60);
      expect(answer.body.expires_in).toBe(3600);
    });

    test("an error object chooses status and sentence", async () => {
      const { answer } = await logInWith(`
      output := '{"error": {"http_code": 403, "message": "Not today"}}';`);
      expect(answer).toMatchObject({
        status: 403,
        code: "unknown",
        body: { message: "Not today" },
      });
    });

    test("an exception blocks the login and leaves no session", async () => {
      const { answer, userId } = await logInWith(`raise exception 'broken';`);
      expect(answer).toMatchObject({ status: 500, code: "unexpected_failure" });
      expect(JSON.stringify(answer.body)).not.toContain("broken");
      expect(await countSessions(userId)).toBe(0);
    });

    test("an old client is shown what the exception says", async () => {
      const tokenHook = await createHook(`raise exception 'broken' using errcode = 'PT418';`);
      const gateway = await startOwnGateway({ tokenHook });
      const { email } = await createPerson();
      const json = { email, password: PASSWORD };
      const old = { "x-supabase-api-version": "" };
      const answer = await gateway.send("/token?grant_type=password", json, old);
      expect(answer).toMatchObject({ status: 418, code: "PT418", body: { message: "broken" } });
    });

    test("after two seconds the login fails", async () => {
      const started = Date.now();
      const { answer } = await logInWith(`perform pg_sleep(10);`);
      expect(answer).toMatchObject({ status: 500, code: "unexpected_failure" });
      expect(Date.now() - started).toBeLessThan(9000);
    });

    test("without execute for supabase_auth_admin nobody signs in", async () => {
      const { answer } = await logInWith(tellEvent, { grant: false });
      expect(answer).toMatchObject({ status: 500, code: "unexpected_failure" });
    });

    test("while the function is missing claims stay as they are", async () => {
      const gateway = await startOwnGateway({ tokenHook: "nowhere.hook" });
      const { email } = await createPerson({ user_metadata: { own: true } });
      const { body } = await gateway.send("/token?grant_type=password", {
        email,
        password: PASSWORD,
      });
      expect(claimsOf(body.access_token)).toMatchObject({ user_metadata: { own: true } });
    });
  },
);

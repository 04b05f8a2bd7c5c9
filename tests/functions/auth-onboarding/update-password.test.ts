import { describe, expect, it } from "vitest";
import { call, expectProblem } from "../../support/call.ts";
import { mailCode, readMail } from "../../support/mail.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { canReadMail, useStack } from "../../support/stack.ts";
import { createDeadSession, createUser, signIn } from "../../support/users.ts";
import { expectAuthOutage, expectRefusedFields, post, readSession } from "./support.ts";

const password = "a new and better password";

describe("POST /auth-onboarding/password-update", () => {
  it("changes the password of the caller, keeps this session and ends the others", async () => {
    const [user, bystander] = await Promise.all([createUser(), createUser()]);
    const second = await signIn(user.email, user.password);
    const response = await post("password-update", { password }, user.accessToken);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    const { email } = user;
    await expectProblem(
      await post("login", { email, password: user.password }),
      "invalid_credentials",
    );
    await readSession(await post("login", { email, password }));
    expect((await call("/me/usage", { token: user.accessToken })).status).toBe(200);
    expect((await call("/me/usage", { token: second.accessToken })).status).toBe(401);
    const { email: other, password: unchanged } = bystander;
    await readSession(await post("login", { email: other, password: unchanged }));
  });

  it("refuses the present password and a weak one", async () => {
    const user = await createUser();
    const update = (next: string) => post("password-update", { password: next }, user.accessToken);
    await expectProblem(await update(user.password), "same_password", 422);
    const weak = await expectProblem(await update("abc"), "weak_password", 422);
    expect(weak.errors?.[0]?.path).toBe("password");
  });

  describe.runIf(hasAdminSql())("in a session older than 24 hours", () => {
    async function createLongSignedIn() {
      const user = await createUser();
      await adminSql()`
        update auth.sessions set created_at = now() - interval '25 hours'
        where user_id = ${user.id}`;
      return user;
    }

    it("asks for a code by mail and says where it goes", async () => {
      const { accessToken } = await createLongSignedIn();
      const response = await post("password-update", { password }, accessToken);
      const problem = await expectProblem(response, "reauthentication_required", 401);
      expect(problem.detail).toContain("send it as nonce");
      expect(response.headers.get("www-authenticate")).toContain(
        "insufficient_user_authentication",
      );
    });

    it("refuses a wrong code", async () => {
      const { accessToken } = await createLongSignedIn();
      const body = { password, nonce: "000000" };
      await expectProblem(await post("password-update", body, accessToken), "code_invalid", 401);
    });

    it.runIf(canReadMail())("takes the mailed code", async () => {
      const { email, accessToken } = await createLongSignedIn();
      const { url, publishableKey } = useStack();
      const headers = { apikey: publishableKey, authorization: `Bearer ${accessToken}` };
      await (await fetch(`${url}/auth/v1/reauthenticate`, { headers })).body?.cancel();
      const body = { password, nonce: mailCode(await readMail(email)) };
      expect((await post("password-update", body, accessToken)).status).toBe(204);
      await readSession(await post("login", { email, password }));
    });
  });

  it.each([[{}], [{ password: "" }], [{ password: "x".repeat(73) }], [{ password: null }]])(
    "refuses %j and names the field",
    async (body) => {
      const { accessToken } = await createUser();
      await expectRefusedFields(await post("password-update", body, accessToken), "password");
    },
  );

  it("refuses a session that has ended", async () => {
    const { accessToken } = await createDeadSession();
    const response = await post("password-update", { password }, accessToken);
    await expectProblem(response, "session_revoked", 401);
  });

  it("answers 503 while Supabase Auth is down", async () => {
    const { accessToken } = await createUser();
    await expectAuthOutage("password-update", { password }, accessToken);
  });
});

import { describe, expect, it } from "vitest";
import { call, expectProblem } from "../../support/call.ts";
import { adminClient, createUser, uniqueEmail } from "../../support/users.ts";
import { expectAuthOutage, expectRefusedFields, post, readSession } from "./support.ts";

describe("POST /auth-onboarding/login", () => {
  it("answers a session with the fresh profile, whatever the case of the address", async () => {
    const { id, email, password } = await createUser({ userMetadata: { display_name: "Mina" } });
    const session = await readSession(
      await post("login", { email: ` ${email.toUpperCase()} `, password }),
    );
    expect(session).toMatchObject({ token_type: "bearer", expires_in: expect.any(Number) });
    expect(session.user).toMatchObject({ id, email, display_name: "Mina", email_verified: true });
    expect((await call("/me", { token: session.access_token })).status).toBe(200);
  });

  it("answers the same to a wrong password and to an unknown address", async () => {
    const { email } = await createUser();
    const refuse = async (address: string) => {
      const response = await post("login", { email: address, password: "wrong password" });
      const { request_id: _id, ...problem } = await expectProblem(
        response,
        "invalid_credentials",
        401,
      );
      return problem;
    };
    expect(await refuse(email)).toEqual(await refuse(uniqueEmail()));
  });

  it("takes any characters in a password", async () => {
    const { email } = await createUser();
    const response = await post("login", { email, password: "a\u0000b\ud800c" });
    await expectProblem(response, "invalid_credentials", 401);
  });

  it("refuses a user whose address is not confirmed", async () => {
    const email = uniqueEmail();
    const password = "correct horse battery staple";
    const { error } = await adminClient().auth.admin.createUser({ email, password });
    expect(error).toBeNull();
    await expectProblem(await post("login", { email, password }), "email_not_confirmed", 403);
  });

  it("refuses a banned user", async () => {
    const { id, email, password } = await createUser();
    const banned = await adminClient().auth.admin.updateUserById(id, { ban_duration: "1h" });
    expect(banned.error).toBeNull();
    await expectProblem(await post("login", { email, password }), "user_banned", 403);
  });

  it("never signs in the clients of other requests", async () => {
    const [one, two] = await Promise.all([createUser(), createUser()]);
    const sessions = await Promise.all(
      [one, two, one, two].map(async ({ email, password }) =>
        await readSession(await post("login", { email, password }))
      ),
    );
    expect(sessions.map((session) => session.user.id)).toEqual([one.id, two.id, one.id, two.id]);
  });

  it.each([
    [{}, ["email", "password"]],
    [{ email: "x", password: "y" }, ["email"]],
    [{ email: "a@b.test", password: "" }, ["password"]],
    [{ email: "a@b.test", password: 5 }, ["password"]],
  ])("refuses %j and names the field", async (body, paths) => {
    await expectRefusedFields(await post("login", body), ...paths);
  });

  it("answers 503 while Supabase Auth is down", async () => {
    await expectAuthOutage("login", { email: "a@b.test", password: "whatever" });
  });
});

import { describe, expect, it } from "vitest";
import { expectJson, expectProblem } from "../../support/call.ts";
import { mailCode, readMail, verifyLink } from "../../support/mail.ts";
import { canReadMail } from "../../support/stack.ts";
import { anonymousClient, createUser, uniqueEmail } from "../../support/users.ts";
import { messageSchema } from "../../../supabase/functions/auth-onboarding/schemas.ts";
import { expectAuthOutage, expectRefusedFields, post, readSession } from "./support.ts";

describe.runIf(canReadMail())("POST /auth-onboarding/verify", () => {
  it("takes a code once", async () => {
    const { id, email } = await createUser();
    await expectJson(await post("magic-link", { email }), 202);
    const body = { type: "email", email, token: mailCode(await readMail(email)) };
    expect((await readSession(await post("verify", body))).user.id).toBe(id);
    await expectProblem(await post("verify", body), "code_invalid", 401);
  });

  it("takes the token_hash of a link", async () => {
    const email = uniqueEmail();
    const password = "correct horse battery staple";
    await expectJson(await post("register", { email, password }), 202);
    const link = new URL(verifyLink(await readMail(email)));
    const token_hash = link.searchParams.get("token");
    const session = await readSession(await post("verify", { type: "signup", token_hash }));
    expect(session.user).toMatchObject({ email, email_verified: true });
  });

  it("asks for the other mail after the first half of a change of address", async () => {
    const user = await createUser();
    const next = uniqueEmail();
    const client = anonymousClient();
    await client.auth.setSession({
      access_token: user.accessToken,
      refresh_token: user.refreshToken,
    });
    expect((await client.auth.updateUser({ email: next })).error).toBeNull();
    const halves = await Promise.all([user.email, next].map(async (email) => {
      const link = new URL(verifyLink(await readMail(email)));
      return { type: "email_change", token_hash: link.searchParams.get("token") };
    }));
    messageSchema.parse(await expectJson(await post("verify", halves[0]), 202));
    const session = await readSession(await post("verify", halves[1]));
    expect(session.user).toMatchObject({ id: user.id, email: next });
  });

  it("refuses the code of another user", async () => {
    const [one, two] = await Promise.all([createUser(), createUser()]);
    await expectJson(await post("magic-link", { email: one.email }), 202);
    const token = mailCode(await readMail(one.email));
    const response = await post("verify", { type: "email", email: two.email, token });
    await expectProblem(response, "code_invalid", 401);
  });
});

describe("POST /auth-onboarding/verify", () => {
  it("refuses a wrong code and a wrong token_hash", async () => {
    const { email } = await createUser();
    const code = await post("verify", { type: "email", email, token: "000000" });
    await expectProblem(code, "code_invalid", 401);
    const hash = await post("verify", { type: "signup", token_hash: "0".repeat(56) });
    await expectProblem(hash, "code_invalid", 401);
  });

  it.each([
    [{}, ["type"]],
    [{ type: "sms", token_hash: "x" }, ["type"]],
    [{ type: "email" }, ["email", "token"]],
    [{ type: "email", token_hash: "a\u0000b" }, ["token_hash"]],
    [{ type: "email", email: "a@b.test", token: "a\u0000b" }, ["token"]],
    [{ type: "email", email: "a@b.test" }, ["token"]],
    [{ type: "email", token: "123456" }, ["email"]],
    [{ type: "email", token_hash: "x", token: "y" }, ["token_hash"]],
  ])("refuses %j and names the field", async (body, paths) => {
    await expectRefusedFields(await post("verify", body), ...paths);
  });

  it("answers 503 while Supabase Auth is down", async () => {
    await expectAuthOutage("verify", { type: "signup", token_hash: "x" });
  });
});

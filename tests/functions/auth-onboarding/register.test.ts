import { describe, expect, it } from "vitest";
import { messageSchema } from "../../../supabase/functions/auth-onboarding/schemas.ts";
import { call, expectJson, expectProblem } from "../../support/call.ts";
import { listMails, mailCode, readMail } from "../../support/mail.ts";
import { canReadMail } from "../../support/stack.ts";
import { createUser, uniqueEmail } from "../../support/users.ts";
import { expectAuthOutage, expectRefusedFields, post, readSession } from "./support.ts";

const password = "correct horse battery staple";

describe.runIf(canReadMail())("POST /auth-onboarding/register", () => {
  it("sends a mail whose code opens the first session, with the chosen name", async () => {
    const email = uniqueEmail("Mina").toUpperCase();
    const response = await post("register", { email, password, display_name: " Mina " });
    messageSchema.parse(await expectJson(response, 202));
    const mail = await readMail(email.toLowerCase());
    const session = await readSession(
      await post("verify", { type: "signup", email, token: mailCode(mail) }),
    );
    expect(session.user).toMatchObject({
      email: email.toLowerCase(),
      email_verified: true,
      display_name: "Mina",
      onboarding_completed: false,
    });
  });

  it("answers the same for an address that is known, and changes nothing there", async () => {
    const known = await createUser();
    const answers = [];
    for (const email of [known.email, uniqueEmail()]) {
      const response = await post("register", { email, password, display_name: "Eve" });
      const { date: _date, ...headers } = Object.fromEntries(response.headers);
      const names = Object.keys(headers).sort();
      answers.push({ status: response.status, body: await response.json(), names });
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]?.status).toBe(202);
    const login = await readSession(
      await post("login", { email: known.email, password: known.password }),
    );
    expect(login.user.display_name).toBeNull();
  });

  it("sends no second confirmation to an address that is confirmed", async () => {
    const known = await createUser();
    await expectJson(await post("register", { email: known.email, password }), 202);
    expect((await listMails(known.email)).filter((mail) => /confirm/i.test(mail.subject))).toEqual(
      [],
    );
  });
});

describe("POST /auth-onboarding/register", () => {
  it.each([
    [{}, ["email", "password"]],
    [{ email: "mina", password }, ["email"]],
    [{ email: ["a@b.test"], password }, ["email"]],
    [{ email: "a@b.test", password: "x".repeat(73) }, ["password"]],
    [{ email: "a@b.test", password: "ü".repeat(37) }, ["password"]],
    [{ email: "a@b.test", password, display_name: "x".repeat(101) }, ["display_name"]],
    [{ email: "a@b.test", password, redirect_to: "javascript:alert(1)" }, ["redirect_to"]],
    [{ email: "a@b.test", password, tier: "pro" }, ["tier"]],
  ])("refuses %j and names the field", async (body, paths) => {
    await expectRefusedFields(await post("register", body), ...paths);
  });

  it("refuses a weak password and names the field", async () => {
    const response = await post("register", { email: uniqueEmail(), password: "abc" });
    const problem = await expectProblem(response, "weak_password", 422);
    expect(problem.errors?.[0]?.path).toBe("password");
  });

  it("refuses malformed JSON and another content type", async () => {
    const send = (body: string, type: string) =>
      call("/auth-onboarding/register", {
        method: "POST",
        body,
        headers: { "content-type": type },
      });
    await expectProblem(await send("{", "application/json"), "invalid_json", 400);
    await expectProblem(await send("a=b", "text/plain"), "unsupported_media_type", 415);
  });

  it("answers 503 while Supabase Auth is down", async () => {
    await expectAuthOutage("register", { email: uniqueEmail(), password });
  });
});

import { describe, expect, it } from "vitest";
import { expectJson } from "../../support/call.ts";
import { listMails, mailCode, readMail } from "../../support/mail.ts";
import { canReadMail } from "../../support/stack.ts";
import { adminClient, createUser, uniqueEmail } from "../../support/users.ts";
import { messageSchema } from "../../../supabase/functions/auth-onboarding/schemas.ts";
import { expectAuthOutage, expectRefusedFields, post, readSession } from "./support.ts";

describe.runIf(canReadMail())("POST /auth-onboarding/password-reset", () => {
  it("leads over the mail to a new password", async () => {
    const user = await createUser();
    await expectJson(await post("password-reset", { email: user.email }), 202);
    const token = mailCode(await readMail(user.email));
    const session = await readSession(
      await post("verify", { type: "recovery", email: user.email, token }),
    );
    const password = "a new and better password";
    const changed = await post("password-update", { password }, session.access_token);
    expect(changed.status).toBe(204);
    await readSession(await post("login", { email: user.email, password }));
  });

  it("answers the same for known, unknown and banned addresses, however often", async () => {
    const [known, banned] = await Promise.all([createUser(), createUser()]);
    await adminClient().auth.admin.updateUserById(banned.id, { ban_duration: "1h" });
    const unknown = uniqueEmail();
    const bodies = new Set<string>();
    for (const email of [known.email, known.email, unknown, unknown, banned.email]) {
      const body = await expectJson(await post("password-reset", { email }), 202);
      bodies.add(JSON.stringify(messageSchema.parse(body)));
    }
    expect(bodies.size).toBe(1);
    expect(await listMails(unknown)).toEqual([]);
  });
});

describe("POST /auth-onboarding/password-reset", () => {
  it.each([[{}, "email"], [{ email: "x" }, "email"], [{ email: "a@b.test", x: 1 }, "x"]])(
    "refuses %j and names the field",
    async (body, path) => {
      await expectRefusedFields(await post("password-reset", body), path);
    },
  );

  it("answers 503 while Supabase Auth is down", async () => {
    await expectAuthOutage("password-reset", { email: uniqueEmail() });
  });
});

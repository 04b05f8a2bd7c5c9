import { describe, expect, it } from "vitest";
import { expectJson } from "../../support/call.ts";
import { listMails, readMail, verifyLink } from "../../support/mail.ts";
import { canReadMail } from "../../support/stack.ts";
import { createUser, uniqueEmail } from "../../support/users.ts";
import { messageSchema } from "../../../supabase/functions/auth-onboarding/schemas.ts";
import { expectAuthOutage, expectRefusedFields, post, readSession } from "./support.ts";

describe.runIf(canReadMail())("POST /auth-onboarding/magic-link", () => {
  it("signs in with the token of the link", async () => {
    const user = await createUser();
    await expectJson(await post("magic-link", { email: user.email }), 202);
    const link = new URL(verifyLink(await readMail(user.email)));
    const session = await readSession(
      await post("verify", { type: "magiclink", token_hash: link.searchParams.get("token") }),
    );
    expect(session.user.id).toBe(user.id);
  });

  it("answers the same for known and unknown addresses and creates no user", async () => {
    const known = await createUser();
    const unknown = uniqueEmail();
    const bodies = new Set<string>();
    for (const email of [known.email, known.email, unknown]) {
      const body = await expectJson(await post("magic-link", { email }), 202);
      bodies.add(JSON.stringify(messageSchema.parse(body)));
    }
    expect(bodies.size).toBe(1);
    expect(await listMails(unknown)).toEqual([]);
  });
});

describe("POST /auth-onboarding/magic-link", () => {
  it.each([
    [{}, "email"],
    [{ email: 5 }, "email"],
    [{ email: "a@b.test", redirect_to: "https://a.test/\ud800" }, "redirect_to"],
  ])(
    "refuses %j and names the field",
    async (body, path) => {
      await expectRefusedFields(await post("magic-link", body), path);
    },
  );

  it("answers 503 while Supabase Auth is down", async () => {
    await expectAuthOutage("magic-link", { email: uniqueEmail() });
  });
});

import { describe, expect, it } from "vitest";
import { expectProblem } from "../../support/call.ts";
import { adminClient, createDeadSession, createUser } from "../../support/users.ts";
import { expectAuthOutage, expectRefusedFields, post, readSession } from "./support.ts";

describe("POST /auth-onboarding/refresh", () => {
  it("answers a new session that says what was changed since", async () => {
    const user = await createUser();
    const { error } = await adminClient().auth.admin.updateUserById(user.id, {
      app_metadata: { tier: "pro" },
    });
    expect(error).toBeNull();
    const session = await readSession(await post("refresh", { refresh_token: user.refreshToken }));
    expect(session.refresh_token).not.toBe(user.refreshToken);
    expect(session.user.tier).toBe("pro");
  });

  it("refuses an unknown token and one of an ended session", async () => {
    const dead = await createDeadSession();
    for (const refresh_token of ["unknown", dead.refreshToken]) {
      const response = await post("refresh", { refresh_token });
      await expectProblem(response, "refresh_token_invalid", 401);
    }
  });

  it("refuses the token of a banned user", async () => {
    const user = await createUser();
    await adminClient().auth.admin.updateUserById(user.id, { ban_duration: "1h" });
    const response = await post("refresh", { refresh_token: user.refreshToken });
    await expectProblem(response, "user_banned", 403);
  });

  it.each([[{}], [{ refresh_token: "" }], [{ refresh_token: 1 }], [{ refresh_token: "a\u0000b" }]])(
    "refuses %j and names the field",
    async (body) => {
      await expectRefusedFields(await post("refresh", body), "refresh_token");
    },
  );

  it("answers 503 at once while Supabase Auth is down", async () => {
    await expectAuthOutage("refresh", { refresh_token: "any" });
  });
});

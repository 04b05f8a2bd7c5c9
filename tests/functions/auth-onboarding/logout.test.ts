import { describe, expect, it } from "vitest";
import { call, expectProblem } from "../../support/call.ts";
import { createDeadSession, createUser, signIn } from "../../support/users.ts";
import { expectAuthOutage, expectRefusedFields, post } from "./support.ts";

async function isLive(token: string): Promise<boolean> {
  const response = await call("/me/usage", { token });
  await response.body?.cancel();
  return response.status === 200;
}

describe("POST /auth-onboarding/logout", () => {
  it.each([
    ["local", false, true],
    ["others", true, false],
    ["global", false, false],
  ])("scope %s leaves this session live: %s, another: %s", async (scope, own, other) => {
    const user = await createUser();
    const second = await signIn(user.email, user.password);
    const response = await post("logout", { scope }, user.accessToken);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(await isLive(user.accessToken)).toBe(own);
    expect(await isLive(second.accessToken)).toBe(other);
  });

  it("ends all sessions when no body is sent", async () => {
    const user = await createUser();
    const second = await signIn(user.email, user.password);
    const response = await call("/auth-onboarding/logout", {
      method: "POST",
      token: user.accessToken,
    });
    expect(response.status).toBe(204);
    expect(await isLive(second.accessToken)).toBe(false);
  });

  it("refuses an unknown scope and a session that has ended", async () => {
    const user = await createUser();
    await expectRefusedFields(await post("logout", { scope: "all" }, user.accessToken), "scope");
    const dead = await createDeadSession();
    await expectProblem(await post("logout", {}, dead.accessToken), "session_revoked", 401);
  });

  it("answers 503 while Supabase Auth is down", async () => {
    const { accessToken } = await createUser();
    await expectAuthOutage("logout", {}, accessToken);
  });
});

import { describe, expect, it } from "vitest";
import { profileSchema } from "../../../shared/auth/profile.ts";
import { createApp } from "../../../supabase/functions/me/app.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminClient, createDeadSession, createUser } from "../../support/users.ts";

describe("GET /me", () => {
  it("answers the profile of the token", async () => {
    const user = await createUser({
      userMetadata: { display_name: "Mina", pref_theme: "dark", tier: "enterprise" },
      appMetadata: { tier: "pro" },
    });
    const profile = profileSchema.parse(
      await expectJson(await call("/me", { token: user.accessToken }), 200),
    );
    expect(profile).toEqual({
      id: user.id,
      email: user.email,
      email_verified: true,
      display_name: "Mina",
      onboarding_completed: false,
      industry: null,
      job_title: null,
      email_consent: false,
      preferences: { theme: "dark" },
      tier: "pro",
      created_at: expect.any(String),
    });
  });

  it("asks neither the database nor Supabase Auth", async () => {
    const { accessToken } = await createUser();
    for (const part of ["database", "supabase"] as const) {
      const app = createApp(depsWith({ environment: withOutage(part) }));
      const response = await app.request("/me", toRequestInit({ token: accessToken }));
      expect(response.status, part).toBe(200);
    }
  });

  it("trusts the token alone, so it also answers a session that has ended", async () => {
    const { accessToken } = await createDeadSession();
    expect((await call("/me", { token: accessToken })).status).toBe(200);
  });

  it("survives any junk a user put into the own metadata", async () => {
    const user = await createUser({
      userMetadata: {
        display_name: ["x"],
        industry: { deep: 1 },
        email_consent: "yes",
        onboarding_completed: 1,
        pref_theme: { a: [1] },
        junk: "x".repeat(3000),
      },
    });
    const profile = profileSchema.parse(
      await expectJson(await call("/me", { token: user.accessToken }), 200),
    );
    expect(profile).toMatchObject({
      display_name: null,
      industry: null,
      email_consent: false,
      onboarding_completed: false,
      preferences: {},
    });
    expect(user.accessToken.length).toBeLessThan(2500);
  });

  it("rejects an unknown value of fresh", async () => {
    const { accessToken } = await createUser();
    const response = await call("/me?fresh=maybe", { token: accessToken });
    const problem = await expectProblem(response, "validation_failed", 422);
    expect(problem.errors?.[0]?.path).toBe("fresh");
  });
});

describe("GET /me?fresh=true", () => {
  it("answers what Supabase Auth knows now, before the token does", async () => {
    const user = await createUser({ userMetadata: { display_name: "Before" } });
    const { error } = await adminClient().auth.admin.updateUserById(user.id, {
      user_metadata: { display_name: "After" },
      app_metadata: { tier: "enterprise" },
    });
    expect(error).toBeNull();
    const read = async (path: string) =>
      profileSchema.parse(await expectJson(await call(path, { token: user.accessToken }), 200));
    expect(await read("/me")).toMatchObject({ display_name: "Before", tier: "free" });
    const fresh = await read("/me?fresh=true");
    expect(fresh).toMatchObject({ display_name: "After", tier: "enterprise" });
    expect({ ...fresh, display_name: "Before", tier: "free" }).toEqual(await read("/me"));
  });

  it("refuses a session that has ended", async () => {
    const { accessToken } = await createDeadSession();
    const response = await call("/me?fresh=true", { token: accessToken });
    await expectProblem(response, "session_revoked", 401);
  });

  it("answers 503 while Supabase Auth is down", async () => {
    const { accessToken } = await createUser();
    const app = createApp(depsWith({ environment: withOutage("supabase") }));
    const response = await app.request("/me?fresh=true", toRequestInit({ token: accessToken }));
    expect(response.headers.get("retry-after")).toBe("5");
    await expectProblem(response, "auth_unavailable", 503);
  });
});

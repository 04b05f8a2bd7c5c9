import { describe, expect, it } from "vitest";
import { changedProfileSchema } from "../../../shared/auth/profile.ts";
import { createApp } from "../../../supabase/functions/auth-onboarding/app.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { adminClient, createDeadSession, createUser } from "../../support/users.ts";
import { expectAuthOutage, expectRefusedFields, post, readSession } from "./support.ts";

const answers = { industry: "Film", job_title: "Editor", email_consent: true };

async function consentsOf(id: string): Promise<{ granted: boolean; text_version: string }[]> {
  return await adminSql()<{ granted: boolean; text_version: string }[]>`
    select granted_at is not null as granted, text_version
    from public.consents where user_id = ${id} and kind = 'email' order by consent_id`;
}

async function metadataOf(id: string): Promise<Record<string, unknown>> {
  const { data, error } = await adminClient().auth.admin.getUserById(id);
  if (error) throw error;
  return data.user.user_metadata;
}

describe("POST /auth-onboarding/onboarding", () => {
  it("writes the answers, records the consent and keeps what was there", async () => {
    const user = await createUser({ userMetadata: { display_name: "Mina", pref_theme: "dark" } });
    const response = await post("onboarding", answers, user.accessToken);
    expect(changedProfileSchema.parse(await expectJson(response, 200))).toMatchObject({
      ...answers,
      id: user.id,
      display_name: "Mina",
      onboarding_completed: true,
      preferences: { theme: "dark" },
      refresh_required: true,
    });
    expect(await consentsOf(user.id)).toEqual([{ granted: true, text_version: "email-2026-11" }]);
  });

  it("shows on another device after a login there", async () => {
    const user = await createUser();
    await expectJson(await post("onboarding", answers, user.accessToken), 200);
    const { email, password } = user;
    const session = await readSession(await post("login", { email, password }));
    expect(session.user).toMatchObject({ ...answers, onboarding_completed: true });
  });

  it("records a no as well, and a repetition once", async () => {
    const user = await createUser();
    const no = { ...answers, email_consent: false, display_name: "Mina" };
    for (let i = 0; i < 2; i++) {
      const body = await expectJson(await post("onboarding", no, user.accessToken), 200);
      expect(body).toMatchObject({ email_consent: false, display_name: "Mina" });
    }
    expect(await consentsOf(user.id)).toEqual([{ granted: false, text_version: "email-2026-11" }]);
  });

  it.each([
    [{}, ["industry", "job_title", "email_consent"]],
    [{ ...answers, industry: "" }, ["industry"]],
    [{ ...answers, job_title: "x".repeat(101) }, ["job_title"]],
    [{ ...answers, email_consent: "true" }, ["email_consent"]],
    [{ ...answers, display_name: 1 }, ["display_name"]],
    [{ ...answers, tier: "pro" }, ["tier"]],
  ])("refuses %j and names the field", async (body, paths) => {
    const { accessToken } = await createUser();
    await expectRefusedFields(await post("onboarding", body, accessToken), ...paths);
  });

  it("refuses what would not fit in a token and writes nothing", async () => {
    const preferences = Object.fromEntries(
      Array.from({ length: 5 }, (_, i) => [`pref_p${i}`, "x".repeat(190)]),
    );
    const user = await createUser({ userMetadata: preferences });
    const response = await post("onboarding", answers, user.accessToken);
    await expectProblem(response, "metadata_too_large", 422);
    expect(await metadataOf(user.id)).not.toHaveProperty("industry");
    expect(await consentsOf(user.id)).toEqual([]);
  });

  it("refuses a session that has ended", async () => {
    const { accessToken } = await createDeadSession();
    await expectProblem(await post("onboarding", answers, accessToken), "session_revoked", 401);
  });

  it("writes nothing while the database is down; the same request later succeeds", async () => {
    const user = await createUser();
    const app = createApp(depsWith({ environment: withOutage("database") }));
    const init = toRequestInit({ method: "POST", token: user.accessToken, json: answers });
    const response = await app.request("/auth-onboarding/onboarding", init);
    await expectProblem(response, "database_unavailable", 503);
    expect(await metadataOf(user.id)).not.toHaveProperty("industry");
    await expectJson(await post("onboarding", answers, user.accessToken), 200);
    expect(await consentsOf(user.id)).toHaveLength(1);
  });

  it("answers 503 and records nothing while Supabase Auth is down", async () => {
    const user = await createUser();
    await expectAuthOutage("onboarding", answers, user.accessToken);
    expect(await consentsOf(user.id)).toEqual([]);
  });
});

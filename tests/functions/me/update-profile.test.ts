import { describe, expect, it } from "vitest";
import { changedProfileSchema, profileSchema } from "../../../shared/auth/profile.ts";
import { createApp } from "../../../supabase/functions/me/app.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { adminClient, createDeadSession, createUser, signIn } from "../../support/users.ts";

async function change(token: string, json: unknown) {
  const response = await call("/me", { method: "PATCH", token, json });
  return changedProfileSchema.parse(await expectJson(response, 200));
}

async function metadataOf(id: string): Promise<Record<string, unknown>> {
  const { data, error } = await adminClient().auth.admin.getUserById(id);
  if (error) throw error;
  return data.user.user_metadata;
}

interface ConsentRow {
  kind: string;
  granted: boolean;
  text_version: string;
}

async function consentsOf(id: string): Promise<ConsentRow[]> {
  return await adminSql()<ConsentRow[]>`
    select kind, granted_at is not null as granted, text_version
    from public.consents where user_id = ${id} order by consent_id`;
}

describe("PATCH /me", () => {
  it("changes the named fields only and answers the fresh profile", async () => {
    const user = await createUser({
      userMetadata: { display_name: "Mina", industry: "Film", pref_theme: "dark", pref_size: 20 },
    });
    const changed = await change(user.accessToken, {
      job_title: "  Editor ",
      industry: null,
      preferences: { theme: "light", size: null, autoplay: true },
    });
    expect(changed).toMatchObject({
      display_name: "Mina",
      industry: null,
      job_title: "Editor",
      preferences: { theme: "light", autoplay: true },
      refresh_required: true,
    });
    expect(await metadataOf(user.id)).not.toHaveProperty("pref_size");
  });

  it("shows in the token after a refresh, and at once with fresh=true", async () => {
    const user = await createUser();
    await change(user.accessToken, { display_name: "Mina" });
    const { data } = await user.client.auth.refreshSession({ refresh_token: user.refreshToken });
    const token = data.session?.access_token ?? "";
    const profile = profileSchema.parse(await expectJson(await call("/me", { token }), 200));
    expect(profile.display_name).toBe("Mina");
  });

  it("keeps what another device changed meanwhile, although this token still says the old", async () => {
    const user = await createUser({ userMetadata: { display_name: "Old", pref_theme: "light" } });
    const other = await signIn(user.email, user.password);
    await change(other.accessToken, { display_name: "Mina", preferences: { size: 20 } });
    const changed = await change(user.accessToken, { preferences: { theme: "dark" } });
    expect(changed).toMatchObject({
      display_name: "Mina",
      preferences: { theme: "dark", size: 20 },
    });
  });

  it("records a consent once, its withdrawal, and the text the user saw", async () => {
    const user = await createUser();
    const grant = { email_consent: true, face_consent: true, consent_text_version: "v7" };
    expect((await change(user.accessToken, grant)).email_consent).toBe(true);
    await change(user.accessToken, grant);
    expect((await change(user.accessToken, { email_consent: false })).email_consent).toBe(false);
    expect(await consentsOf(user.id)).toEqual([
      { kind: "email", granted: true, text_version: "v7" },
      { kind: "face", granted: true, text_version: "v7" },
      { kind: "email", granted: false, text_version: "email-2026-11" },
    ]);
  });

  it.each([
    [{}, ""],
    [{ display_name: "" }, "display_name"],
    [{ display_name: "x".repeat(101) }, "display_name"],
    [{ display_name: "a\u0000b" }, "display_name"],
    [{ job_title: "a\ud800b" }, "job_title"],
    [{ industry: 7 }, "industry"],
    [{ email_consent: "yes" }, "email_consent"],
    [{ email_consent: null }, "email_consent"],
    [{ tier: "pro" }, "tier"],
    [{ onboarding_completed: true }, "onboarding_completed"],
    [{ preferences: { theme: { deep: 1 } } }, "preferences.theme"],
    [{ preferences: { "Bad Name": 1 } }, "preferences.Bad Name"],
    [{ preferences: { long: "x".repeat(201) } }, "preferences.long"],
    [{ preferences: { nul: "a\u0000b" } }, "preferences.nul"],
    [{ preferences: { half: "a\ud800b" } }, "preferences.half"],
    [{ email_consent: true, consent_text_version: "a\u0000b" }, "consent_text_version"],
    [{ preferences: [] }, "preferences"],
  ])("refuses %j and names the field", async (json, path) => {
    const { accessToken } = await createUser();
    const response = await call("/me", { method: "PATCH", token: accessToken, json });
    const problem = await expectProblem(response, "validation_failed", 422);
    expect(problem.errors?.map((error) => error.path)).toContain(path);
  });

  it("refuses what would not fit in a token and writes nothing", async () => {
    const user = await createUser({ userMetadata: { pref_keep: "yes" } });
    const preferences = Object.fromEntries(
      Array.from({ length: 8 }, (_, i) => [`p${i}`, "x".repeat(150)]),
    );
    const response = await call("/me", {
      method: "PATCH",
      token: user.accessToken,
      json: { preferences, email_consent: true },
    });
    await expectProblem(response, "metadata_too_large", 422);
    expect(await metadataOf(user.id)).not.toHaveProperty("pref_p0");
    expect(await consentsOf(user.id)).toEqual([]);
  });

  it("refuses malformed JSON, another content type and a large body", async () => {
    const { accessToken: token } = await createUser();
    const send = (body: string, type: string) =>
      call("/me", { method: "PATCH", token, body, headers: { "content-type": type } });
    await expectProblem(await send("{", "application/json"), "invalid_json", 400);
    await expectProblem(await send("a=b", "text/plain"), "unsupported_media_type", 415);
    const large = JSON.stringify({ display_name: "x".repeat(2 * 1024 * 1024) });
    await expectProblem(await send(large, "application/json"), "payload_too_large", 413);
  });

  it("refuses a session that has ended", async () => {
    const { accessToken } = await createDeadSession();
    const response = await call("/me", {
      method: "PATCH",
      token: accessToken,
      json: { display_name: "Mina" },
    });
    await expectProblem(response, "session_revoked", 401);
  });

  it.each([["supabase", "auth_unavailable"], ["database", "database_unavailable"]] as const)(
    "writes nothing while the %s is down; the same request later succeeds",
    async (part, code) => {
      const user = await createUser();
      const json = { display_name: "Mina", email_consent: true };
      const app = createApp(depsWith({ environment: withOutage(part) }));
      const init = toRequestInit({ method: "PATCH", token: user.accessToken, json });
      await expectProblem(await app.request("/me", init), code, 503);
      expect(await metadataOf(user.id)).not.toHaveProperty("display_name");
      expect(await consentsOf(user.id)).toEqual([]);
      expect(await change(user.accessToken, json)).toMatchObject(json);
      expect(await consentsOf(user.id)).toHaveLength(1);
    },
  );
});

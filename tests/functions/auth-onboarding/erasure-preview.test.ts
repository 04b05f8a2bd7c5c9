import { describe, expect, it } from "vitest";
import { createApp } from "../../../supabase/functions/auth-onboarding/app.ts";
import { erasurePreviewSchema } from "../../../supabase/functions/auth-onboarding/schemas.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { canReadMail } from "../../support/stack.ts";
import { createDeadSession, createUser, type TestUser } from "../../support/users.ts";
import { addPhoto, createConsentingUser, createPerson, png } from "../people/support.ts";
import { beginUpload, clip, createIndexedVideo } from "../videos/support.ts";
import { createOrganization, makeAnonymous, signInByMail } from "./account-support.ts";

const path = "/auth-onboarding/account/erasure-preview";

async function preview(token: string) {
  return erasurePreviewSchema.parse(await expectJson(await call(path, { token }), 200));
}

const none = { count: 0, bytes: 0 };

describe("GET /auth-onboarding/account/erasure-preview", () => {
  it("counts nothing of a user who has nothing", async () => {
    const { accessToken } = await createUser();
    expect(await preview(accessToken)).toEqual({
      videos: none,
      scenes: { count: 0 },
      people: { count: 0 },
      photos: none,
      files: { uploads: none, thumbnails: none, sidecars: none, exports: none },
      tables: expect.objectContaining({ "public.videos": 0, "public.consents": 0 }),
      organization_videos: none,
      blocked_by: [],
      confirmation: "password",
      second_factor_required: false,
    });
  });

  it("counts what the user has, and nothing of others", async () => {
    const [user, other] = await Promise.all([createConsentingUser(), createUser()]);
    await createIndexedVideo(user);
    await createIndexedVideo(other);
    await beginUpload(user, { size_bytes: 1000 });
    const { person_id } = await createPerson(user, "Minji");
    await addPhoto(user, person_id);
    const found = await preview(user.accessToken);
    expect(found).toMatchObject({
      videos: { count: 2, bytes: clip.length + 1000 },
      scenes: { count: 3 },
      people: { count: 1 },
      photos: { count: 1, bytes: png.length },
      files: { uploads: { count: 2, bytes: clip.length + png.length }, thumbnails: none },
      organization_videos: none,
    });
    expect(found.tables).toMatchObject({
      "public.videos": 2,
      "public.video_metadata": 2,
      "public.scenes": 3,
      "public.face_profiles": 1,
    });
  });

  it.runIf(hasAdminSql())("tells which videos stay with an organization", async () => {
    const [user, admin] = await Promise.all([createUser(), createUser()]);
    const id = await createOrganization("Newsroom", [
      { user: admin, role: "admin" },
      { user, role: "member" },
    ]);
    await createIndexedVideo(user, { organization_id: id });
    await createIndexedVideo(user);
    expect(await preview(user.accessToken)).toMatchObject({
      videos: { count: 1, bytes: clip.length },
      scenes: { count: 3 },
      files: { uploads: { count: 1, bytes: clip.length } },
      organization_videos: { count: 1, bytes: clip.length },
      blocked_by: [],
    });
  });

  it.runIf(hasAdminSql())("counts the videos of an organization that goes as well", async () => {
    const user = await createUser();
    const id = await createOrganization("Solo", [{ user, role: "admin" }]);
    await createIndexedVideo(user, { organization_id: id });
    expect(await preview(user.accessToken)).toMatchObject({
      videos: { count: 1, bytes: clip.length },
      files: { uploads: { count: 1, bytes: clip.length } },
      organization_videos: none,
      blocked_by: [],
      tables: { "public.organizations": 1 },
    });
  });

  it.runIf(hasAdminSql())("waits for nobody who holds such an organization", async () => {
    const user = await createUser();
    const id = await createOrganization("Solo", [{ user, role: "admin" }]);
    await adminSql().begin(async (sql) => {
      await sql`select from public.organizations where organization_id = ${id} for update`;
      expect((await preview(user.accessToken)).tables).toMatchObject({ "public.organizations": 1 });
    });
  });

  it.runIf(hasAdminSql())("names the organizations that stand against it", async () => {
    const [user, one, two] = await Promise.all([createUser(), createUser(), createUser()]);
    const member = (of: TestUser) => ({ user: of, role: "member" as const });
    const blocking = await createOrganization("Alpha", [
      { user, role: "admin" },
      member(one),
      member(two),
    ]);
    await createOrganization("Beta", [{ user, role: "admin" }, { user: one, role: "admin" }]);
    await createOrganization("Gamma", [{ user: one, role: "admin" }, member(user)]);
    expect((await preview(user.accessToken)).blocked_by).toEqual([
      { code: "last_admin", organization_id: blocking, name: "Alpha", members: 2 },
    ]);
    expect((await preview(two.accessToken)).blocked_by).toEqual([]);
  });

  it.runIf(canReadMail())("asks a session that a mail opened for a fresh sign-in", async () => {
    const token = await signInByMail(await createUser());
    expect(await preview(token)).toMatchObject({ confirmation: "sign_in" });
  });

  it.runIf(hasAdminSql())("asks an anonymous user for nothing", async () => {
    const user = await createUser();
    await makeAnonymous(user);
    expect(await preview(user.accessToken)).toMatchObject({ confirmation: "none" });
  });

  it.runIf(hasAdminSql())("says that a second factor will be asked for", async () => {
    const user = await createUser();
    await adminSql()`
      insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
      values (${crypto.randomUUID()}, ${user.id}, 'totp', 'verified', now(), now())`;
    expect(await preview(user.accessToken)).toMatchObject({ second_factor_required: true });
  });

  it("changes nothing", async () => {
    const user = await createUser();
    await createIndexedVideo(user);
    const first = await preview(user.accessToken);
    expect(await preview(user.accessToken)).toEqual(first);
    const erasure = await call("/auth-onboarding/account/erasure", { token: user.accessToken });
    await expectProblem(erasure, "erasure_not_found", 404);
  });

  it("refuses a session that has ended", async () => {
    const { accessToken } = await createDeadSession();
    await expectProblem(await call(path, { token: accessToken }), "session_revoked", 401);
  });

  it("answers 503 while the database is down", async () => {
    const { accessToken } = await createUser();
    const app = createApp(depsWith({ environment: withOutage("database") }));
    const response = await app.request(path, toRequestInit({ token: accessToken }));
    await expectProblem(response, "database_unavailable", 503);
  });
});

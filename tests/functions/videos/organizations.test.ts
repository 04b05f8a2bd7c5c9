import { beforeAll, describe, expect, test } from "vitest";
import { call, expectJson, expectProblem } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { adminClient, createUser, type TestUser } from "../../support/users.ts";
import {
  beginUpload,
  clip,
  completeUpload,
  createIndexedVideo,
  putCaptions,
  sendFile,
} from "./support.ts";

describe("a video of an organisation", () => {
  let owner: TestUser;
  let admin: TestUser;
  let member: TestUser;
  let stranger: TestUser;
  let organization: string;
  let video: string;

  beforeAll(async () => {
    [owner, admin, member, stranger] = await Promise.all([
      createUser(),
      createUser(),
      createUser(),
      createUser(),
    ]);
    organization = crypto.randomUUID();
    await adminSql()`
      insert into public.organizations (organization_id, name) values (${organization}, 'Studio')`;
    await adminSql()`
      insert into public.organization_members (organization_id, user_id, role)
      values (${organization}, ${owner.id}, 'member'), (${organization}, ${admin.id}, 'admin'),
             (${organization}, ${member.id}, 'member')`;
    video = (await createIndexedVideo(owner, { organization_id: organization })).video_id;
  });

  const patch = (user: TestUser, json: unknown) =>
    call(`/videos/${video}`, { method: "PATCH", token: user.accessToken, json });
  const remove = (user: TestUser) =>
    call(`/videos/${video}`, { method: "DELETE", token: user.accessToken });

  test("is read, listed and found by every member", async () => {
    for (const user of [owner, admin, member]) {
      const read = await call(`/videos/${video}`, { token: user.accessToken });
      expect(await expectJson(read, 200)).toMatchObject({ organization_id: organization });
      const list = await call("/videos?count=exact", { token: user.accessToken });
      expect(await expectJson(list, 200)).toMatchObject({ total: 1 });
      const found = await call("/search?q=kettle", { token: user.accessToken });
      expect(await expectJson(found, 200)).toMatchObject({ results: [{ video_id: video }] });
    }
  });

  test("is changed by its owner and by admins, not by other members", async () => {
    await expectJson(await patch(owner, { title: "Of the owner" }), 200);
    await expectJson(await patch(admin, { title: "Of the admin", language: "en" }), 200);
    await expectProblem(await patch(member, { title: "Of a member" }), "forbidden", 403);
    await expectProblem(await patch(member, { language: "ko" }), "forbidden", 403);
    const read = await call(`/videos/${video}`, { token: member.accessToken });
    expect(await expectJson(read, 200)).toMatchObject({ title: "Of the admin", language: "en" });
  });

  test("does not exist for a stranger", async () => {
    const read = await call(`/videos/${video}`, { token: stranger.accessToken });
    await expectProblem(read, "video_not_found", 404);
    await expectProblem(await patch(stranger, { title: "x" }), "video_not_found", 404);
    await expectProblem(await putCaptions(stranger, video), "video_not_found", 404);
    await expectProblem(await remove(stranger), "video_not_found", 404);
  });

  test("is completed by its owner, not by a member, whose try leaves a wrong file alone", async () => {
    const ticket = await beginUpload(owner, { organization_id: organization });
    await sendFile(ticket, clip.slice(0, 100));
    await expectProblem(await completeUpload(member, ticket.video_id), "video_not_found", 404);
    const stored = await adminClient().storage.from(ticket.bucket).exists(ticket.path);
    expect(stored.data).toBe(true);
    await expectProblem(await completeUpload(owner, ticket.video_id), "upload_mismatch", 422);
  });

  test("is not deleted by a member, but by an admin", async () => {
    const refused = await remove(member);
    expect([403, 404]).toContain(refused.status);
    await refused.body?.cancel();
    expect((await remove(admin)).status).toBe(204);
    const read = await call(`/videos/${video}`, { token: owner.accessToken });
    await expectProblem(read, "video_not_found", 404);
  });
});

import { beforeAll, describe, expect, test } from "vitest";
import { call, expectJson, expectProblem } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { adminClient, createUser, type TestUser } from "../../support/users.ts";
import {
  beginUpload,
  clip,
  completeUpload,
  createIndexedVideo,
  kitchenUpload,
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

describe("videos of an organisation in lists", () => {
  let owner: TestUser;
  let member: TestUser;
  let studio: string;
  let shared: string[];
  let own: string;

  const join = (user: TestUser, role: string) =>
    adminSql()`
      insert into public.organization_members (organization_id, user_id, role)
      values (${studio}, ${user.id}, ${role})
      on conflict (organization_id, user_id) do update set role = excluded.role`;
  const leave = (user: TestUser) =>
    adminSql()`
      delete from public.organization_members
       where organization_id = ${studio} and user_id = ${user.id}`;
  const list = async (user: TestUser, query = "") => {
    const response = await call(`/videos?count=exact${query}`, { token: user.accessToken });
    const body = await expectJson<
      { videos: { video_id: string }[]; next_cursor: string | null; total: number }
    >(response, 200);
    return { ...body, ids: body.videos.map((video) => video.video_id) };
  };

  beforeAll(async () => {
    [owner, member] = await Promise.all([createUser(), createUser()]);
    studio = crypto.randomUUID();
    await adminSql()`
      insert into public.organizations (organization_id, name) values (${studio}, 'Studio')`;
    await join(owner, "member");
    shared = [];
    for (let n = 0; n < 2; n++) {
      shared.unshift((await beginUpload(owner, { organization_id: studio })).video_id);
    }
    own = (await beginUpload(member)).video_id;
  });

  test("stand among a member's own, newest first, in one order over pages", async () => {
    await join(member, "member");
    const all = await list(member);
    expect(all).toMatchObject({ ids: [own, ...shared], total: 3 });
    const first = await list(member, "&limit=2");
    const cursor = encodeURIComponent(first.next_cursor ?? "");
    const second = await list(member, `&limit=2&cursor=${cursor}`);
    expect([...first.ids, ...second.ids]).toEqual(all.ids);
  });

  test("are a filter, and so is to belong to none", async () => {
    await join(member, "member");
    const of = (id: string) => `&organization_id=${id}`;
    expect(await list(member, of(studio))).toMatchObject({ ids: shared, total: 2 });
    expect(await list(owner, of(studio))).toMatchObject({ ids: shared, total: 2 });
    expect(await list(member, of("none"))).toMatchObject({ ids: [own], total: 1 });
    expect(await list(owner, of("none"))).toMatchObject({ ids: [], total: 0 });
    expect(await list(member, of(crypto.randomUUID()))).toMatchObject({ ids: [], total: 0 });
  });

  test("are gone at once for who leaves, in the middle of a list too", async () => {
    await join(member, "member");
    const first = await list(member, "&limit=2");
    expect(first.ids).toEqual([own, shared[0]]);
    await leave(member);
    const cursor = encodeURIComponent(first.next_cursor ?? "");
    expect(await list(member, `&limit=2&cursor=${cursor}`)).toMatchObject({ ids: [], total: 1 });
    expect(await list(member)).toMatchObject({ ids: [own], total: 1 });
    expect(await list(member, `&organization_id=${studio}`)).toMatchObject({ ids: [], total: 0 });
    for (const path of [`/videos/${shared[0]}`, `/videos/${shared[0]}/scenes`]) {
      await expectProblem(await call(path, { token: member.accessToken }), "video_not_found", 404);
    }
    const begun = await call("/videos/upload/init", {
      token: member.accessToken,
      json: { ...kitchenUpload, organization_id: studio },
    });
    await expectProblem(begun, "organization_not_found", 404);
    expect((await list(owner)).ids).toEqual(shared);
  });

  test("are managed by an admin only as long as the role lasts", async () => {
    const rename = (title: string) =>
      call(`/videos/${shared[0]}`, {
        method: "PATCH",
        token: member.accessToken,
        json: { title },
      });
    await join(member, "admin");
    await expectJson(await rename("By the admin"), 200);
    await join(member, "member");
    await expectProblem(await rename("By a member"), "forbidden", 403);
    await leave(member);
    await expectProblem(await rename("By nobody"), "video_not_found", 404);
    const read = await call(`/videos/${shared[0]}`, { token: owner.accessToken });
    expect(await expectJson(read, 200)).toMatchObject({ title: "By the admin" });
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requestErasure, runErasure } from "../../../shared/erasure/engine.ts";
import type { Erasure } from "../../../shared/erasure/erasure.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { adminClient, createUser } from "../../support/users.ts";
import {
  countRowsLeft,
  deleteUserSilently,
  expectNothingLeft,
  later,
  listObjectsLeft,
  openErasures,
  seedUser,
  type TestErasures,
} from "./support.ts";

interface OrganizationMember {
  id: string;
  role: "admin" | "member";
}

async function createOrganization(members: OrganizationMember[]): Promise<string> {
  const [row] = await adminSql()<{ id: string }[]>`
    insert into public.organizations (name) values ('Studio') returning organization_id as id`;
  const id = row?.id ?? "";
  for (const { id: userId, role } of members) {
    await adminSql()`insert into public.organization_members (organization_id, user_id, role)
      values (${id}, ${userId}, ${role})`;
  }
  return id;
}

async function putInto(videoId: string, organizationId: string): Promise<void> {
  await adminSql()`
    update public.videos set organization_id = ${organizationId} where video_id = ${videoId}`;
}

async function readVideo(videoId: string) {
  const [row] = await adminSql()`
    select v.user_id, v.organization_id, v.storage_key, s.user_id as scene_user,
      s.organization_id as scene_organization, s.thumbnail_key, s.sidecar_key,
      m.user_id as metadata_user, j.user_id as job_user,
      (select count(*)::int from public.scene_people as p where p.scene_id = s.scene_id) as links
    from public.videos as v
    join public.scenes as s using (video_id) join public.video_metadata as m using (video_id)
    join public.jobs as j using (video_id)
    where video_id = ${videoId}`;
  return row;
}

async function listObjects(organizationId: string): Promise<string[]> {
  const rows = await adminSql()<{ key: string }[]>`
    select bucket_id || '/' || name as key from storage.objects
    where starts_with(name, ${`organizations/${organizationId}/`}) order by 1`;
  return rows.map(({ key }) => key);
}

/** A member leaves by deletion: the video stays with the organisation, whose admin remains. */
async function leaveOrganization(context: TestErasures) {
  const [leaver, colleague] = [await createUser(), await createUser()];
  const { videoId } = await seedUser(leaver.id);
  const organizationId = await createOrganization([
    { id: leaver.id, role: "member" },
    { id: colleague.id, role: "admin" },
  ]);
  await putInto(videoId, organizationId);
  await deleteUserSilently(leaver.id);
  const { erasureId } = await requestErasure(context, {
    kind: "user",
    userId: leaver.id,
    origin: "event",
  });
  return { leaver, videoId, organizationId, erasureId };
}

describe.runIf(hasAdminSql())("videos of an organization", () => {
  let context: TestErasures;
  beforeAll(() => {
    context = openErasures();
  });
  afterAll(() => context.close());

  async function erase(userId: string): Promise<Erasure> {
    await deleteUserSilently(userId);
    const { erasureId } = await requestErasure(context, { kind: "user", userId, origin: "event" });
    return await runErasure(context, erasureId, later(context));
  }

  it("stay with it, objects and all, without the user and the people the user named", async () => {
    const [leaver, colleague] = [await createUser(), await createUser()];
    const { videoId } = await seedUser(leaver.id);
    const theirs = await seedUser(colleague.id);
    const organizationId = await createOrganization([
      { id: leaver.id, role: "member" },
      { id: colleague.id, role: "admin" },
    ]);
    await putInto(videoId, organizationId);
    await putInto(theirs.videoId, organizationId);
    const erasure = await erase(leaver.id);
    expect(erasure.leftovers).toEqual([
      { what: "videos of organizations", reason: expect.stringContaining("1 stay") },
    ]);

    await expectNothingLeft(leaver.id);
    const video = await readVideo(videoId);
    const [scene] = await adminSql()`
      select scene_id from public.scenes where video_id = ${videoId}`;
    const folder = `organizations/${organizationId}`;
    expect(video).toEqual({
      user_id: null,
      organization_id: organizationId,
      storage_key: `${folder}/${videoId}.mp4`,
      scene_user: null,
      scene_organization: organizationId,
      thumbnail_key: `${folder}/${videoId}/${scene?.["scene_id"]}.jpg`,
      sidecar_key: `${folder}/${videoId}.json`,
      metadata_user: null,
      job_user: null,
      links: 0,
    });
    expect(await listObjects(organizationId)).toEqual([
      `sidecars/${folder}/${videoId}.json`,
      `thumbnails/${folder}/${videoId}/${scene?.["scene_id"]}.jpg`,
      `uploads/${folder}/${videoId}.mp4`,
    ]);
    const { data } = await adminClient().storage.from("uploads")
      .download(`${folder}/${videoId}.mp4`);
    expect(await data?.text()).toBe(`videos/${leaver.id}/${videoId}.mp4`);

    expect(await readVideo(theirs.videoId)).toMatchObject({ user_id: colleague.id, links: 1 });
    const members = await adminSql()`
      select user_id from public.organization_members where organization_id = ${organizationId}`;
    expect([...members]).toEqual([{ user_id: colleague.id }]);
  });

  it("keep no message or job note that has the user's id in it", async () => {
    const [leaver, colleague] = [await createUser(), await createUser()];
    const { videoId } = await seedUser(leaver.id);
    const organizationId = await createOrganization([
      { id: leaver.id, role: "member" },
      { id: colleague.id, role: "admin" },
    ]);
    await putInto(videoId, organizationId);
    const key = `videos/${leaver.id}/${videoId}.mp4`;
    const message = `No audio in ${key}`;
    await adminSql()`update public.videos set error_text = ${message} where video_id = ${videoId}`;
    await adminSql()`
      update public.jobs set error_text = ${message}, metadata = jsonb_build_object('key', ${key}::text)
      where video_id = ${videoId}`;
    await adminSql()`
      insert into public.jobs (video_id, stage, error_text, metadata)
      values (${videoId}, 'commit', 'Timed out', '{"tries": 2}')`;
    await erase(leaver.id);
    const rows = await adminSql()`
      select v.error_text as video, j.error_text as job, j.metadata
      from public.videos as v join public.jobs as j using (video_id)
      where video_id = ${videoId} order by j.stage`;
    expect([...rows]).toEqual([
      { video: null, job: null, metadata: null },
      { video: null, job: "Timed out", metadata: { tries: 2 } },
    ]);
  });

  it("are handed over wherever the run was stopped", async () => {
    const { leaver, videoId, organizationId, erasureId } = await leaveOrganization(context);
    // Each run is let one transaction further, and dies before the next one.
    for (let allowed = 1; allowed < 200; allowed++) {
      let used = 0;
      const asService: TestErasures["database"]["asService"] = async (fn) => {
        if (++used > allowed) throw new Error("stopped");
        return await context.database.asService(fn);
      };
      const run = await runErasure(
        { ...context, database: { asService } },
        erasureId,
        later(context),
      )
        .catch((error: Error) => error.message);
      if (typeof run !== "string") {
        expect(run.state).toBe("provisional");
        break;
      }
      expect(run).toBe("stopped");
      await adminSql()`update private.erasures set leased_until = null where erasure_id = ${erasureId}`;
    }
    await expectNothingLeft(leaver.id);
    expect(await readVideo(videoId)).toMatchObject({ user_id: null, links: 0 });
    expect(await listObjects(organizationId)).toHaveLength(3);
  }, 60_000);

  it("are not given away while Storage only says that it moved them", async () => {
    const { leaver, videoId, organizationId, erasureId } = await leaveOrganization(context);
    const lying: TestErasures["objects"] = {
      ...context.objects,
      move: (bucket, from, to) =>
        bucket === "uploads" ? Promise.resolve(false) : context.objects.move(bucket, from, to),
    };
    await expect(runErasure({ ...context, objects: lying }, erasureId, later(context)))
      .rejects.toThrow("did not move");
    expect(await readVideo(videoId)).toMatchObject({ user_id: leaver.id });
    await runErasure(context, erasureId, later(context));
    await expectNothingLeft(leaver.id);
    expect(await listObjects(organizationId)).toHaveLength(3);
  });

  it("are not waited for without end when Storage lists a picture that it cannot move", async () => {
    const { leaver, organizationId, erasureId } = await leaveOrganization(context);
    const stuck: TestErasures["objects"] = {
      ...context.objects,
      move: (bucket, from, to) =>
        bucket === "thumbnails" ? Promise.resolve(false) : context.objects.move(bucket, from, to),
    };
    const soon = new Date(context.now().getTime() + 3000);
    await expect(runErasure({ ...context, objects: stuck }, erasureId, soon))
      .rejects.toThrow("did not move");
    await runErasure(context, erasureId, later(context));
    await expectNothingLeft(leaver.id);
    expect(await listObjects(organizationId)).toHaveLength(3);
  });

  it("keep what was moved first when the same object is uploaded once more", async () => {
    const [leaver, colleague] = [await createUser(), await createUser()];
    const { videoId } = await seedUser(leaver.id);
    const organizationId = await createOrganization([
      { id: leaver.id, role: "member" },
      { id: colleague.id, role: "admin" },
    ]);
    await putInto(videoId, organizationId);
    await adminClient().storage.from("uploads").upload(
      `organizations/${organizationId}/${videoId}.mp4`,
      new TextEncoder().encode("moved before"),
      { contentType: "video/mp4" },
    );
    await erase(leaver.id);
    await expectNothingLeft(leaver.id);
    const { data } = await adminClient().storage.from("uploads")
      .download(`organizations/${organizationId}/${videoId}.mp4`);
    expect(await data?.text()).toBe("moved before");
  });

  it("go with the organization when its last member goes, and those of others go back", async () => {
    const [last, former] = [await createUser(), await createUser()];
    const { videoId } = await seedUser(last.id);
    const left = await seedUser(former.id);
    const organizationId = await createOrganization([{ id: last.id, role: "admin" }]);
    await putInto(videoId, organizationId);
    await putInto(left.videoId, organizationId);
    const orphan = crypto.randomUUID();
    const key = `organizations/${organizationId}/${orphan}.mp4`;
    await adminSql()`
      insert into public.videos (video_id, organization_id, storage_key, mime_type, size_bytes)
      values (${orphan}, ${organizationId}, ${key}, 'video/mp4', 3)`;
    await adminClient().storage.from("uploads").upload(key, new Uint8Array(3), {
      contentType: "video/mp4",
    });
    const before = await listObjectsLeft(former.id);
    await erase(last.id);

    await expectNothingLeft(last.id);
    expect(await listObjects(organizationId)).toEqual([]);
    const [rest] = await adminSql()`
      select (select count(*)::int from public.organizations
          where organization_id = ${organizationId}) as organizations,
        (select count(*)::int from public.videos where organization_id = ${organizationId}) as videos`;
    expect(rest).toEqual({ organizations: 0, videos: 0 });
    expect(await readVideo(left.videoId)).toMatchObject({
      user_id: former.id,
      organization_id: null,
      scene_user: former.id,
      scene_organization: null,
      links: 1,
    });
    expect(await listObjectsLeft(former.id)).toEqual(before);
    expect(await countRowsLeft(former.id)).toMatchObject({ videos: 1, scenes: 1 });
  });

  it("that were being deleted are deleted, not handed over", async () => {
    const [leaver, colleague] = [await createUser(), await createUser()];
    const { videoId } = await seedUser(leaver.id);
    const organizationId = await createOrganization([
      { id: leaver.id, role: "member" },
      { id: colleague.id, role: "admin" },
    ]);
    await putInto(videoId, organizationId);
    await adminSql()`
      update public.videos set state = 'deleted', deleted_at = now() where video_id = ${videoId}`;
    await erase(leaver.id);
    await expectNothingLeft(leaver.id);
    expect(await adminSql()`select from public.videos where video_id = ${videoId}`).toHaveLength(0);
    expect(await listObjects(organizationId)).toEqual([]);
  });

  it("leave no organization behind when its last two members go at the same time", async () => {
    const both = [await createUser(), await createUser()];
    const organizationId = await createOrganization(
      both.map(({ id }) => ({ id, role: "admin" as const })),
    );
    for (const { id } of both) {
      const { videoId } = await seedUser(id);
      await putInto(videoId, organizationId);
    }
    await Promise.all(both.map(({ id }) => erase(id)));
    for (const { id } of both) await expectNothingLeft(id);
    expect(
      await adminSql()`select from public.organizations
      where organization_id = ${organizationId}`,
    ).toHaveLength(0);
    expect(await listObjects(organizationId)).toEqual([]);
  });
});

import { describe, expect, test } from "vitest";
import { type Video, videoListSchema } from "../../../supabase/functions/videos/schemas.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { adminClient, createUser, type TestUser } from "../../support/users.ts";
import { createPerson } from "../people/support.ts";
import { beginUpload, createIndexedVideo, createUploadedVideo, videosWithout } from "./support.ts";

interface VideoList {
  videos: Video[];
  next_cursor: string | null;
  has_more: boolean;
  total?: number;
}

async function list(user: TestUser, query = ""): Promise<VideoList> {
  const response = await call(`/videos${query}`, { token: user.accessToken });
  return await expectJson<VideoList>(response, 200);
}

const page = (user: TestUser, limit: number, cursor: string | null) =>
  list(user, `?limit=${limit}&cursor=${encodeURIComponent(cursor ?? "")}`);

const proUser = () => createUser({ appMetadata: { tier: "pro" } });

/** Sends only requests that are refused. */
let idle: TestUser | undefined;

describe("GET /videos", () => {
  test("lists the caller's videos, newest first, and nobody else's", async () => {
    const [user, other] = await Promise.all([proUser(), createUser()]);
    await beginUpload(other);
    const ids = [];
    for (const title of ["one", "two", "three"]) {
      ids.unshift((await beginUpload(user, { title })).video_id);
    }
    const result = await list(user);
    expect(videoListSchema.parse(result)).toEqual(result);
    expect(result).toMatchObject({ next_cursor: null, has_more: false });
    expect(result).not.toHaveProperty("total");
    expect(result.videos.map((video) => video.video_id)).toEqual(ids);
  });

  test("pages without gap or repeat while videos come in", async () => {
    const user = await proUser();
    const ids = [];
    for (let n = 0; n < 5; n++) ids.unshift((await beginUpload(user)).video_id);
    const first = await list(user, "?limit=2&count=exact");
    expect(first).toMatchObject({ has_more: true, total: 5 });
    await beginUpload(user);
    const second = await page(user, 2, first.next_cursor);
    const third = await page(user, 2, second.next_cursor);
    expect(third).toMatchObject({ has_more: false, next_cursor: null });
    const seen = [first, second, third].flatMap(({ videos }) => videos);
    expect(seen.map((video) => video.video_id)).toEqual(ids);
  });

  test("tells videos of one instant apart", async () => {
    const user = await proUser();
    for (let n = 0; n < 4; n++) await beginUpload(user);
    await adminSql()`
      update public.videos set created_at = '2026-01-02 03:04:05.678901+00'
       where user_id = ${user.id}`;
    const first = await list(user, "?limit=3");
    const second = await page(user, 3, first.next_cursor);
    const seen = [...first.videos, ...second.videos].map((video) => video.video_id);
    expect(new Set(seen).size).toBe(4);
  });

  test("filters by state and counts what it filters", async () => {
    const user = await createUser();
    await beginUpload(user);
    const { video_id } = await createUploadedVideo(user);
    const result = await list(user, "?state=validating&count=exact");
    expect(result.videos.map((video) => video.video_id)).toEqual([video_id]);
    expect(result.total).toBe(1);
    expect(await list(user, "?state=failed&count=exact")).toMatchObject({ videos: [], total: 0 });
  });

  test("filters by time, both ends included", async () => {
    const user = await createUser();
    const ids: string[] = [];
    for (const day of ["01", "02", "03"]) {
      const { video_id } = await beginUpload(user);
      await adminSql()`
        update public.videos set created_at = ${`2026-03-${day}T12:00:00.000Z`}::text::timestamptz
         where video_id = ${video_id}`;
      ids.push(video_id);
    }
    const between = async (query: string) => {
      const { videos, total } = await list(user, `?count=exact&${query}`);
      expect(total).toBe(videos.length);
      return videos.map((video) => video.video_id);
    };
    const [first, second, third] = ids;
    expect(await between("created_from=2026-03-02T12:00:00Z")).toEqual([third, second]);
    expect(await between("created_to=2026-03-02T12:00:00Z")).toEqual([second, first]);
    const offset = encodeURIComponent("2026-03-02T21:00:00+09:00");
    expect(await between(`created_from=${offset}&created_to=${offset}`)).toEqual([second]);
  });

  test("filters by who appears, and by nobody else's people", async () => {
    const [user, other] = await Promise.all([createUser(), createUser()]);
    const [{ person_id }, stranger] = await Promise.all([
      createPerson(user, "Mina"),
      createPerson(other, "Theirs"),
    ]);
    await beginUpload(user);
    const { video_id } = await createIndexedVideo(user);
    await adminSql()`
      insert into public.scene_people (scene_id, person_id, confidence, frame_count)
      select s.scene_id, p.id, 0.5, 1 from public.scenes s
       cross join (values (${person_id}::uuid), (${stranger.person_id}::uuid)) as p (id)
       where s.video_id = ${video_id}`;
    const found = await list(user, `?person_id=${person_id}&count=exact`);
    expect(found).toMatchObject({ videos: [{ video_id }], total: 1, has_more: false });
    const theirs = await list(user, `?person_id=${stranger.person_id}&count=exact`);
    expect(theirs).toEqual({ videos: [], total: 0, next_cursor: null, has_more: false });
    expect(await list(user, `?person_id=${person_id}&state=failed`)).toMatchObject({ videos: [] });
  });

  test("counts on an empty page too", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user);
    await beginUpload(user);
    const first = await list(user, "?limit=1&count=exact");
    await adminSql()`delete from public.videos where video_id = ${video_id}`;
    const cursor = encodeURIComponent(first.next_cursor ?? "");
    expect(await list(user, `?limit=1&count=exact&cursor=${cursor}`))
      .toEqual({ videos: [], total: 1, next_cursor: null, has_more: false });
  });

  test("signs the picture of the first scene that has one", async () => {
    const user = await createUser();
    const { video_id } = await createIndexedVideo(user);
    const key = `${user.id}/${video_id}/one.jpg`;
    await adminSql()`
      update public.scenes set thumbnail_key = ${key}
       where video_id = ${video_id} and start_s = 1.25`;
    const { error } = await adminClient().storage.from("thumbnails")
      .upload(key, new Blob(["picture"], { type: "image/jpeg" }));
    expect(error).toBeNull();
    const [video] = (await list(user)).videos;
    const picture = await fetch(video?.thumbnail_url ?? "");
    expect(await picture.text()).toBe("picture");
  });

  test("leaves the picture out when its object is gone", async () => {
    const user = await createUser();
    const { video_id } = await createIndexedVideo(user);
    await adminSql()`
      update public.scenes set thumbnail_key = ${`${user.id}/${video_id}/lost.jpg`}
       where video_id = ${video_id}`;
    expect((await list(user)).videos).toMatchObject([{ video_id, thumbnail_url: null }]);
  });

  test.each([
    "?limit=0",
    "?limit=101",
    "?limit=x",
    "?state=deleted",
    "?count=yes",
    "?cursor=",
    "?organization_id=mine",
    "?person_id=1",
    "?created_from=yesterday",
    "?created_from=2026-03-01",
    "?created_from=0000-01-01T00:00:00Z",
    `?created_to=${encodeURIComponent("2026-03-01T00:00:00+16:00")}`,
    `?created_to=2026-03-01T00:00:00.${"1".repeat(200)}Z`,
    "?created_from=2026-03-02T00:00:00Z&created_to=2026-03-01T00:00:00Z",
  ])(
    "refuses %s",
    async (query) => {
      idle ??= await createUser();
      const response = await call(`/videos${query}`, { token: idle.accessToken });
      await expectProblem(response, "validation_failed", 422);
    },
  );

  test("refuses a cursor of another filter, of another user and a forged one", async () => {
    const [user, other] = await Promise.all([createUser(), createUser()]);
    await beginUpload(user);
    await beginUpload(user);
    const { next_cursor } = await list(user, "?limit=1");
    const cursor = encodeURIComponent(next_cursor ?? "");
    const refused = [
      call(`/videos?limit=1&state=uploading&cursor=${cursor}`, { token: user.accessToken }),
      call(`/videos?limit=1&organization_id=none&cursor=${cursor}`, { token: user.accessToken }),
      call(`/videos?limit=1&cursor=${cursor}`, { token: other.accessToken }),
      call(`/videos?limit=1&cursor=${cursor}x`, { token: user.accessToken }),
      call(`/videos?limit=1&cursor=x.y`, { token: user.accessToken }),
    ];
    for (const response of refused) await expectProblem(await response, "invalid_cursor", 400);
  });

  test("is 503, never empty, when database or storage is down", async () => {
    const user = await createUser();
    const { video_id } = await createIndexedVideo(user);
    await adminSql()`
      update public.scenes set thumbnail_key = ${`${user.id}/${video_id}/one.jpg`}
       where video_id = ${video_id}`;
    for (
      const [part, code] of [
        ["database", "database_unavailable"],
        ["supabase", "storage_unavailable"],
      ] as const
    ) {
      const app = videosWithout(part);
      const response = await app.request("/videos", toRequestInit({ token: user.accessToken }));
      await expectProblem(response, code, 503);
    }
  });
});

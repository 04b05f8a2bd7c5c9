import { describe, expect, test } from "vitest";
import { type Video, videoListSchema } from "../../../supabase/functions/videos/schemas.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { adminClient, createUser, type TestUser } from "../../support/users.ts";
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

  test.each(["?limit=0", "?limit=101", "?limit=x", "?state=deleted", "?count=yes", "?cursor="])(
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

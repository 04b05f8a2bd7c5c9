import { describe, expect, test } from "vitest";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { adminClient, createUser, type TestUser } from "../../support/users.ts";
import {
  beginUpload,
  createIndexedVideo,
  createUploadedVideo,
  putCaptions,
  videosWithout,
} from "./support.ts";

const remove = (user: TestUser, id: string) =>
  call(`/videos/${id}`, { method: "DELETE", token: user.accessToken });

async function countRows(videoId: string): Promise<unknown> {
  const [row] = await adminSql()`
    select (select count(*)::int from public.videos where video_id = ${videoId}) as videos,
           (select count(*)::int from public.video_metadata where video_id = ${videoId}) as metadata,
           (select count(*)::int from public.scenes where video_id = ${videoId}) as scenes,
           (select count(*)::int from public.jobs where video_id = ${videoId}) as jobs,
           (select count(*)::int from storage.objects
             where name like '%' || ${videoId}::text || '%') as objects`;
  return row;
}

const nothing = { videos: 0, metadata: 0, scenes: 0, jobs: 0, objects: 0 };

describe("DELETE /videos/:id", () => {
  test("leaves no row and no object", async () => {
    const user = await createUser();
    const { video_id } = await createIndexedVideo(user);
    const key = `${user.id}/${video_id}/one.jpg`;
    await adminSql()`update public.scenes set thumbnail_key = ${key} where video_id = ${video_id}`;
    await adminClient().storage.from("thumbnails")
      .upload(key, new Blob(["picture"], { type: "image/jpeg" }));
    expect(await countRows(video_id)).toMatchObject({ videos: 1, scenes: 3, objects: 2 });
    const response = await remove(user, video_id);
    expect(response.status).toBe(204);
    expect(await response.text()).toBe("");
    expect(await countRows(video_id)).toEqual(nothing);
    await expectProblem(await remove(user, video_id), "video_not_found", 404);
  });

  test("deletes a video whose file never came", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user);
    expect((await remove(user, video_id)).status).toBe(204);
    expect(await countRows(video_id)).toEqual(nothing);
  });

  test("does not know videos of others", async () => {
    const [owner, other] = await Promise.all([createUser(), createUser()]);
    const { video_id } = await createUploadedVideo(owner);
    await expectProblem(await remove(other, video_id), "video_not_found", 404);
    expect(await countRows(video_id)).toMatchObject({ videos: 1, objects: 1 });
  });

  test("without storage is 503: the video is out of sight at once, a retry finishes", async () => {
    const user = await createUser();
    const { video_id } = await createIndexedVideo(user);
    const app = videosWithout("supabase");
    const request = toRequestInit({ method: "DELETE", token: user.accessToken });
    const response = await app.request(`/videos/${video_id}`, request);
    await expectProblem(response, "storage_unavailable", 503);
    expect(await countRows(video_id)).toMatchObject({ videos: 1, objects: 1 });
    for (const path of ["", "/status", "/scenes"]) {
      const read = await call(`/videos/${video_id}${path}`, { token: user.accessToken });
      await expectProblem(read, "video_not_found", 404);
    }
    const list = await call("/videos?count=exact", { token: user.accessToken });
    expect(await expectJson(list, 200)).toMatchObject({ videos: [], total: 0 });
    await expectProblem(await putCaptions(user, video_id), "video_state_conflict", 409);
    expect((await remove(user, video_id)).status).toBe(204);
    expect(await countRows(video_id)).toEqual(nothing);
  });

  test("without the database is 503 and changes nothing", async () => {
    const user = await createUser();
    const { video_id } = await createUploadedVideo(user);
    const app = videosWithout("database");
    const request = toRequestInit({ method: "DELETE", token: user.accessToken });
    await expectProblem(
      await app.request(`/videos/${video_id}`, request),
      "database_unavailable",
      503,
    );
    expect(await countRows(video_id)).toMatchObject({ videos: 1, objects: 1 });
  });
});

import { describe, expect, test } from "vitest";
import { videoSchema } from "../../../supabase/functions/videos/schemas.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { createUser } from "../../support/users.ts";
import { beginUpload, createIndexedVideo, videosWithout } from "./support.ts";

describe("GET /videos/:id", () => {
  test("answers the video", async () => {
    const user = await createUser();
    const { video_id } = await createIndexedVideo(user);
    const response = await call(`/videos/${video_id}`, { token: user.accessToken });
    const video = videoSchema.parse(await expectJson(response, 200));
    expect(video).toMatchObject({ video_id, state: "indexed", title: "Kitchen tour" });
    expect(Date.parse(video.indexed_at ?? "")).toBeGreaterThan(Date.parse(video.created_at));
  });

  test("takes an id in upper case", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user);
    const response = await call(`/videos/${video_id.toUpperCase()}`, { token: user.accessToken });
    expect(await expectJson(response, 200)).toMatchObject({ video_id });
  });

  test("shows no tags where the old system stored something else", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user);
    await adminSql()`delete from public.video_metadata where video_id = ${video_id}`;
    await adminSql()`
      insert into public.video_metadata (video_id, tags) values (${video_id}, '{"mood": "calm"}')`;
    const response = await call(`/videos/${video_id}`, { token: user.accessToken });
    expect(await expectJson(response, 200)).toMatchObject({ tags: [] });
  });

  test("does not know videos of others nor videos that are not there", async () => {
    const [owner, other] = await Promise.all([createUser(), createUser()]);
    const { video_id } = await beginUpload(owner);
    for (const id of [video_id, crypto.randomUUID()]) {
      const response = await call(`/videos/${id}`, { token: other.accessToken });
      await expectProblem(response, "video_not_found", 404);
    }
  });

  test("refuses an id that is none", async () => {
    const user = await createUser();
    const response = await call("/videos/17", { token: user.accessToken });
    await expectProblem(response, "validation_failed", 422);
  });

  test("is 503 without the database", async () => {
    const user = await createUser();
    const app = videosWithout("database");
    const path = `/videos/${crypto.randomUUID()}`;
    const response = await app.request(path, toRequestInit({ token: user.accessToken }));
    await expectProblem(response, "database_unavailable", 503);
  });
});

describe("GET /videos/:id/status", () => {
  test("answers an empty list of jobs before the upload", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user);
    const response = await call(`/videos/${video_id}/status`, { token: user.accessToken });
    expect(await expectJson(response, 200)).toEqual({
      video_id,
      state: "uploading",
      error_text: null,
      jobs: [],
    });
  });

  test("answers jobs in the order of their stages, times in UTC", async () => {
    const user = await createUser();
    const { video_id } = await createIndexedVideo(user);
    await adminSql()`
      insert into public.jobs (video_id, stage, state, progress, started_at)
      values (${video_id}, 'commit', 'pending', 0, null),
             (${video_id}, 'audio_extract', 'running', 0.5, '2026-01-02 03:04:05+02')`;
    const response = await call(`/videos/${video_id}/status`, { token: user.accessToken });
    expect(await expectJson(response, 200)).toMatchObject({
      jobs: [
        { stage: "upload_validate" },
        { stage: "audio_extract", progress: 0.5, started_at: "2026-01-02T01:04:05.000Z" },
        { stage: "commit", started_at: null },
      ],
    });
  });

  test("does not know videos of others", async () => {
    const [owner, other] = await Promise.all([createUser(), createUser()]);
    const { video_id } = await beginUpload(owner);
    const response = await call(`/videos/${video_id}/status`, { token: other.accessToken });
    await expectProblem(response, "video_not_found", 404);
  });
});

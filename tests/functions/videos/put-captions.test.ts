import { describe, expect, test } from "vitest";
import { videoSchema } from "../../../supabase/functions/videos/schemas.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import {
  beginUpload,
  createIndexedVideo,
  createUploadedVideo,
  kitchenCaptions,
  putCaptions,
  readVideo,
  videosWithout,
} from "./support.ts";

async function transcripts(user: TestUser, videoId: string): Promise<unknown[]> {
  const response = await call(`/videos/${videoId}/scenes`, { token: user.accessToken });
  const { scenes } = await expectJson<{ scenes: { transcript: string }[] }>(response, 200);
  return scenes.map((scene) => scene.transcript);
}

const srt = "1\n00:00:00,500 --> 00:00:01,000\nHallo\n\n2\n00:00:01,000 --> 00:00:02,000\nWelt\n";

describe("PUT /videos/:id/captions", () => {
  test("turns WebVTT cues into scenes and indexes the video", async () => {
    const user = await createUser();
    const { video_id } = await createUploadedVideo(user);
    const response = await call(`/videos/${video_id}/captions?language=en`, {
      method: "PUT",
      token: user.accessToken,
      body: kitchenCaptions,
      headers: { "content-type": "text/vtt; charset=utf-8" },
    });
    const video = videoSchema.parse(await expectJson(response, 200));
    expect(video).toMatchObject({ video_id, state: "indexed", language: "en" });
    expect(await transcripts(user, video_id)).toEqual([
      "Welcome to the kitchen",
      "The red kettle whistles loudly",
      "Goodbye",
    ]);
  });

  test("takes SRT and replaces what was there", async () => {
    const user = await createUser();
    const { video_id } = await createIndexedVideo(user);
    const response = await putCaptions(user, video_id, srt, "application/x-subrip");
    expect(await expectJson(response, 200)).toMatchObject({ state: "indexed" });
    expect(await transcripts(user, video_id)).toEqual(["Hallo", "Welt"]);
  });

  test("takes a file of 2 MB", async () => {
    const user = await createUser();
    const { video_id } = await createUploadedVideo(user);
    const body = `WEBVTT\n\nNOTE\n${"x".repeat(2_000_000)}\n\n00:01.000 --> 00:02.000\nHi\n`;
    await expectJson(await putCaptions(user, video_id, body), 200);
  });

  test("takes 20,000 cues at once", async () => {
    const user = await createUser();
    const { video_id } = await createUploadedVideo(user);
    const time = (n: number) => new Date(n * 1000).toISOString().slice(11, 23);
    const cues = Array.from(
      { length: 20_000 },
      (_, n) => `${time(n)} --> ${time(n + 1)}\ncue ${n}\n`,
    );
    await expectJson(await putCaptions(user, video_id, ["WEBVTT\n", ...cues].join("\n")), 200);
    const found = await call("/search?q=19999", { token: user.accessToken });
    expect(await expectJson(found, 200)).toMatchObject({ results: [{ start_s: 19_999 }] });
  });

  test("takes a file of 5 MB with overlapping cues, and refuses it for one that runs backward", async () => {
    const user = await createUser();
    const { video_id } = await createUploadedVideo(user);
    const time = (n: number) => new Date(n * 1000).toISOString().slice(11, 23);
    const text = "the harbour pilot tells of 바다에서 온 편지 and of the red kettle ".repeat(3)
      .trim();
    const cues = Array.from(
      { length: 6000 },
      (_, n) => `${time(n)} --> ${time(n + 5)}\n${text} ${n}\n`,
    );
    const file = ["WEBVTT\n", ...cues, `NOTE\n${"x".repeat(3_400_000)}\n`].join("\n");
    expect(new TextEncoder().encode(file).length).toBeGreaterThan(4_500_000);
    await expectJson(await putCaptions(user, video_id, file), 200);
    const backward = file.replace(`${time(7)} --> ${time(12)}`, `${time(12)} --> ${time(7)}`);
    const problem = await expectProblem(
      await putCaptions(user, video_id, backward),
      "captions_invalid",
      422,
    );
    expect(problem.errors).toEqual([{
      path: "line 24",
      message: "The cue must end after it starts",
    }]);
    const [row] = await adminSql()`
      select count(*)::int as count from public.scenes where video_id = ${video_id}`;
    expect(row).toEqual({ count: 6000 });
  });

  test("names the lines that do not parse and keeps the old scenes", async () => {
    const user = await createUser();
    const { video_id } = await createIndexedVideo(user);
    const broken = kitchenCaptions.replace("00:01.250 -->", "00:61.250 -->");
    const problem = await expectProblem(
      await putCaptions(user, video_id, broken),
      "captions_invalid",
      422,
    );
    expect(problem.errors).toEqual([{
      path: "line 6",
      message: 'Cue times "00:61.250 --> 00:02.000" are not valid',
    }]);
    expect(await transcripts(user, video_id)).toHaveLength(3);
  });

  test("refuses bytes that are no text, an empty file and another type", async () => {
    const user = await createUser();
    const { video_id } = await createUploadedVideo(user);
    const bytes = new Uint8Array([0x57, 0xff, 0xfe]);
    await expectProblem(await putCaptions(user, video_id, bytes), "captions_invalid", 422);
    await expectProblem(await putCaptions(user, video_id, ""), "captions_invalid", 422);
    await expectProblem(
      await putCaptions(user, video_id, "{}", "application/json"),
      "unsupported_media_type",
      415,
    );
    expect((await readVideo(user, video_id)).state).toBe("validating");
  });

  test("refuses more than 5 MiB", async () => {
    const user = await createUser();
    const { video_id } = await createUploadedVideo(user);
    const body = "x".repeat(5 * 1024 * 1024 + 1);
    await expectProblem(await putCaptions(user, video_id, body), "payload_too_large", 413);
  });

  test("waits for the upload", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user);
    await expectProblem(await putCaptions(user, video_id), "video_state_conflict", 409);
  });

  test("does not know videos of others", async () => {
    const [owner, other] = await Promise.all([createUser(), createUser()]);
    const { video_id } = await createUploadedVideo(owner);
    await expectProblem(await putCaptions(other, video_id), "video_not_found", 404);
    expect((await readVideo(owner, video_id)).state).toBe("validating");
  });

  test("is 503 without the database, and a retry succeeds", async () => {
    const user = await createUser();
    const { video_id } = await createUploadedVideo(user);
    const app = videosWithout("database");
    const response = await app.request(
      `/videos/${video_id}/captions`,
      toRequestInit({
        method: "PUT",
        token: user.accessToken,
        body: kitchenCaptions,
        headers: { "content-type": "text/vtt" },
      }),
    );
    await expectProblem(response, "database_unavailable", 503);
    await expectJson(await putCaptions(user, video_id), 200);
  });
});

import { describe, expect, test } from "vitest";
import { completedUploadSchema } from "../../../supabase/functions/videos/schemas.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { createUser } from "../../support/users.ts";
import {
  beginUpload,
  clip,
  completeUpload,
  readVideo,
  sendFile,
  videosWithout,
} from "./support.ts";

describe("POST /videos/upload/complete", () => {
  test("hands the video to processing", async () => {
    const user = await createUser();
    const ticket = await beginUpload(user);
    await sendFile(ticket);
    const body = await expectJson(await completeUpload(user, ticket.video_id), 202);
    expect(completedUploadSchema.parse(body)).toEqual({
      video_id: ticket.video_id,
      state: "validating",
      message: "Video is being processed",
    });
    const status = await call(`/videos/${ticket.video_id}/status`, { token: user.accessToken });
    expect(await expectJson(status, 200)).toMatchObject({
      state: "validating",
      jobs: [{ stage: "upload_validate", state: "pending", progress: 0 }],
    });
  });

  test("may be repeated", async () => {
    const user = await createUser();
    const ticket = await beginUpload(user);
    await sendFile(ticket);
    const first = await expectJson(await completeUpload(user, ticket.video_id), 202);
    expect(await expectJson(await completeUpload(user, ticket.video_id), 202)).toEqual(first);
    const status = await call(`/videos/${ticket.video_id}/status`, { token: user.accessToken });
    expect((await expectJson<{ jobs: unknown[] }>(status, 200)).jobs).toHaveLength(1);
  });

  test("refuses an upload that was never made; the video stays uploading", async () => {
    const user = await createUser();
    const ticket = await beginUpload(user);
    await expectProblem(await completeUpload(user, ticket.video_id), "upload_missing", 409);
    expect((await readVideo(user, ticket.video_id)).state).toBe("uploading");
  });

  test("refuses a file of other size; the right file then passes through the same URL", async () => {
    const user = await createUser();
    const ticket = await beginUpload(user);
    await sendFile(ticket, clip.slice(0, 100));
    const problem = await expectProblem(
      await completeUpload(user, ticket.video_id),
      "upload_mismatch",
      422,
    );
    expect(problem.detail).toContain(`it has 100 bytes, announced were ${clip.length}`);
    expect((await readVideo(user, ticket.video_id)).state).toBe("uploading");
    await sendFile(ticket);
    await expectJson(await completeUpload(user, ticket.video_id), 202);
  });

  test("refuses a file of other type; the video stays uploading", async () => {
    const user = await createUser();
    const ticket = await beginUpload(user);
    await sendFile(ticket, clip, "video/webm");
    const problem = await expectProblem(
      await completeUpload(user, ticket.video_id),
      "upload_mismatch",
      422,
    );
    expect(problem.detail).toContain('its type is "video/webm", announced was "video/mp4"');
    expect((await readVideo(user, ticket.video_id)).state).toBe("uploading");
  });

  test("does not know videos of others nor videos that are not there", async () => {
    const [owner, other] = await Promise.all([createUser(), createUser()]);
    const ticket = await beginUpload(owner);
    await sendFile(ticket);
    await expectProblem(await completeUpload(other, ticket.video_id), "video_not_found", 404);
    await expectProblem(await completeUpload(other, crypto.randomUUID()), "video_not_found", 404);
    expect((await readVideo(owner, ticket.video_id)).state).toBe("uploading");
  });

  test("refuses a video that failed", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user);
    await adminSql()`update public.videos set state = 'failed' where video_id = ${video_id}`;
    await expectProblem(await completeUpload(user, video_id), "video_state_conflict", 409);
  });

  test("refuses an id that is none", async () => {
    const user = await createUser();
    await expectProblem(await completeUpload(user, "17"), "validation_failed", 422);
  });

  test.each(
    [
      ["storage", "supabase", "storage_unavailable"],
      ["the database", "database", "database_unavailable"],
    ] as const,
  )("is 503 without %s; the video stays uploading and a retry succeeds", async (_, part, code) => {
    const user = await createUser();
    const ticket = await beginUpload(user);
    await sendFile(ticket);
    const app = videosWithout(part);
    const request = { token: user.accessToken, json: { video_id: ticket.video_id } };
    await expectProblem(
      await app.request("/videos/upload/complete", toRequestInit(request)),
      code,
      503,
    );
    expect((await readVideo(user, ticket.video_id)).state).toBe("uploading");
    await expectJson(await completeUpload(user, ticket.video_id), 202);
  });
});

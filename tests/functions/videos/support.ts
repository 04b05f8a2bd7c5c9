import { readFile } from "node:fs/promises";
import { expect } from "vitest";
import type { App } from "../../../shared/http/base-app.ts";
import { createApp } from "../../../supabase/functions/videos/app.ts";
import type { UploadTicketBody, Video } from "../../../supabase/functions/videos/schemas.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson } from "../../support/call.ts";
import { anonymousClient, type TestUser } from "../../support/users.ts";

/** The function in this process, cut off from the database or from Storage. */
export function videosWithout(part: "database" | "supabase"): App {
  return createApp(depsWith({ environment: withOutage(part), log: () => {} }));
}

/** A video that plays: 3 s, 160x90, h264 and aac. */
export const clip = new Uint8Array(
  await readFile(new URL("../../fixtures/clip.mp4", import.meta.url)),
);

export const kitchenCaptions = [
  "WEBVTT",
  "",
  "00:00.000 --> 00:01.000",
  "Welcome to the kitchen",
  "",
  "00:01.250 --> 00:02.000",
  "The red kettle whistles <b>loudly</b>",
  "",
  "00:02.000 --> 00:03.000",
  "Goodbye",
  "",
].join("\n");

export const kitchenUpload = {
  filename: "kitchen.mp4",
  mime_type: "video/mp4",
  size_bytes: clip.length,
  title: "Kitchen tour",
};

/** POST upload/init for the clip. */
export async function beginUpload(
  user: TestUser,
  overrides: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<UploadTicketBody> {
  const response = await call("/videos/upload/init", {
    token: user.accessToken,
    json: { ...kitchenUpload, ...overrides },
    headers,
  });
  return await expectJson<UploadTicketBody>(response, 201);
}

/** Sends a file to the signed URL as an app would; nobody is signed in there. */
export async function sendFile(
  ticket: Pick<UploadTicketBody, "bucket" | "path" | "token">,
  bytes: Uint8Array<ArrayBuffer> = clip,
  contentType = "video/mp4",
): Promise<void> {
  const { error } = await anonymousClient().storage.from(ticket.bucket)
    .uploadToSignedUrl(ticket.path, ticket.token, new Blob([bytes], { type: contentType }), {
      contentType,
    });
  expect(error).toBeNull();
}

export function completeUpload(user: TestUser, videoId: string): Promise<Response> {
  return call("/videos/upload/complete", { token: user.accessToken, json: { video_id: videoId } });
}

/** A video whose file is there and which waits for processing. */
export async function createUploadedVideo(
  user: TestUser,
  overrides: Record<string, unknown> = {},
): Promise<UploadTicketBody> {
  const ticket = await beginUpload(user, overrides);
  await sendFile(ticket);
  await expectJson(await completeUpload(user, ticket.video_id), 202);
  return ticket;
}

export function putCaptions(
  user: TestUser,
  videoId: string,
  body: BodyInit = kitchenCaptions,
  contentType = "text/vtt",
): Promise<Response> {
  return call(`/videos/${videoId}/captions`, {
    method: "PUT",
    token: user.accessToken,
    body,
    headers: { "content-type": contentType },
  });
}

/** A video with scenes, as captions make them. */
export async function createIndexedVideo(
  user: TestUser,
  { captions = kitchenCaptions, ...overrides }: { captions?: string } & Record<string, unknown> =
    {},
): Promise<Video> {
  const { video_id } = await createUploadedVideo(user, overrides);
  return await expectJson<Video>(await putCaptions(user, video_id, captions), 200);
}

export async function readVideo(user: TestUser, videoId: string): Promise<Video> {
  return await expectJson<Video>(
    await call(`/videos/${videoId}`, { token: user.accessToken }),
    200,
  );
}

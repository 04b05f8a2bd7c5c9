import { beforeAll, describe, expect, test } from "vitest";
import { tierLimits } from "../../../shared/auth/tiers.ts";
import { uploadTicketSchema } from "../../../supabase/functions/videos/schemas.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { useStack } from "../../support/stack.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import {
  beginUpload,
  completeUpload,
  kitchenUpload,
  readVideo,
  sendFile,
  videosWithout,
} from "./support.ts";

const init = (user: TestUser, json: unknown, headers: Record<string, string> = {}) =>
  call("/videos/upload/init", { token: user.accessToken, json, headers });

async function countVideos(user: TestUser): Promise<unknown> {
  const response = await call("/videos?count=exact", { token: user.accessToken });
  return (await expectJson(response, 200)).total;
}

/** Sends only requests that are refused. */
let idle: TestUser;

beforeAll(async () => {
  idle = await createUser();
});

describe("POST /videos/upload/init", () => {
  test("creates a video that waits for its file and signs the upload", async () => {
    const user = await createUser();
    const response = await init(user, {
      ...kitchenUpload,
      description: "A walk through",
      tags: ["home", "home", "kitchen"],
      language: "en",
    });
    const ticket = uploadTicketSchema.parse(await expectJson(response, 201));
    expect(ticket).toMatchObject({
      bucket: "uploads",
      path: `videos/${user.id}/${ticket.video_id}.mp4`,
      expires_in: 7200,
    });
    const url = new URL(ticket.upload_url);
    expect(url.origin).toBe(
      new URL(useStack().environment.HEIMDEX_PUBLIC_URL ?? useStack().url).origin,
    );
    expect(url.searchParams.get("token")).toBe(ticket.token);
    expect(await readVideo(user, ticket.video_id)).toMatchObject({
      user_id: user.id,
      organization_id: null,
      title: "Kitchen tour",
      description: "A walk through",
      tags: ["home", "kitchen"],
      filename: "kitchen.mp4",
      language: "en",
      mime_type: "video/mp4",
      size_bytes: kitchenUpload.size_bytes,
      duration_s: null,
      state: "uploading",
      thumbnail_url: null,
      indexed_at: null,
    });
  });

  test("lets a plain PUT to the URL deliver the file", async () => {
    const user = await createUser();
    const ticket = await beginUpload(user, { size_bytes: 4, mime_type: "video/webm" });
    const put = await fetch(ticket.upload_url, {
      method: "PUT",
      headers: { "content-type": "video/webm" },
      body: new Uint8Array([1, 2, 3, 4]),
    });
    expect(put.status, await put.text()).toBe(200);
    await expectJson(await completeUpload(user, ticket.video_id), 202);
  });

  test("keeps the file name without path and control characters", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user, {
      filename: "C:\\clips\\..\\a\u0000 b\u202e.mp4",
    });
    expect((await readVideo(user, video_id)).filename).toBe("a b.mp4");
  });

  test.each([
    ["no body at all", {}, "filename"],
    ["an unknown type", { ...kitchenUpload, mime_type: "video/ogg" }, "mime_type"],
    ["an empty file", { ...kitchenUpload, size_bytes: 0 }, "size_bytes"],
    ["a file above 1 GiB", { ...kitchenUpload, size_bytes: 1_073_741_825 }, "size_bytes"],
    ["a size that is no number", { ...kitchenUpload, size_bytes: "12" }, "size_bytes"],
    ["an unknown field", { ...kitchenUpload, state: "indexed" }, "state"],
    ["a language that is none", { ...kitchenUpload, language: "english!" }, "language"],
    ["a title that is too long", { ...kitchenUpload, title: "x".repeat(256) }, "title"],
  ])("refuses %s", async (_, json, path) => {
    const problem = await expectProblem(await init(idle, json), "validation_failed", 422);
    expect(problem.errors?.map((error) => error.path)).toContain(path);
    expect(await countVideos(idle)).toBe(0);
  });

  test("refuses a body that is no JSON", async () => {
    const response = await call("/videos/upload/init", {
      token: idle.accessToken,
      body: "{",
      headers: { "content-type": "application/json" },
    });
    await expectProblem(response, "invalid_json", 400);
  });

  test("refuses a body of 10 MB", async () => {
    const response = await init(idle, { ...kitchenUpload, description: "x".repeat(10_000_000) });
    await expectProblem(response, "payload_too_large", 413);
  });

  test("refuses an organisation the caller is no member of", async () => {
    const response = await init(idle, {
      ...kitchenUpload,
      organization_id: crypto.randomUUID(),
    });
    await expectProblem(response, "organization_not_found", 404);
  });
});

describe("Idempotency-Key", () => {
  test("answers the same video again, with an upload that works", async () => {
    const user = await createUser();
    const headers = { "idempotency-key": crypto.randomUUID() };
    const first = await beginUpload(user, {}, headers);
    const second = await beginUpload(user, {}, headers);
    expect(second).toMatchObject({ video_id: first.video_id, path: first.path });
    await sendFile(second);
    await expectJson(await completeUpload(user, first.video_id), 202);
    expect(await countVideos(user)).toBe(1);
  });

  test("answers one video to requests that race", async () => {
    const user = await createUser();
    const headers = { "idempotency-key": "race" };
    const tickets = await Promise.all(
      Array.from({ length: 5 }, () => beginUpload(user, {}, headers)),
    );
    expect(new Set(tickets.map((ticket) => ticket.video_id)).size).toBe(1);
    expect(new Set(tickets.map((ticket) => ticket.path)).size).toBe(1);
  });

  test("conflicts with another request under the same key", async () => {
    const user = await createUser();
    const headers = { "idempotency-key": "one" };
    await beginUpload(user, {}, headers);
    const response = await init(user, { ...kitchenUpload, size_bytes: 5 }, headers);
    await expectProblem(response, "idempotency_conflict", 409);
  });

  test("says that the file is there already when it is", async () => {
    const user = await createUser();
    const headers = { "idempotency-key": "late" };
    const ticket = await beginUpload(user, {}, headers);
    await sendFile(ticket);
    await expectProblem(await init(user, kitchenUpload, headers), "video_state_conflict", 409);
    await expectJson(await completeUpload(user, ticket.video_id), 202);
    await expectProblem(await init(user, kitchenUpload, headers), "video_state_conflict", 409);
  });

  test("belongs to one user", async () => {
    const [one, other] = await Promise.all([createUser(), createUser()]);
    const headers = { "idempotency-key": "shared" };
    const first = await beginUpload(one, {}, headers);
    const second = await beginUpload(other, {}, headers);
    expect(second.video_id).not.toBe(first.video_id);
  });

  test("of odd characters is refused", async () => {
    const response = await init(idle, kitchenUpload, { "idempotency-key": "a b" });
    await expectProblem(response, "validation_failed", 422);
  });
});

describe("quota", () => {
  test("stops a free user after the uploads of one day and says when to come back", async () => {
    const user = await createUser();
    for (let n = 0; n < tierLimits.free.uploadsPerDay; n++) await beginUpload(user);
    const response = await init(user, kitchenUpload);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    await expectProblem(response, "upload_quota_exceeded", 429);
    expect(await countVideos(user)).toBe(tierLimits.free.uploadsPerDay);
  });

  test("holds when uploads race", async () => {
    const user = await createUser();
    const responses = await Promise.all(
      Array.from({ length: 6 }, () => init(user, kitchenUpload)),
    );
    const created = responses.filter((response) => response.status === 201);
    expect(created).toHaveLength(tierLimits.free.uploadsPerDay);
    await Promise.all(responses.map((response) => response.body?.cancel()));
  });

  test("is wider for a pro user", async () => {
    const user = await createUser({ appMetadata: { tier: "pro" } });
    for (let n = 0; n <= tierLimits.free.uploadsPerDay; n++) await beginUpload(user);
  });
});

describe("outage", () => {
  test.each(
    [
      ["storage", "supabase", "storage_unavailable"],
      ["the database", "database", "database_unavailable"],
    ] as const,
  )("of %s is 503, writes nothing, and a retry succeeds", async (_, part, code) => {
    const user = await createUser();
    const headers = { "idempotency-key": "retry" };
    const app = videosWithout(part);
    const request = { token: user.accessToken, json: kitchenUpload, headers };
    const response = await app.request("/videos/upload/init", toRequestInit(request));
    expect(response.headers.get("retry-after")).not.toBeNull();
    await expectProblem(response, code, 503);
    expect(await countVideos(user)).toBe(0);
    await beginUpload(user, {}, headers);
  });
});

import { describe, expect, test } from "vitest";
import { videoSchema } from "../../../supabase/functions/videos/schemas.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import { beginUpload, readVideo, videosWithout } from "./support.ts";

const patch = (user: TestUser, id: string, json: unknown) =>
  call(`/videos/${id}`, { method: "PATCH", token: user.accessToken, json });

/** Sends only requests that are refused. */
let idle: TestUser | undefined;

describe("PATCH /videos/:id", () => {
  test("changes what is sent and leaves the rest", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user, { description: "old", tags: ["a"] });
    const body = await expectJson(
      await patch(user, video_id, { title: "  New title ", tags: ["b", "b", "c"], language: "ko" }),
      200,
    );
    expect(videoSchema.parse(body)).toMatchObject({
      title: "New title",
      description: "old",
      tags: ["b", "c"],
      language: "ko",
      state: "uploading",
    });
    expect(await readVideo(user, video_id)).toEqual(body);
  });

  test("clears with null and with an empty list", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user, {
      description: "old",
      tags: ["a"],
      language: "en",
    });
    const changes = { title: null, description: null, tags: [], language: null };
    expect(await expectJson(await patch(user, video_id, changes), 200)).toMatchObject(changes);
  });

  test("clears tags with null too", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user, { tags: ["a"], description: "stays" });
    expect(await expectJson(await patch(user, video_id, { tags: null }), 200))
      .toMatchObject({ tags: [], description: "stays", title: "Kitchen tour" });
  });

  test("describes a legacy video that has no metadata", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user);
    await adminSql()`delete from public.video_metadata where video_id = ${video_id}`;
    expect(await readVideo(user, video_id)).toMatchObject({ title: null, tags: [] });
    const answers = await Promise.all([
      patch(user, video_id, { title: "At last" }),
      patch(user, video_id, { tags: ["found"] }),
    ]);
    for (const answer of answers) await expectJson(answer, 200);
    expect(await readVideo(user, video_id))
      .toMatchObject({ title: "At last", tags: ["found"], description: null });
  });

  test("keeps text as text", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user);
    const title = `'; drop table videos; -- <script> \\ 다시`;
    const sent = await patch(user, video_id, { title: `${title}\u0000`, description: "\ud800x" });
    expect(await expectJson(sent, 200)).toMatchObject({ title, description: "\ufffdx" });
  });

  test.each([
    ["nothing", {}],
    ["a field the server sets", { state: "indexed" }],
    ["an empty title", { title: " " }],
    ["tags that are no list", { tags: "a" }],
    ["too many tags", { tags: Array.from({ length: 51 }, (_, n) => `tag ${n}`) }],
  ])("refuses %s", async (_, changes) => {
    idle ??= await createUser();
    const response = await patch(idle, crypto.randomUUID(), changes);
    await expectProblem(response, "validation_failed", 422);
  });

  test("does not know videos of others", async () => {
    const [owner, other] = await Promise.all([createUser(), createUser()]);
    const { video_id } = await beginUpload(owner);
    await expectProblem(await patch(other, video_id, { title: "mine" }), "video_not_found", 404);
    expect((await readVideo(owner, video_id)).title).toBe("Kitchen tour");
  });

  test("is 503 without the database and changes nothing", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user);
    const app = videosWithout("database");
    const request = { method: "PATCH", token: user.accessToken, json: { title: "x" } };
    const response = await app.request(`/videos/${video_id}`, toRequestInit(request));
    await expectProblem(response, "database_unavailable", 503);
    expect((await readVideo(user, video_id)).title).toBe("Kitchen tour");
  });
});

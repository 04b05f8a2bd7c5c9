import { describe, expect, test } from "vitest";
import { type Scene, sceneListSchema } from "../../../supabase/functions/videos/schemas.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import { beginUpload, createIndexedVideo, videosWithout } from "./support.ts";

interface SceneList {
  scenes: Scene[];
  next_cursor: string | null;
  has_more: boolean;
}

async function list(user: TestUser, videoId: string, query = ""): Promise<SceneList> {
  const response = await call(`/videos/${videoId}/scenes${query}`, { token: user.accessToken });
  return await expectJson<SceneList>(response, 200);
}

describe("GET /videos/:id/scenes", () => {
  test("lists scenes in playing order with the people in them", async () => {
    const user = await createUser();
    const { video_id } = await createIndexedVideo(user);
    const person = crypto.randomUUID();
    await adminSql()`
      insert into public.face_profiles (person_id, user_id, name) values (${person}, ${user.id}, 'Ada')`;
    await adminSql()`
      insert into public.scene_people (scene_id, person_id, confidence, frame_count)
      select scene_id, ${person}, 0.75, 3 from public.scenes
       where video_id = ${video_id} and start_s = 1.25`;
    const result = await list(user, video_id);
    expect(sceneListSchema.parse(result)).toEqual(result);
    expect(result).toMatchObject({ next_cursor: null, has_more: false });
    expect(result.scenes).toMatchObject([
      { video_id, start_s: 0, end_s: 1, transcript: "Welcome to the kitchen", people: [] },
      {
        start_s: 1.25,
        end_s: 2,
        transcript: "The red kettle whistles loudly",
        people: [{ person_id: person, name: "Ada", confidence: 0.75 }],
      },
      { start_s: 2, end_s: 3, transcript: "Goodbye", thumbnail_url: null },
    ]);
  });

  test("pages through scenes that start together", async () => {
    const user = await createUser();
    const cues = Array.from(
      { length: 7 },
      (_, n) => `00:0${n >> 1}.000 --> 00:09.000\nscene ${n}\n`,
    );
    const { video_id } = await createIndexedVideo(user, {
      captions: ["WEBVTT\n", ...cues].join("\n"),
    });
    const seen: Scene[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await list(user, video_id, `?limit=2${query}`);
      seen.push(...page.scenes);
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen.map((scene) => scene.start_s)).toEqual([0, 0, 1, 1, 2, 2, 3]);
    expect(new Set(seen.map((scene) => scene.scene_id)).size).toBe(7);
  });

  test("is empty before there are captions", async () => {
    const user = await createUser();
    const { video_id } = await beginUpload(user);
    expect(await list(user, video_id)).toEqual({ scenes: [], next_cursor: null, has_more: false });
  });

  test("does not know videos of others; a cursor serves one video", async () => {
    const [owner, other] = await Promise.all([createUser(), createUser()]);
    const first = await createIndexedVideo(owner);
    const second = await createIndexedVideo(owner);
    const response = await call(`/videos/${first.video_id}/scenes`, { token: other.accessToken });
    await expectProblem(response, "video_not_found", 404);
    const { next_cursor } = await list(owner, first.video_id, "?limit=1");
    const moved = await call(
      `/videos/${second.video_id}/scenes?cursor=${encodeURIComponent(next_cursor ?? "")}`,
      { token: owner.accessToken },
    );
    await expectProblem(moved, "invalid_cursor", 400);
  });

  test("is 503 without the database", async () => {
    const user = await createUser();
    const app = videosWithout("database");
    const path = `/videos/${crypto.randomUUID()}/scenes`;
    const response = await app.request(path, toRequestInit({ token: user.accessToken }));
    await expectProblem(response, "database_unavailable", 503);
  });
});

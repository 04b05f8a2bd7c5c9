import { beforeAll, describe, expect, test } from "vitest";
import { depsWith, withOutage } from "../../support/app.ts";
import { createApp } from "../../../supabase/functions/videos/app.ts";
import type { Scene } from "../../../supabase/functions/videos/schemas.ts";
import {
  jobUploadsSchema,
  maxSceneBytes,
  storedPartSchema,
} from "../../../supabase/functions/videos/worker-schemas.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { setting, useStack } from "../../support/stack.ts";
import { adminClient, createUser, type TestUser } from "../../support/users.ts";
import { createPerson } from "../people/support.ts";
import { createUploadedVideo, kitchenCaptions, putCaptions } from "./support.ts";
import { createWorker, type Job, makeScenes, parse, toBase64 } from "./worker-support.ts";

const worker = createWorker(() => ({
  url: useStack().url,
  key: setting("HEIMDEX_WORKER_KEYS").split(",")[0] ?? "",
}));

let user: TestUser;

beforeAll(async () => {
  user = await createUser({ appMetadata: { tier: "enterprise" } });
});

/** A job of a new video of `owner`, held by a worker. Other files leave this stage alone. */
async function holdJob(owner: TestUser = user): Promise<Job> {
  const { video_id } = await createUploadedVideo(owner);
  return await holdAgain(video_id);
}

async function holdAgain(videoId: string): Promise<Job> {
  await adminSql()`
    update public.jobs set stage = 'sidecar_build', state = 'pending', due_at = now()
    where video_id = ${videoId}`;
  return await worker.claim({ stages: ["sidecar_build"] });
}

const newPart = (scenes: unknown[], o: Record<string, unknown> = {}) => ({
  revision: crypto.randomUUID(),
  part: 1,
  final: true,
  parts: 1,
  scenes,
  ...o,
});

const put = async (job: Job, part: Record<string, unknown>) =>
  await parse(await worker.putScenes(job, part), storedPartSchema);

async function readScenes(job: Job, owner: TestUser = user): Promise<Scene[]> {
  const path = `/videos/${job.video.video_id}/scenes?limit=100`;
  const answer = await call(path, { token: owner.accessToken });
  return (await expectJson<{ scenes: Scene[] }>(answer, 200)).scenes;
}

const readTexts = async (job: Job) => (await readScenes(job)).map(({ transcript }) => transcript);

/** Thumbnails of these scenes and the sidecar, uploaded as a worker would. */
async function upload(job: Job, sceneIds: string[]) {
  const request = { lease_id: job.lease_id, scene_ids: sceneIds, sidecar: true };
  const response = await worker.send(`/jobs/${job.job_id}/uploads`, request);
  const { thumbnails, sidecar } = await parse(response, jobUploadsSchema, 201);
  for (const { bucket, path, token } of [...thumbnails, ...sidecar ? [sidecar] : []]) {
    const type = bucket === "thumbnails" ? "image/jpeg" : "application/json";
    const { error } = await adminClient().storage.from(bucket)
      .uploadToSignedUrl(path, token, new Blob(["{}"], { type }), { contentType: type });
    expect(error).toBeNull();
  }
  const scenes = thumbnails.map(({ scene_id, path }, index) => ({
    scene_id,
    start_s: index,
    end_s: index + 1,
    thumbnail_key: path,
    sidecar_key: sidecar?.path,
  }));
  return { scenes, keys: [...thumbnails.map(({ path }) => path), sidecar?.path ?? ""] };
}

/** Objects of the video besides its file. */
async function listObjects({ video: { video_id } }: Job): Promise<string[]> {
  const rows = await adminSql()<{ name: string }[]>`
    select name from storage.objects
    where bucket_id in ('thumbnails', 'sidecars') and name like '%' || ${video_id}::text || '%'
    order by name`;
  return rows.map(({ name }) => name);
}

describe("PUT /videos/:id/scenes", () => {
  test("puts the scenes in place with the final part, whatever the order of the others", async () => {
    const job = await holdJob();
    await put(job, newPart(makeScenes(1, { text: "old" })));
    const revision = crypto.randomUUID();
    const part = (number: number, o = {}) => ({
      revision,
      part: number,
      scenes: makeScenes(2, { from: number * 10 }),
      ...o,
    });
    for (const number of [3, 1]) {
      expect(await put(job, part(number))).toEqual({
        video_id: job.video.video_id,
        revision,
        part: number,
        scenes: 2,
        swapped: false,
        total_scenes: null,
        vectors_stored: false,
      });
    }
    expect(await readTexts(job)).toEqual(["old 0"]);
    const last = part(2, { final: true, parts: 3 });
    const answer = await put(job, last);
    expect(answer).toMatchObject({ swapped: true, total_scenes: 6 });
    const texts = [10, 11, 20, 21, 30, 31].map((start) => `scene ${start}`);
    expect(await readTexts(job)).toEqual(texts);

    expect(await put(job, last)).toEqual(answer);
    expect(await put(job, part(1))).toMatchObject({ swapped: true, total_scenes: 6 });
    expect(await readTexts(job)).toEqual(texts);
    const other = part(1, { scenes: makeScenes(1) });
    await expectProblem(await worker.putScenes(job, other), "revision_conflict", 409);
    const recount = part(2, { final: true, parts: 4 });
    await expectProblem(await worker.putScenes(job, recount), "validation_failed", 422);
  });

  test("names the parts that are missing, and goes on where it was", async () => {
    const job = await holdJob();
    const revision = crypto.randomUUID();
    const part = (number: number) => ({ revision, part: number, scenes: makeScenes(1) });
    await put(job, part(2));
    const final = { ...part(4), final: true, parts: 4 };
    const problem = await expectProblem(await worker.putScenes(job, final), "parts_missing", 409);
    expect(problem.errors?.map(({ path }) => path)).toEqual(["part 1", "part 3"]);
    expect(await readScenes(job)).toEqual([]);
    await put(job, part(1));
    await put(job, part(3));
    const beyond = { ...part(2), final: true, parts: 2 };
    await expectProblem(await worker.putScenes(job, beyond), "validation_failed", 422);
    expect(await put(job, final)).toMatchObject({ swapped: true, total_scenes: 4 });
  });

  test("lets a repeated part take the place of the first", async () => {
    const job = await holdJob();
    const part = newPart(makeScenes(3, { text: "first" }), { final: false, parts: undefined });
    await put(job, part);
    await put(job, { ...part, scenes: makeScenes(1, { text: "second" }), final: true, parts: 1 });
    expect(await readTexts(job)).toEqual(["second 0"]);
  });

  test("refuses a revision that is older than what is in place", async () => {
    const job = await holdJob();
    const older = newPart(makeScenes(1, { text: "older" }), { final: false, parts: undefined });
    await put(job, older);
    await put(job, newPart(makeScenes(1, { text: "newer" })));
    for (const o of [{}, { final: true, parts: 1 }]) {
      const late = await worker.putScenes(job, { ...older, ...o });
      await expectProblem(late, "revision_conflict", 409);
    }
    await expectJson(await putCaptions(user, job.video.video_id), 200);
    expect(await readScenes(job)).toHaveLength(3);
    expect(await holdAgain(job.video.video_id)).toMatchObject({
      video: { scenes_from: "captions" },
    });
  });

  test("lets captions win over a revision that was begun before them", async () => {
    const job = await holdJob();
    const part = newPart(makeScenes(9), { final: false, parts: undefined });
    await put(job, part);
    await expectJson(await putCaptions(user, job.video.video_id), 200);
    const late = await worker.putScenes(job, { ...part, final: true, parts: 1 });
    await expectProblem(late, "revision_conflict", 409);
    expect(await readScenes(job)).toHaveLength(3);
  });

  test("loses and doubles nothing when a worker dies between two parts", async () => {
    const dead = await holdJob();
    const revision = crypto.randomUUID();
    const half = { revision, part: 1, scenes: makeScenes(2, { text: "dead" }) };
    await put(dead, half);
    const next = await holdAgain(dead.video.video_id);
    await expectProblem(await worker.putScenes(dead, { ...half, part: 2 }), "lease_lost", 409);
    await put(next, newPart(makeScenes(2, { text: "next" })));
    expect(await readTexts(next)).toEqual(["next 0", "next 1"]);
    const [staged] = await adminSql()`
      select count(*)::int as count from private.scene_parts
      where video_id = ${next.video.video_id}`;
    expect(staged).toEqual({ count: 0 });
  });

  test("takes the parts of one revision at the same time, and its final twice", async () => {
    const job = await holdJob();
    const revision = crypto.randomUUID();
    const part = (number: number) => ({
      revision,
      part: number,
      scenes: makeScenes(50, { from: number * 100 }),
    });
    await Promise.all([1, 2, 3, 4, 5].map((number) => put(job, part(number))));
    const final = { ...part(6), final: true, parts: 6 };
    const answers = await Promise.all([put(job, final), put(job, final), put(job, final)]);
    for (const answer of answers) expect(answer).toMatchObject({ total_scenes: 300 });
    const [row] = await adminSql()`
      select count(*)::int as count from public.scenes where video_id = ${job.video.video_id}`;
    expect(row).toEqual({ count: 300 });
  });

  test("takes 5,000 scenes at once and no more, and an empty list", async () => {
    const job = await holdJob();
    expect(await put(job, newPart(makeScenes(5000)))).toMatchObject({ total_scenes: 5000 });
    const more = await worker.putScenes(job, newPart(makeScenes(5001)));
    await expectProblem(more, "validation_failed", 422);
    expect(await put(job, newPart([]))).toMatchObject({ swapped: true, total_scenes: 0 });
    expect(await readScenes(job)).toEqual([]);
  });

  test("reads at most 8 MiB, in this route alone", async () => {
    const job = await holdJob();
    const text = (bytes: number) => [{ start_s: 0, end_s: 1, transcript: "x".repeat(bytes) }];
    // Read and refused for what it says, not for its size.
    const large = await worker.putScenes(job, newPart(text(maxSceneBytes - 1000)));
    await expectProblem(large, "validation_failed", 422);
    const larger = await worker.putScenes(job, newPart(text(maxSceneBytes)));
    await expectProblem(larger, "payload_too_large", 413);
    const error = "x".repeat(2 * 1024 * 1024);
    await expectProblem(await worker.fail(job, { error }), "payload_too_large", 413);
  });

  test("keeps what a scene says and shows its people and picture", async () => {
    const job = await holdJob();
    const person = await createPerson(user, `Captain ${crypto.randomUUID()}`);
    const { scenes } = await upload(job, [crypto.randomUUID()]);
    const seen = { person_id: person.person_id, confidence: 0.75, frame_count: 12 };
    const scene = {
      ...scenes[0],
      start_s: 0.12345,
      transcript: "Welcome\0 aboard",
      language: "ko",
      vision_tags: ["ship", "harbour"],
      people: [seen],
    };
    await put(job, newPart([scene]));
    const [shown] = await readScenes(job);
    expect(shown).toMatchObject({
      scene_id: scene.scene_id,
      start_s: 0.123,
      end_s: 1,
      transcript: "Welcome aboard",
      people: [{ person_id: person.person_id, name: person.name, confidence: 0.75 }],
    });
    const picture = await fetch(shown?.thumbnail_url ?? "");
    expect(await picture.text()).toBe("{}");
    const [row] = await adminSql()`
      select s.language, s.vision_tags, s.sidecar_key, p.frame_count
      from public.scenes s join public.scene_people p using (scene_id)
      where s.scene_id = ${scene.scene_id ?? ""}`;
    expect(row).toEqual({
      language: "ko",
      vision_tags: ["ship", "harbour"],
      sidecar_key: scene.sidecar_key,
      frame_count: 12,
    });
  });

  test("takes vectors and says that they are not kept where pgvector is absent", async () => {
    const job = await holdJob();
    const text_vec = toBase64(Array.from({ length: 1152 }, (_, n) => Math.sin(n)));
    const scene = { start_s: 0, end_s: 1, text_vec, image_vec: text_vec };
    const [{ stores }] = await adminSql()<[{ stores: boolean }]>`
      select to_regclass('public.scene_vectors') is not null as stores`;
    expect(await put(job, newPart(Array(250).fill(scene)))).toMatchObject({
      swapped: true,
      total_scenes: 250,
      vectors_stored: stores,
    });
    const more = await worker.putScenes(job, newPart(Array(251).fill(scene)));
    await expectProblem(more, "validation_failed", 422);
  });

  test.each([
    ["no base64", "%%%%", "Expected base64 of float32 numbers"],
    ["base64 without its padding", toBase64([1]).replaceAll("=", ""), "Expected base64"],
    ["bytes that are no numbers", btoa("abcde"), "Expected base64"],
    ["too few numbers", toBase64(Array(512).fill(1)), "Expected 1152 numbers, there are 512"],
    ["too many numbers", toBase64(Array(1153).fill(1)), "Expected 1152 numbers, there are 1153"],
    ["NaN", toBase64([...Array(1151).fill(1), NaN]), "Number 1152 is not finite"],
    ["an infinity", toBase64([-Infinity, ...Array(1151).fill(1)]), "Number 1 is not finite"],
    ["zeros alone", toBase64(Array(1152).fill(0)), "All numbers are zero"],
  ])("refuses a vector of %s", async (_, vector, message) => {
    const job = { ...fakeJob, video: { ...fakeJob.video, video_id: crypto.randomUUID() } };
    const scenes = [...makeScenes(1), { start_s: 1, end_s: 2, image_vec: vector }];
    const problem = await expectProblem(
      await worker.putScenes(job, newPart(scenes)),
      "validation_failed",
      422,
    );
    expect(problem.errors).toEqual([
      { path: "scenes.1.image_vec", message: expect.stringContaining(message) },
    ]);
  });

  const id = crypto.randomUUID();
  const people = (...list: Record<string, unknown>[]) =>
    list.map((one) => ({ person_id: id, confidence: 1, frame_count: 1, ...one }));
  test.each<[string, Record<string, unknown>]>([
    ["an end before its start", { scenes: [{ start_s: 2, end_s: 1 }] }],
    ["no length in milliseconds", { scenes: [{ start_s: 1.0001, end_s: 1.0002 }] }],
    ["a negative start", { scenes: [{ start_s: -1, end_s: 1 }] }],
    ["an end beyond what a column holds", { scenes: [{ start_s: 0, end_s: 10_000_000 }] }],
    ["a text of 10,001 characters", {
      scenes: [{ start_s: 0, end_s: 1, transcript: "x".repeat(10_001) }],
    }],
    ["a member that is unknown", { scenes: [{ start_s: 0, end_s: 1, state: "indexed" }] }],
    ["the same id twice", {
      scenes: [{ scene_id: id, start_s: 0, end_s: 1 }, { scene_id: id, start_s: 1, end_s: 2 }],
    }],
    ["the same person twice", { scenes: [{ start_s: 0, end_s: 1, people: people({}, {}) }] }],
    ["a confidence of 2", {
      scenes: [{ start_s: 0, end_s: 1, people: people({ confidence: 2 }) }],
    }],
    ["a thumbnail without an id", { scenes: [{ start_s: 0, end_s: 1, thumbnail_key: "a.jpg" }] }],
    ["final without parts", { parts: undefined }],
    ["parts without final", { final: false }],
    ["a number beyond parts", { part: 2 }],
    ["part 0", { part: 0 }],
    ["a revision that is no UUID", { revision: "second" }],
  ])("refuses %s", async (_, o) => {
    const response = await worker.putScenes(fakeJob, newPart(makeScenes(1), o));
    await expectProblem(response, "validation_failed", 422);
  });

  test("refuses numbers that JSON does not know, and what is no JSON", async () => {
    const path = `/videos/${crypto.randomUUID()}/scenes`;
    const send = (body: string) =>
      call(path, {
        method: "PUT",
        token: setting("HEIMDEX_WORKER_KEYS"),
        body,
        headers: { "content-type": "application/json" },
      });
    const body = JSON.stringify({ ...newPart([{ start_s: 7, end_s: 8 }]), lease_id: id });
    await expectProblem(await send(body.replace(":7", ":NaN")), "invalid_json", 400);
    await expectProblem(await send(body.replace(":8}", ":1e999}")), "validation_failed", 422);
    await expectProblem(await send(body.slice(0, -1)), "invalid_json", 400);
  });

  test("knows people of the video's owner only", async () => {
    const [job, stranger] = [await holdJob(), await createUser()];
    const theirs = await createPerson(stranger, "Somebody else");
    for (const person_id of [theirs.person_id, crypto.randomUUID()]) {
      const scene = { ...makeScenes(1)[0], people: [{ person_id, confidence: 1, frame_count: 1 }] };
      const response = await worker.putScenes(job, newPart([scene]));
      await expectProblem(response, "person_not_found", 404);
    }
    expect(await readScenes(job)).toEqual([]);
  });

  test("leaves out a person who is deleted before the final part", async () => {
    const job = await holdJob();
    const person = await createPerson(user, `Passing ${crypto.randomUUID()}`);
    const seen = { person_id: person.person_id, confidence: 1, frame_count: 1 };
    const first = newPart([{ ...makeScenes(1)[0], people: [seen] }], {
      final: false,
      parts: undefined,
    });
    await put(job, first);
    await adminSql()`
      update public.face_profiles set deleted_at = now() where person_id = ${person.person_id}`;
    await put(job, {
      ...first,
      part: 2,
      scenes: makeScenes(1, { from: 5 }),
      final: true,
      parts: 2,
    });
    expect((await readScenes(job)).map((scene) => scene.people)).toEqual([[], []]);
  });

  test("forgets the staged parts that name a person who is erased", async () => {
    const job = await holdJob();
    const person = await createPerson(user, `Leaving ${crypto.randomUUID()}`);
    const seen = { person_id: person.person_id, confidence: 1, frame_count: 1 };
    const first = newPart([{ ...makeScenes(1)[0], people: [seen] }], {
      final: false,
      parts: undefined,
    });
    await put(job, first);
    const path = `/people/${person.person_id}`;
    const removed = await call(path, { method: "DELETE", token: user.accessToken });
    expect([202, 204]).toContain(removed.status);
    await expect.poll(async () => {
      const rows = await adminSql()`
        select from private.scene_parts where video_id = ${job.video.video_id}`;
      return rows.length;
    }, { timeout: 10_000 }).toBe(0);
    const final = { ...first, part: 2, scenes: makeScenes(1), final: true, parts: 2 };
    const problem = await expectProblem(await worker.putScenes(job, final), "parts_missing", 409);
    expect(problem.errors).toEqual([{ path: "part 1", message: "Has not arrived" }]);
  });

  test("takes no people where the deployment takes none", async () => {
    const app = createApp(depsWith({ environment: { HEIMDEX_FACE_ENROLLMENT: "false" } }));
    const scene = { ...makeScenes(1)[0], people: people({}) };
    const response = await app.request(
      `/videos/${crypto.randomUUID()}/scenes`,
      toRequestInit({
        method: "PUT",
        token: setting("HEIMDEX_WORKER_KEYS"),
        json: { ...newPart([scene]), lease_id: id },
      }),
    );
    await expectProblem(response, "feature_disabled", 403);
  });

  test("takes neither keys nor scene ids of other videos", async () => {
    const [job, other] = [await holdJob(), await holdJob()];
    const own = { scene_id: crypto.randomUUID(), start_s: 0, end_s: 1 };
    const folder = `${user.id}/${job.video.video_id}`;
    const keys = [
      { thumbnail_key: `${crypto.randomUUID()}/${job.video.video_id}/${own.scene_id}.jpg` },
      { thumbnail_key: `${user.id}/${other.video.video_id}/${own.scene_id}.jpg` },
      { thumbnail_key: `${folder}/${crypto.randomUUID()}.jpg` },
      { thumbnail_key: `${folder}/../${own.scene_id}.jpg` },
      { sidecar_key: `${crypto.randomUUID()}/${job.video.video_id}.json` },
      { sidecar_key: `${user.id}/${other.video.video_id}.json` },
    ];
    for (const key of keys) {
      const response = await worker.putScenes(job, newPart([{ ...own, ...key }]));
      await expectProblem(response, "validation_failed", 422);
    }
    await put(other, newPart([own]));
    const taken = await worker.putScenes(job, newPart([own]));
    await expectProblem(taken, "validation_failed", 422);
    expect(await readScenes(other)).toMatchObject([{ scene_id: own.scene_id }]);
    // In two parts of one revision the id is found at the end.
    const scene = { ...own, scene_id: crypto.randomUUID() };
    const first = newPart([scene], { final: false, parts: undefined });
    await put(job, first);
    const twice = { ...first, part: 2, final: true, parts: 2 };
    await expectProblem(await worker.putScenes(job, twice), "validation_failed", 422);
  });

  test("leaves nothing of a user who is erased while parts wait", async () => {
    const leaving = await createUser();
    const job = await holdJob(leaving);
    const { scenes, keys } = await upload(job, [crypto.randomUUID()]);
    await put(job, newPart(scenes, { final: false, parts: undefined }));
    await adminSql()`
      insert into private.stale_objects (bucket, key, video_id, user_id)
      values ('thumbnails', ${`${keys[0]}.old`}, ${job.video.video_id}, ${leaving.id})`;
    await adminClient().auth.admin.deleteUser(leaving.id);
    const count = async () => {
      const [row] = await adminSql()<{ count: number }[]>`
        select (select count(*) from private.scene_parts where video_id = ${job.video.video_id})
          + (select count(*) from private.scene_revisions where video_id = ${job.video.video_id})
          + (select count(*) from private.stale_objects where user_id = ${leaving.id})
          + (select count(*) from private.job_leases where job_id = ${job.job_id})
          + (select count(*) from public.videos where user_id = ${leaving.id}) as count`;
      return Number(row?.count);
    };
    await expect.poll(count, { timeout: 20_000 }).toBe(0);
    await expect.poll(() => listObjects(job)).toEqual([]);
    await expectProblem(await worker.progress(job), "job_not_found", 404);
  });

  test("takes a lease of the video itself only", async () => {
    const [job, other] = [await holdJob(), await holdJob()];
    const crossed = { ...job, lease_id: other.lease_id };
    await expectProblem(await worker.putScenes(crossed, newPart([])), "lease_lost", 409);
    const unknown = { ...job, video: { ...job.video, video_id: crypto.randomUUID() } };
    await expectProblem(await worker.putScenes(unknown, newPart([])), "video_not_found", 404);
  });
});

/** For requests that are refused before anybody asks for the job. */
const fakeJob: Job = {
  job_id: crypto.randomUUID(),
  lease_id: crypto.randomUUID(),
  lease_until: new Date(0).toISOString(),
  stage: "commit",
  attempt: 1,
  video: {
    video_id: crypto.randomUUID(),
    language: null,
    mime_type: "video/mp4",
    size_bytes: 1,
    duration_s: null,
    scenes_from: null,
    download_url: "http://127.0.0.1",
  },
};

describe("objects of scenes that were replaced", () => {
  test("go when captions take the place of a worker's scenes, and again of captions", async () => {
    const job = await holdJob();
    const { scenes, keys } = await upload(job, [crypto.randomUUID(), crypto.randomUUID()]);
    await put(job, newPart(scenes));
    expect(await listObjects(job)).toEqual([...keys].sort());
    await expectJson(await putCaptions(user, job.video.video_id), 200);
    await expect.poll(() => listObjects(job)).toEqual([]);
    await adminSql()`
      update public.scenes set thumbnail_key = ${keys[0] ?? ""}
      where video_id = ${job.video.video_id}`;
    await adminClient().storage.from("thumbnails")
      .upload(keys[0] ?? "", new Blob(["picture"], { type: "image/jpeg" }));
    await expectJson(await putCaptions(user, job.video.video_id), 200);
    await expect.poll(() => listObjects(job)).toEqual([]);
    await expect.poll(() => countQueued(job)).toBe(0);
  });

  test("stay when the new revision names them", async () => {
    const job = await holdJob();
    const { scenes, keys } = await upload(job, [crypto.randomUUID(), crypto.randomUUID()]);
    await put(job, newPart(scenes));
    await put(job, newPart(scenes.slice(1)));
    const kept = keys.slice(1).sort();
    await expect.poll(() => listObjects(job)).toEqual(kept);
    await expect.poll(() => countQueued(job)).toBe(0);
    expect(await listObjects(job)).toEqual(kept);
  });

  test("go at the next drain when Storage did not answer", async () => {
    const job = await holdJob();
    const { scenes } = await upload(job, [crypto.randomUUID()]);
    await put(job, newPart(scenes));
    const app = createApp(depsWith({
      environment: withOutage("supabase"),
      waitUntil: (work) => void work.catch(() => {}),
    }));
    const response = await app.request(
      `/videos/${job.video.video_id}/captions`,
      toRequestInit({
        method: "PUT",
        token: user.accessToken,
        body: kitchenCaptions,
        headers: { "content-type": "text/vtt" },
      }),
    );
    expect(response.status, await response.text()).toBe(200);
    await expect.poll(() => listObjects(job), { timeout: 15_000 }).toEqual([]);
  });

  test("that only an abandoned revision named go after a day", async () => {
    const job = await holdJob();
    const { scenes } = await upload(job, [crypto.randomUUID()]);
    const part = newPart(scenes, { final: false, parts: undefined });
    await put(job, part);
    await adminSql()`
      update private.scene_revisions set touched_at = now() - interval '25 hours'
      where revision = ${part.revision}`;
    await expect.poll(() => listObjects(job), { timeout: 15_000 }).toEqual([]);
    const parts = await adminSql()`
      select from private.scene_parts where video_id = ${job.video.video_id}`;
    expect(parts).toHaveLength(0);
  });

  async function countQueued({ video: { video_id } }: Job): Promise<number> {
    const rows = await adminSql()`select from private.stale_objects where video_id = ${video_id}`;
    return rows.length;
  }
});

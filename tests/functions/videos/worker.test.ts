import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createClient } from "@supabase/supabase-js";
import { afterEach, describe, expect, test } from "vitest";
import { readEnv } from "../../../shared/env.ts";
import { createDeps } from "../../../shared/http/deps.ts";
import { createApp } from "../../../supabase/functions/videos/app.ts";
import {
  claimedJobSchema,
  completedJobSchema,
  failedJobSchema,
  jobProgressSchema,
  jobUploadsSchema,
} from "../../../supabase/functions/videos/worker-schemas.ts";
import { deadPort } from "../../support/app.ts";
import { expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { useOwnStack } from "../../support/own-stack.ts";
import { clip } from "./support.ts";
import { createWorker, type Job, makeScenes, parse } from "./worker-support.ts";

// Workers take the jobs of everybody, so these tests have a stack for themselves.
const own = useOwnStack("worker");

const settings = () => ({
  url: own.stack.url,
  key: own.stack.environment.HEIMDEX_WORKER_KEYS ?? "",
});
const worker = createWorker(settings);

afterEach(() => own.sql`delete from public.videos`);

interface VideoOptions {
  owner?: string;
  organization?: string;
  stage?: string;
  /** Without it the file is there. */
  missing?: boolean;
}

/** A video that waits for its first job. Only its file and its rows matter to a worker. */
async function addVideo(o: VideoOptions = {}): Promise<{ videoId: string; owner: string }> {
  const [videoId, owner] = [crypto.randomUUID(), o.owner ?? crypto.randomUUID()];
  const key = `videos/${owner}/${videoId}.mp4`;
  if (!o.missing) {
    const { error } = await own.admin.storage.from("uploads")
      .upload(key, new Blob([clip], { type: "video/mp4" }));
    expect(error).toBeNull();
  }
  await own.sql`
    insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes, state)
    values (${videoId}, ${owner}, ${key}, 'video/mp4', ${clip.length}, 'validating')`;
  await addJob(videoId, o.stage);
  return { videoId, owner };
}

const addJob = (videoId: string, stage = "upload_validate") =>
  own.sql`insert into public.jobs (video_id, stage) values (${videoId}, ${stage})`;

async function readJobs(videoId: string) {
  return [
    ...await own.sql`
      select stage, state, attempts, error_text from public.jobs where video_id = ${videoId}
      order by stage, created_at`,
  ];
}

async function readVideo(videoId: string) {
  const [row] = await own.sql`
    select state, error_text, duration_s::float as duration_s, language from public.videos
    where video_id = ${videoId}`;
  return row;
}

/** As if the worker had been silent for the whole lease. */
const endLease = (job: Job) =>
  own.sql`update public.jobs set due_at = now() - interval '1 second' where job_id = ${job.job_id}`;

const drain = () =>
  fetch(
    `${own.stack.url}/functions/v1/auth-webhook/drain`,
    toRequestInit({
      token: own.stack.environment.HEIMDEX_CRON_SECRET ?? "",
      json: {},
    }),
  ).then((response) => expectJson(response, 200));

const environmentOf = () => ({
  ...own.stack.environment,
  HEIMDEX_JWT_ISSUER: own.stack.jwtIssuer,
});

/** The function in this process, with a Storage that does not answer. */
function appWithoutStorage() {
  const environment = { ...environmentOf(), SUPABASE_URL: `http://127.0.0.1:${deadPort}` };
  return createApp({ ...createDeps(readEnv(environment)), log: () => {} });
}

describe("POST /videos/jobs/claim", () => {
  test("hands out a job with what a worker needs, and nothing when nothing is due", async () => {
    expect((await worker.send("/jobs/claim", {})).status).toBe(204);
    const { videoId } = await addVideo();
    const before = Date.now();
    const job = await worker.claim({ lease_seconds: 60, worker: "gpu-1" });
    expect(job).toMatchObject({
      stage: "upload_validate",
      attempt: 1,
      video: { video_id: videoId, mime_type: "video/mp4", size_bytes: clip.length },
    });
    expect(job.video.scenes_from).toBeNull();
    expect(Date.parse(job.lease_until) - before).toBeGreaterThan(59_000);
    expect(Date.parse(job.lease_until) - before).toBeLessThan(70_000);
    const file = await fetch(job.video.download_url);
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(clip);
    expect((await worker.send("/jobs/claim", {})).status).toBe(204);
  });

  test("keeps to the stages a worker can do", async () => {
    await addVideo({ stage: "asr_fast" });
    const none = await worker.send("/jobs/claim", { stages: ["scene_detect", "commit"] });
    expect(none.status).toBe(204);
    expect(await worker.claim({ stages: ["commit", "asr_fast"] })).toMatchObject({
      stage: "asr_fast",
    });
  });

  test("gives each job to one worker, however many ask at once", async () => {
    const [{ owner }] = await Promise.all([addVideo(), addVideo()]);
    await Promise.all([addVideo({ owner }), addVideo({ owner }), addVideo({ owner })]);
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => worker.send("/jobs/claim", {})),
    );
    const jobs = await Promise.all(
      answers.filter(({ status }) => status === 200).map((answer) =>
        parse(answer, claimedJobSchema)
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      ...Array(5).fill(200),
      ...Array(7).fill(204),
    ]);
    expect(new Set(jobs.map(({ job }) => job.job_id)).size).toBe(5);
    expect(new Set(jobs.map(({ job }) => job.lease_id)).size).toBe(5);
  });

  test("lets owners take turns, so that a long backlog keeps nobody waiting", async () => {
    const many = crypto.randomUUID();
    for (let n = 0; n < 4; n++) await addVideo({ owner: many });
    const served = [await worker.claim(), await worker.claim()];
    const { videoId: late } = await addVideo();
    served.push(await worker.claim(), await worker.claim(), await worker.claim());
    expect(served[2]?.video.video_id).toBe(late);
    expect(new Set(served.map(({ job_id }) => job_id)).size).toBe(5);
  });

  test("counts an organisation as an owner of its own", async () => {
    const [organization] = await own.sql`
      insert into public.organizations (name) values ('Harbour') returning organization_id`;
    const { videoId } = await addVideo();
    await own.sql`
      update public.videos set user_id = null, organization_id = ${organization?.organization_id}
      where video_id = ${videoId}`;
    expect(await worker.claim()).toMatchObject({ video: { video_id: videoId } });
  });

  test("passes over deleted videos and owners who are being erased", async () => {
    const [deleted, erased] = [await addVideo(), await addVideo()];
    await own.sql`
      update public.videos set deleted_at = now(), state = 'deleted'
      where video_id = ${deleted.videoId}`;
    await own.sql`
      insert into private.erased_users (user_id, subject)
      values (${erased.owner}, ${"0".repeat(64)})`;
    expect((await worker.send("/jobs/claim", {})).status).toBe(204);
  });

  test("fails a job whose file is gone and takes the next", async () => {
    const { videoId: gone } = await addVideo({ missing: true });
    const { videoId } = await addVideo();
    expect((await worker.claim()).video.video_id).toBe(videoId);
    expect(await readVideo(gone)).toMatchObject({
      state: "failed",
      error_text: "The uploaded file is missing: upload the video again",
    });
  });

  test("takes the next when the video is deleted while its file is looked for", async () => {
    const { videoId: gone } = await addVideo({ missing: true });
    const { videoId } = await addVideo();
    const deps = createDeps(readEnv(environmentOf()));
    const app = createApp({
      ...deps,
      log: () => {},
      objects: {
        ...deps.objects,
        signDownloads: async (...asked) => {
          await own.sql`delete from public.videos where video_id = ${gone}`;
          return deps.objects.signDownloads(...asked);
        },
      },
    });
    const { key } = settings();
    const request = toRequestInit({ token: key, json: {} });
    const answer = await app.request("/videos/jobs/claim", request);
    expect((await parse(answer, claimedJobSchema)).job.video.video_id).toBe(videoId);
    await deps.database.close();
  });

  test("gives the job back when Storage does not answer", async () => {
    const { videoId } = await addVideo();
    const { key } = settings();
    const response = await appWithoutStorage().request(
      "/videos/jobs/claim",
      toRequestInit({ token: key, json: {} }),
    );
    await expectProblem(response, "storage_unavailable", 503);
    expect(await readJobs(videoId)).toMatchObject([{ state: "pending", attempts: 0 }]);
    expect(await worker.claim()).toMatchObject({ attempt: 1 });
  });

  test("finds its job at once behind 20,000 of others", async () => {
    const { videoId } = await addVideo();
    await own.sql`
      insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes, state)
      select gen_random_uuid(), u.id, 'k', 'video/mp4', 1, 'validating'
      from (select gen_random_uuid() as id from generate_series(1, 200)) as u,
        generate_series(1, 100)`;
    await own.sql`
      insert into public.jobs (video_id, stage, due_at)
      select video_id, 'asr_fast', now() + interval '1 day' from public.videos
      where video_id <> ${videoId}`;
    await own.sql`analyze public.jobs`;
    const started = performance.now();
    expect((await worker.claim()).video.video_id).toBe(videoId);
    expect(performance.now() - started).toBeLessThan(1500);
  });

  test("refuses stages and leases that there are not, and every key when none is set", async () => {
    for (const json of [{ lease_seconds: 29 }, { lease_seconds: 3601 }, { stages: ["x"] }, []]) {
      await expectProblem(await worker.send("/jobs/claim", json), "validation_failed", 422);
    }
    const app = createApp({
      ...createDeps(readEnv({ ...own.stack.environment, HEIMDEX_WORKER_KEYS: "" })),
      log: () => {},
    });
    for (const token of ["", settings().key, "undefined"]) {
      const request = toRequestInit({ token, json: {} });
      await expectProblem(await app.request("/videos/jobs/claim", request), "key_invalid", 401);
    }
  });

  test("takes any of several keys", async () => {
    const keys = `${crypto.randomUUID()},${crypto.randomUUID()}`;
    const app = createApp({
      ...createDeps(readEnv({ ...own.stack.environment, HEIMDEX_WORKER_KEYS: keys })),
      log: () => {},
    });
    for (const token of keys.split(",")) {
      const request = toRequestInit({ token, json: {} });
      expect((await app.request("/videos/jobs/claim", request)).status).toBe(204);
    }
  });
});

describe("a worker that dies", () => {
  test("leaves its job to the next one, and comes back to nothing", async () => {
    const { videoId } = await addVideo();
    const late = await worker.claim();
    await endLease(late);
    const next = await worker.claim();
    expect(next).toMatchObject({ job_id: late.job_id, attempt: 2 });
    expect(next.lease_id).not.toBe(late.lease_id);
    await expectProblem(await worker.progress(late), "lease_lost", 409);
    const queue = { next_stages: ["audio_extract"] };
    await expectProblem(await worker.complete(late, queue), "lease_lost", 409);
    await expectProblem(await worker.fail(late), "lease_lost", 409);
    const part = { revision: crypto.randomUUID(), part: 1, final: true, parts: 1 };
    const scenes = { ...part, scenes: makeScenes(2) };
    await expectProblem(await worker.putScenes(late, scenes), "lease_lost", 409);
    await parse(await worker.complete(next, queue), completedJobSchema);
    await expectProblem(await worker.complete(late, queue), "lease_lost", 409);
    expect(await readJobs(videoId)).toMatchObject([
      { stage: "upload_validate", state: "completed" },
      { stage: "audio_extract", state: "pending" },
    ]);
  });

  test("has lost its lease also while nobody else took the job", async () => {
    await addVideo();
    const job = await worker.claim();
    await endLease(job);
    await expectProblem(await worker.progress(job), "lease_lost", 409);
    await expectProblem(await worker.complete(job), "lease_lost", 409);
  });

  test("for the fifth time ends the job and the video", async () => {
    const { videoId } = await addVideo();
    for (let attempt = 1; attempt <= 5; attempt++) {
      const job = await worker.claim();
      expect(job.attempt).toBe(attempt);
      await endLease(job);
    }
    expect((await worker.send("/jobs/claim", {})).status).toBe(204);
    await drain();
    expect(await readJobs(videoId)).toMatchObject([{ state: "failed", attempts: 5 }]);
    expect(await readVideo(videoId)).toMatchObject({
      state: "failed",
      error_text: "The video could not be processed: five attempts ended without an answer",
    });
  });
});

describe("POST /videos/jobs/:id/progress", () => {
  test("extends the lease by its length and shows how far the work is", async () => {
    await addVideo();
    const job = await worker.claim({ lease_seconds: 100 });
    await own.sql`update public.jobs set due_at = now() + interval '2 seconds'`;
    const answer = await parse(
      await worker.progress(job, { progress: 0.25, message: "Reading frames" }),
      jobProgressSchema,
    );
    expect(answer).toMatchObject({ state: "running", progress: 0.25 });
    expect(Date.parse(answer.lease_until) - Date.now()).toBeGreaterThan(90_000);
    const [row] = await own.sql`select progress, metadata from public.jobs`;
    expect(row).toEqual({ progress: 0.25, metadata: { message: "Reading frames" } });
  });

  test("knows neither other jobs nor progress beyond 1", async () => {
    await addVideo();
    const job = await worker.claim();
    await expectProblem(await worker.progress(job, { progress: 1.1 }), "validation_failed", 422);
    const lost = { ...job, job_id: crypto.randomUUID() };
    await expectProblem(await worker.progress(lost), "job_not_found", 404);
    const foreign = { ...job, lease_id: crypto.randomUUID() };
    await expectProblem(await worker.progress(foreign), "lease_lost", 409);
  });
});

describe("POST /videos/jobs/:id/complete", () => {
  test("queues what follows once, and indexes the video with its last job", async () => {
    const { videoId } = await addVideo();
    const first = await worker.claim();
    const next = { next_stages: ["asr_fast", "scene_detect", "asr_fast"] };
    const answer = await parse(await worker.complete(first, next), completedJobSchema);
    expect(answer).toEqual({
      job_id: first.job_id,
      state: "completed",
      video_state: "processing",
      next_stages: ["asr_fast", "scene_detect"],
    });
    expect(await parse(await worker.complete(first, next), completedJobSchema)).toEqual(answer);
    expect(await readJobs(videoId)).toHaveLength(3);

    const [asr, detect] = [
      await worker.claim({ stages: ["asr_fast"] }),
      await worker.claim({ stages: ["scene_detect"] }),
    ];
    const commit = { next_stages: ["commit"] };
    await parse(await worker.complete(asr, commit), completedJobSchema);
    const joined = await parse(await worker.complete(detect, commit), completedJobSchema);
    expect(joined).toMatchObject({ next_stages: [], video_state: "processing" });
    const last = await worker.claim({ stages: ["commit"] });
    const video = { duration_s: 3.5, language: "ko" };
    expect(await parse(await worker.complete(last, { video }), completedJobSchema))
      .toMatchObject({ video_state: "indexed", next_stages: [] });
    expect(await readVideo(videoId)).toEqual({
      state: "indexed",
      error_text: null,
      duration_s: 3.5,
      language: "ko",
    });
  });

  test("keeps the language that the owner set", async () => {
    const { videoId } = await addVideo();
    await own.sql`update public.videos set language = 'en'`;
    const job = await worker.claim();
    await parse(await worker.complete(job, { video: { language: "ko" } }), completedJobSchema);
    expect(await readVideo(videoId)).toMatchObject({ language: "en" });
  });
});

describe("POST /videos/jobs/:id/fail", () => {
  test("waits longer before each further attempt, and answers the same when repeated", async () => {
    const { videoId } = await addVideo();
    for (const [attempts, seconds] of [[1, 30], [2, 60], [3, 120], [4, 240]] as const) {
      const job = await worker.claim();
      const asked = Date.now();
      const answer = await parse(await worker.fail(job), failedJobSchema);
      expect(answer).toMatchObject({ state: "pending", video_state: "validating", attempts });
      const pause = (Date.parse(answer.retry_at ?? "") - asked) / 1000;
      expect(pause).toBeGreaterThan(seconds / 2 - 1);
      expect(pause).toBeLessThan(seconds + 5);
      expect(await parse(await worker.fail(job), failedJobSchema)).toEqual(answer);
      expect((await worker.send("/jobs/claim", {})).status).toBe(204);
      await own.sql`update public.jobs set due_at = now()`;
    }
    const job = await worker.claim();
    await addJob(videoId, "scene_detect");
    expect(await parse(await worker.fail(job, { error: "No sound" }), failedJobSchema))
      .toMatchObject({ state: "failed", video_state: "failed", attempts: 5, retry_at: null });
    expect(await readVideo(videoId)).toMatchObject({ state: "failed", error_text: "No sound" });
    expect(await readJobs(videoId)).toMatchObject([
      { stage: "upload_validate", state: "failed" },
      { stage: "scene_detect", state: "cancelled" },
    ]);
  });

  test("ends the job at once when another attempt cannot help", async () => {
    const { videoId } = await addVideo();
    const job = await worker.claim();
    expect(await parse(await worker.fail(job, { retry: false }), failedJobSchema))
      .toMatchObject({ state: "failed", attempts: 1 });
    expect(await readVideo(videoId)).toMatchObject({ state: "failed" });
  });

  test("leaves a video that captions have indexed as it is", async () => {
    const { videoId } = await addVideo();
    await own.sql`update public.videos set state = 'indexed'`;
    const job = await worker.claim();
    await parse(await worker.fail(job, { retry: false }), failedJobSchema);
    expect(await readVideo(videoId)).toMatchObject({ state: "indexed", error_text: "No sound" });
  });
});

describe("a video that its owner deletes", () => {
  test("tells the worker to stop, and lets it write nothing more", async () => {
    const { client, token, userId } = await signUp();
    const { videoId } = await addVideo({ owner: userId });
    const job = await worker.claim();
    const revision = crypto.randomUUID();
    const part = { revision, part: 1, scenes: makeScenes(2) };
    expect((await worker.putScenes(job, part)).status).toBe(200);
    const remove = toRequestInit({ method: "DELETE", token });
    // Without Storage the deletion has begun and the rows are still there.
    const begun = await appWithoutStorage().request(`/videos/${videoId}`, remove);
    await expectProblem(begun, "storage_unavailable", 503);
    const final = { ...part, final: true, parts: 1 };
    for (
      const late of [
        () => worker.progress(job),
        () => worker.complete(job, { next_stages: ["commit"] }),
        () => worker.fail(job),
        () => worker.putScenes(job, final),
        () => worker.send(`/jobs/${job.job_id}/uploads`, { lease_id: job.lease_id }),
      ]
    ) await expectProblem(await late(), "job_cancelled", 409);
    expect(await own.sql`select from public.scenes where video_id = ${videoId}`).toHaveLength(0);
    const gone = await fetch(`${own.stack.url}/functions/v1/videos/${videoId}`, remove);
    expect(gone.status).toBe(204);
    await expectProblem(await worker.progress(job), "job_not_found", 404);
    await expectProblem(await worker.putScenes(job, final), "video_not_found", 404);
    for (const table of ["job_leases", "scene_parts", "scene_revisions"]) {
      expect(await own.sql`select from private.${own.sql(table)}`).toHaveLength(0);
    }
    await client.auth.signOut();
  });

  test("while its parts arrive leaves nothing behind", async () => {
    const { client, token, userId } = await signUp();
    for (let round = 0; round < 5; round++) {
      const { videoId } = await addVideo({ owner: userId });
      const job = await worker.claim();
      const revision = crypto.randomUUID();
      const part = { revision, part: 1, scenes: makeScenes(500) };
      const answers = await Promise.all([
        worker.putScenes(job, part),
        worker.putScenes(job, { ...part, part: 2, final: true, parts: 2 }),
        fetch(
          `${own.stack.url}/functions/v1/videos/${videoId}`,
          toRequestInit({ method: "DELETE", token }),
        ),
        worker.progress(job),
        worker.complete(job, { next_stages: ["commit"] }),
      ]);
      expect(answers[2]?.status).toBe(204);
      for (const answer of answers) {
        expect([200, 204, 404, 409], await answer.clone().text()).toContain(answer.status);
      }
    }
    for (const table of ["public.jobs", "public.scenes", "private.scene_parts"]) {
      expect(await own.sql`select from ${own.sql(table)}`, table).toHaveLength(0);
    }
    await client.auth.signOut();
  });

  test("of an owner who is being erased is closed to the worker too", async () => {
    const { owner } = await addVideo();
    const job = await worker.claim();
    await own.sql`
      insert into private.erased_users (user_id, subject) values (${owner}, ${"1".repeat(64)})`;
    await expectProblem(await worker.progress(job), "job_cancelled", 409);
    const part = { revision: crypto.randomUUID(), part: 1, scenes: [] };
    await expectProblem(await worker.putScenes(job, part), "job_cancelled", 409);
  });
});

async function signUp() {
  const client = createClient(own.stack.url, own.stack.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const email = `${crypto.randomUUID()}@example.test`;
  const password = `pw-${crypto.randomUUID()}`;
  await own.admin.auth.admin.createUser({ email, password, email_confirm: true });
  const { data } = await client.auth.signInWithPassword({ email, password });
  return { client, token: data.session?.access_token ?? "", userId: data.user?.id ?? "" };
}

describe("POST /videos/jobs/:id/uploads", () => {
  test("signs uploads into the folder of the video, to be repeated at will", async () => {
    const { videoId, owner } = await addVideo();
    const job = await worker.claim();
    const scene_ids = Array.from({ length: 12 }, () => crypto.randomUUID());
    const request = { lease_id: job.lease_id, scene_ids, sidecar: true };
    const { thumbnails, sidecar, expires_in } = await parse(
      await worker.send(`/jobs/${job.job_id}/uploads`, request),
      jobUploadsSchema,
      201,
    );
    expect(expires_in).toBe(7200);
    expect(thumbnails.map(({ scene_id }) => scene_id)).toEqual(scene_ids);
    expect(thumbnails[0]?.path).toBe(`${owner}/${videoId}/${scene_ids[0]}.jpg`);
    expect(sidecar).toMatchObject({ bucket: "sidecars", path: `${owner}/${videoId}.json` });
    for (const body of ["{}", '{"scenes":1}']) {
      const sent = await fetch(sidecar?.upload_url ?? "", {
        method: "PUT",
        body,
        headers: { "content-type": "application/json" },
      });
      expect(sent.status, await sent.text()).toBe(200);
    }
    const { data } = await own.admin.storage.from("sidecars").download(sidecar?.path ?? "");
    expect(await data?.text()).toBe('{"scenes":1}');
  });

  test("refuses a lost lease and more than 50 scenes", async () => {
    await addVideo();
    const job = await worker.claim();
    const ask = (lease_id: string, count: number) =>
      worker.send(`/jobs/${job.job_id}/uploads`, {
        lease_id,
        scene_ids: Array.from({ length: count }, () => crypto.randomUUID()),
      });
    await expectProblem(await ask(crypto.randomUUID(), 1), "lease_lost", 409);
    await expectProblem(await ask(job.lease_id, 51), "validation_failed", 422);
  });
});

describe("docs/examples/worker.ts", () => {
  const path = fileURLToPath(new URL("../../../docs/examples/worker.ts", import.meta.url));

  const breakFile = (owner: string, videoId: string) =>
    own.admin.storage.from("uploads").upload(
      `videos/${owner}/${videoId}.mp4`,
      new Blob(["no video"], { type: "video/mp4" }),
      { upsert: true },
    );

  async function runSample() {
    const { url, key } = settings();
    const deno = fileURLToPath(new URL("../../../tools/deno.mjs", import.meta.url));
    await promisify(execFile)("node", [deno, "run", path, "--once"], {
      env: { ...process.env, HEIMDEX_URL: url, HEIMDEX_WORKER_KEY: key },
    });
  }

  test("indexes what waits and reports what it cannot read", async () => {
    const { videoId } = await addVideo();
    const { videoId: broken, owner } = await addVideo();
    await breakFile(owner, broken);
    await runSample();
    expect(await readVideo(videoId)).toMatchObject({ state: "indexed", duration_s: 3 });
    const scenes = await own.sql`
      select start_s::float as start_s, end_s::float as end_s from public.scenes
      where video_id = ${videoId}`;
    expect([...scenes]).toEqual([{ start_s: 0, end_s: 3 }]);
    expect(await readJobs(broken)).toMatchObject([{
      state: "pending",
      error_text: "The file is no MP4 with a header",
    }]);
  });

  test("goes on when a video is deleted under its hands, and leaves captions as they are", async () => {
    const { videoId, owner } = await addVideo();
    await breakFile(owner, videoId);
    const { videoId: captioned } = await addVideo();
    await own.sql`
      insert into private.scene_revisions (video_id, revision, source, swapped_at)
      values (${captioned}, ${crypto.randomUUID()}, 'captions', now())`;
    await own.sql`
      insert into public.scenes (video_id, start_s, end_s, transcript)
      values (${captioned}, 0, 1, 'A word')`;
    // The report that its file cannot be read finds the job cancelled.
    await own.sql.unsafe(`
      create or replace function public.cancel_on_sight() returns trigger language plpgsql as $$
      begin
        if new.video_id = '${videoId}' then new.state := 'cancelled'; end if;
        return new;
      end $$;
      create trigger zz_cancel before update on public.jobs
      for each row when (new.state = 'running') execute function public.cancel_on_sight()`);
    try {
      await runSample();
    } finally {
      await own.sql.unsafe(`
        drop trigger zz_cancel on public.jobs;
        drop function public.cancel_on_sight()`);
    }
    expect(await readVideo(captioned)).toMatchObject({ state: "indexed", duration_s: 3 });
    const scenes = await own.sql`
      select transcript from public.scenes where video_id = ${captioned}`;
    expect([...scenes]).toEqual([{ transcript: "A word" }]);
  });

  test("has no more than 60 lines", async () => {
    expect((await readFile(path, "utf8")).trimEnd().split("\n").length).toBeLessThanOrEqual(60);
  });
});

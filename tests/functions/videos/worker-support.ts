import type { z } from "zod";
import {
  type ClaimedJob,
  claimedJobSchema,
} from "../../../supabase/functions/videos/worker-schemas.ts";
import { expectJson, toRequestInit } from "../../support/call.ts";

export type Job = ClaimedJob["job"];

/** A worker as it speaks to one stack. */
export interface Worker {
  send(path: string, json: unknown, method?: "POST" | "PUT"): Promise<Response>;
  /** Claims and expects a job. */
  claim(o?: Record<string, unknown>): Promise<Job>;
  progress(job: Job, json?: Record<string, unknown>): Promise<Response>;
  complete(job: Job, json?: Record<string, unknown>): Promise<Response>;
  fail(job: Job, json?: Record<string, unknown>): Promise<Response>;
  putScenes(job: Job, json: Record<string, unknown>): Promise<Response>;
}

/** `settings` are asked at each call: a stack that a test file starts is not there before. */
export function createWorker(settings: () => { url: string; key: string }): Worker {
  const send: Worker["send"] = (path, json, method = "POST") => {
    const { url, key } = settings();
    return fetch(`${url}/functions/v1/videos${path}`, toRequestInit({ method, token: key, json }));
  };
  const about = (job: Job, verb: string, json: Record<string, unknown>) =>
    send(`/jobs/${job.job_id}/${verb}`, { lease_id: job.lease_id, ...json });
  return {
    send,
    claim: async (o = {}) => (await parse(await send("/jobs/claim", o), claimedJobSchema)).job,
    progress: (job, json = {}) => about(job, "progress", { progress: 0.5, ...json }),
    complete: (job, json = {}) => about(job, "complete", json),
    fail: (job, json = {}) => about(job, "fail", { error: "No sound", retry: true, ...json }),
    putScenes: (job, json) =>
      send(`/${job.video.video_id}/scenes`, { lease_id: job.lease_id, ...json }, "PUT"),
  };
}

/** Expects an answer of this shape. */
export async function parse<S extends z.ZodType>(
  response: Response,
  schema: S,
  status = 200,
): Promise<z.output<S>> {
  return schema.parse(await expectJson<unknown>(response, status));
}

/** `count` scenes of one second, one after the other. */
export function makeScenes(count: number, o: { from?: number; text?: string } = {}) {
  return Array.from({ length: count }, (_, index) => {
    const start_s = (o.from ?? 0) + index;
    return { start_s, end_s: start_s + 1, transcript: `${o.text ?? "scene"} ${start_s}` };
  });
}

/** base64 of these numbers as float32, little endian. */
export function toBase64(numbers: readonly number[]): string {
  const bytes = new Uint8Array(numbers.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, number] of numbers.entries()) view.setFloat32(index * 4, number, true);
  return bytes.toBase64();
}

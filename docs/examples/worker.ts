// Indexes videos: reads the length of an MP4 file and cuts it into scenes of ten seconds.
// HEIMDEX_URL=http://127.0.0.1:54321 HEIMDEX_WORKER_KEY=... node tools/deno.mjs run docs/examples/worker.ts [--once]
import { Buffer } from "node:buffer";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";

type Video = { video_id: string; download_url: string; scenes_from: string | null };
type Job = { job_id: string; lease_id: string; video: Video };
// The job is somebody else's now, or nobody's: there is nothing to report.
const lost = ["lease_lost", "job_cancelled", "job_not_found", "video_not_found"];

async function send<T>(path: string, body: unknown, method = "POST"): Promise<T | undefined> {
  const response = await fetch(`${process.env.HEIMDEX_URL}/functions/v1/videos${path}`, {
    method,
    headers: {
      authorization: `Bearer ${process.env.HEIMDEX_WORKER_KEY}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
  const answer = response.status === 204 ? undefined : await response.json();
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.detail), { code: answer.code });
}

async function readDuration(url: string): Promise<number> {
  const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
  const header = bytes.indexOf("mvhd") + 4;
  if (header === 3 || bytes[header] !== 0) throw new Error("The file is no MP4 with a header");
  return Number((bytes.readUInt32BE(header + 16) / bytes.readUInt32BE(header + 12)).toFixed(3));
}

async function work({ job_id, lease_id, video }: Job): Promise<void> {
  const tell = (verb: string, o = {}) => send(`/jobs/${job_id}/${verb}`, { lease_id, ...o });
  const beat = () => tell("progress", { progress: 0.5 }).catch(() => clearInterval(heart));
  const heart = setInterval(beat, 60_000);
  try {
    const duration_s = await readDuration(video.download_url);
    const scenes = Array.from({ length: Math.ceil(duration_s / 10) }, (_, index) => (
      { start_s: index * 10, end_s: Math.min(duration_s, (index + 1) * 10) }
    ));
    const set = { lease_id, revision: crypto.randomUUID(), part: 1, final: true, parts: 1, scenes };
    // Captions of the owner say more than these scenes do.
    if (video.scenes_from !== "captions") await send(`/${video.video_id}/scenes`, set, "PUT");
    await tell("complete", { video: { duration_s } });
  } catch (error) {
    await tell("fail", { error: (error as Error).message, retry: true }).catch((refusal) => {
      if (!lost.includes(refusal.code)) throw refusal;
    });
  } finally {
    clearInterval(heart);
  }
}

for (;;) {
  const claimed = await send<{ job: Job }>("/jobs/claim", { worker: "sample" });
  if (claimed) await work(claimed.job);
  else if (process.argv.includes("--once")) break;
  else await pause(5000);
}

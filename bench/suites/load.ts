import process from "node:process";
import postgres from "postgres";
import { startTemporaryStack } from "../../local/temporary.ts";
import type { BenchCase, BenchSuite } from "../harness.ts";
import { type Child, startChild } from "./http/child.ts";
import { rawGet } from "./http/load.ts";
import type { OpenLoadJob, OpenLoadReport, RequestKind } from "./http/open-load.ts";
import { createMint, mintTokens, seedAccounts, toUserId } from "./http/users.ts";
import { seedRows } from "./erasure/library.ts";

const isSmall = process.env.HEIMDEX_BENCH_SIZE === "small";
const users = isSmall ? 5 : 200;
const library = { videos: isSmall ? 5 : 100, scenesPerVideo: 5, thumbnailsPerVideo: 0 };
/** Seconds of the overload, and of the measurement of what is sustainable. */
const seconds = isSmall ? { overload: 5, closed: 1 } : { overload: 300, closed: 30 };
/** Clients at once: enough to keep both cores busy, and as many as the requirement names. */
const clients = isSmall ? { closed: 8, overload: 32 } : { closed: 32, overload: 500 };
const overload = 2;
/** The second minute, when everything is warm, and the last. */
const [secondMinute, lastMinute] = isSmall ? [[1, 2], [4, 5]] : [[60, 120], [240, 300]];

/** Mixed traffic at twice the rate that can be sustained. */
export const loadSuite: BenchSuite = {
  description: "five minutes of mixed traffic at twice the sustainable rate",
  async open() {
    const temporary = await startTemporaryStack({ name: "heimdex-bench", drain: false });
    const server = startChild("./server.ts", { quiet: true });
    const generator = startChild("./open-load.ts");
    const close = async () => {
      await generator.stop();
      await server.stop();
      await temporary.stop();
    };
    const sql = postgres(temporary.stack.adminDatabaseUrl, { max: 1, onnotice: () => {} });
    try {
      await seedAccounts(sql, users);
      for (let user = 0; user < users; user++) await seedRows({ sql }, toUserId(user), library);
      await sql.unsafe("vacuum (analyze)");
      const tokens = await mintTokens(await createMint(temporary.stack), users);
      const kinds = await mixRequests(sql, tokens);
      const { environment } = temporary.stack;
      const settings = { design: "all functions", environment, token: tokens[0] };
      const { port } = await server.ask(settings) as { port: number };
      const shared = { port, kinds };
      return { cases: listCases(new Overload({ server, generator, shared })), close };
    } catch (error) {
      await close();
      throw error;
    } finally {
      await sql.end();
    }
  },
};

/** 70% profiles, 15% lists, 10% searches, 5% writes. */
async function mixRequests(sql: postgres.Sql, tokens: string[]): Promise<RequestKind[]> {
  const videos = await sql<{ user_id: string; video_id: string }[]>`
    select distinct on (user_id) user_id, video_id from public.videos order by user_id, created_at`;
  const own = new Map(videos.map((row) => [row.user_id, row.video_id]));
  const get = (path: string) => tokens.map((token) => rawGet(`/functions/v1/${path}`, token));
  return [
    { share: 0.7, requests: get("me") },
    { share: 0.1, requests: get("videos") },
    { share: 0.05, requests: get("people") },
    { share: 0.1, requests: get("search?q=crane") },
    {
      share: 0.05,
      requests: tokens.map((token, user) =>
        rawPatch(`/functions/v1/videos/${own.get(toUserId(user))}`, token, {
          title: `Take ${user}`,
        })
      ),
    },
  ];
}

function rawPatch(path: string, token: string, body: unknown): string {
  const text = JSON.stringify(body);
  const head = rawGet(path, token).replace("GET", "PATCH").trimEnd();
  return `${head}\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
}

interface Outcome {
  sustainable: OpenLoadReport;
  overloaded: OpenLoadReport;
  /** Megabytes of the server process: the mean of the second minute and of the last. */
  memory: { second: number; last: number };
}

/** One overload gives the figures of all cases. */
class Overload {
  #outcome: Promise<Outcome> | undefined;

  constructor(
    private readonly parts: {
      server: Child;
      generator: Child;
      shared: Pick<OpenLoadJob, "port" | "kinds">;
    },
  ) {}

  get outcome(): Promise<Outcome> {
    return this.#outcome ??= this.#run();
  }

  async #run(): Promise<Outcome> {
    const closed = { rate: null, seconds: seconds.closed, connections: clients.closed };
    await this.#send(closed);
    const sustainable = await this.#send(closed);
    const rate = overload * sustainable.answers / sustainable.seconds;
    const memory = watchMemory(this.parts.server.pid);
    const overloaded = await this.#send({
      rate,
      seconds: seconds.overload,
      connections: clients.overload,
    });
    const samples = memory.stop();
    const mean = ([from = 0, to = 0]: number[]) => {
      const part = samples.slice(from, to);
      return part.reduce((sum, megabytes) => sum + megabytes, 0) / part.length;
    };
    process.stderr.write(isSmall ? "" : `${JSON.stringify({ rate, sustainable, overloaded })}\n`);
    return {
      sustainable,
      overloaded,
      memory: { second: mean(secondMinute), last: mean(lastMinute) },
    };
  }

  #send(job: Omit<OpenLoadJob, "port" | "kinds">): Promise<OpenLoadReport> {
    const { generator, shared } = this.parts;
    return generator.ask({ ...shared, ...job }) as Promise<OpenLoadReport>;
  }
}

/** Resident megabytes of a process, each second. */
function watchMemory(pid: number): { stop(): number[] } {
  const samples: number[] = [];
  const pageBytes = 4096;
  const timer = setInterval(() => {
    const pages = Number(Deno.readTextFileSync(`/proc/${pid}/statm`).split(" ")[1]);
    samples.push(pages * pageBytes / 1_000_000);
  }, 1000);
  return {
    stop() {
      clearInterval(timer);
      return samples;
    },
  };
}

function listCases(load: Overload): BenchCase[] {
  const figure = (read: (outcome: Outcome) => number) => async () => read(await load.outcome);
  const shared = { name: "load", runs: 3, destructive: true };
  return [
    {
      ...shared,
      case: "answers other than 5xx, or 503 with Retry-After",
      unit: "answers",
      better: "higher",
      baselineName: "all answers",
      ours: figure(({ overloaded }) => overloaded.answers - overloaded.faults),
      baseline: figure(({ overloaded }) => overloaded.answers),
    },
    {
      ...shared,
      case: "accepted per second",
      unit: "requests/s",
      better: "higher",
      baselineName: "the sustainable rate",
      ours: figure(({ overloaded }) => countAccepted(overloaded) / overloaded.seconds),
      baseline: figure(({ sustainable }) => sustainable.answers / sustainable.seconds),
    },
    {
      ...shared,
      case: "p99 of accepted",
      unit: "ms",
      better: "lower",
      baselineName: "at the sustainable rate",
      ours: figure(({ overloaded }) => overloaded.p99),
      baseline: figure(({ sustainable }) => sustainable.p99),
    },
    {
      ...shared,
      case: "memory in the last minute",
      unit: "MB",
      better: "lower",
      baselineName: "in the second minute",
      ours: figure(({ memory }) => memory.last),
      baseline: figure(({ memory }) => memory.second),
    },
  ];
}

function countAccepted({ statuses }: OpenLoadReport): number {
  return Object.entries(statuses).filter(([status]) => status < "400")
    .reduce((sum, [, count]) => sum + count, 0);
}

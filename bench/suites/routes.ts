import process from "node:process";
import postgres from "postgres";
import { startTemporaryStack } from "../../local/temporary.ts";
import { readEnv } from "../../shared/env.ts";
import { createDeps, type Deps } from "../../shared/http/deps.ts";
import { createApp as createMe } from "../../supabase/functions/me/app.ts";
import { createApp as createPeople } from "../../supabase/functions/people/app.ts";
import { createApp as createSearch } from "../../supabase/functions/search/app.ts";
import { createApp as createVideos } from "../../supabase/functions/videos/app.ts";
import type { BenchCase, BenchSuite } from "../harness.ts";
import { seedRows } from "./erasure/library.ts";
import { createMint, mintTokens, seedAccounts, toUserId } from "./http/users.ts";
import { percentile, shareRounds, timeEach } from "./library/measure.ts";
import { openReplay } from "./routes/replay.ts";
import { openWire, type Wire } from "./routes/wire.ts";

const isSmall = process.env.HEIMDEX_BENCH_SIZE === "small";
const users = isSmall ? 5 : 200;
/** 100,000 videos in all. Without thumbnails: their links are made by Storage, not by a query. */
const library = { videos: isSmall ? 10 : 500, scenesPerVideo: 2, thumbnailsPerVideo: 0 };
/** Requests of a route in one run. */
const repeats = isSmall ? 3 : 60;

/** What a request of the journey needs to know. */
interface Asker {
  token: string;
  videoId: string;
  personId: string;
}

/** One route of the journey: `GET /videos/:id`, and how it is asked. */
interface JourneyStep {
  name: string;
  path(asker: Asker): string;
  body?(): unknown;
}

const journey: readonly JourneyStep[] = [
  { name: "GET /me", path: () => "/me" },
  { name: "GET /me/usage", path: () => "/me/usage" },
  {
    name: "POST /videos/upload/init",
    path: () => "/videos/upload/init",
    body: () => ({ filename: "take.mp4", mime_type: "video/mp4", size_bytes: 1_000_000 }),
  },
  { name: "GET /videos", path: () => "/videos" },
  { name: "GET /videos/:id", path: ({ videoId }) => `/videos/${videoId}` },
  { name: "GET /videos/:id/status", path: ({ videoId }) => `/videos/${videoId}/status` },
  { name: "GET /videos/:id/scenes", path: ({ videoId }) => `/videos/${videoId}/scenes` },
  {
    name: "PATCH /videos/:id",
    path: ({ videoId }) => `/videos/${videoId}`,
    body: () => ({ title: `Take ${crypto.randomUUID()}` }),
  },
  { name: "GET /search", path: () => "/search?q=crane" },
  {
    name: "POST /people",
    path: () => "/people",
    body: () => ({ name: `Person ${crypto.randomUUID()}` }),
  },
  { name: "GET /people", path: () => "/people" },
  { name: "GET /people/:id", path: ({ personId }) => `/people/${personId}` },
];

/** Every route of the journey in a library of 100,000 videos. */
export const routesSuite: BenchSuite = {
  description: "routes of the journey on 100,000 videos: p50, p95, queries, and postgres.js alone",
  async open() {
    const temporary = await startTemporaryStack({ name: "heimdex-bench", drain: false });
    const { stack } = temporary;
    const closing = [() => temporary.stop()];
    const close = async () => {
      for (const end of closing.toReversed()) await end();
    };
    try {
      const askers = await seedLibrary(stack.adminDatabaseUrl, await createMint(stack));
      const wire = await openWire(stack.databaseUrl);
      const [direct, wired] = [openDeps(stack.environment), openDeps(stack.environment, wire.url)];
      closing.push(() => wire.close(), () => wired.database.close(), () => direct.database.close());
      const world = { askers, wire, direct: createSender(direct), wired: createSender(wired) };
      const lists = await compareList(world, stack.databaseUrl, closing);
      return { cases: [lists, ...journey.flatMap((step) => measureStep(world, step))], close };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

interface World {
  askers: Asker[];
  wire: Wire;
  /** Through the functions to the database, and the same with every statement read on its way. */
  direct: Send;
  wired: Send;
}

type Send = (step: JourneyStep, asker: Asker) => Promise<void>;

async function seedLibrary(
  adminUrl: string,
  mint: Awaited<ReturnType<typeof createMint>>,
): Promise<Asker[]> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    await seedAccounts(sql, users);
    for (let user = 0; user < users; user++) await seedRows({ sql }, toUserId(user), library);
    await sql.unsafe("vacuum (analyze)");
    const tokens = await mintTokens(mint, users);
    return await Promise.all(tokens.map(async (token, user) => {
      const [row] = await sql<{ video_id: string; person_id: string }[]>`
        select (select video_id from public.videos where user_id = ${toUserId(user)} limit 1),
          (select person_id from public.face_profiles where user_id = ${toUserId(user)} limit 1)`;
      return { token, videoId: row?.video_id ?? "", personId: row?.person_id ?? "" };
    }));
  } finally {
    await sql.end();
  }
}

/** What the functions have in the stack, without its log; the audit trail is written as ever. */
function openDeps(environment: Record<string, string>, databaseUrl?: string): Deps {
  const changed = databaseUrl ? { DATABASE_URL: databaseUrl } : {};
  return { ...createDeps(readEnv({ ...environment, ...changed })), log: () => {} };
}

function createSender(deps: Deps): Send {
  const apps = new Map(
    Object.entries({
      me: createMe(deps),
      people: createPeople(deps),
      search: createSearch(deps),
      videos: createVideos(deps),
    }),
  );
  return async (step, asker) => {
    const path = step.path(asker);
    const app = apps.get(/^\/([^/?]+)/.exec(path)?.[1] ?? "");
    const body = step.body && { body: JSON.stringify(step.body()) };
    const response = await app?.request(path, {
      method: step.name.split(" ")[0] ?? "GET",
      headers: { authorization: `Bearer ${asker.token}`, "content-type": "application/json" },
      ...body,
    });
    const text = await response?.text();
    if (!response?.ok) throw new Error(`${step.name} answered ${response?.status}: ${text}`);
  };
}

/** As many askers as a run makes requests. */
function takeAskers({ askers }: World): Asker[] {
  return Array.from({ length: repeats }, (_, index) => askers[index % askers.length])
    .filter((asker) => asker !== undefined);
}

function measureStep(world: World, step: JourneyStep): BenchCase[] {
  const [me = step] = journey;
  const time = (asked: JourneyStep) => () =>
    timeEach(takeAskers(world), (asker) => world.direct(asked, asker));
  const times = { name: "routes", unit: "ms", better: "lower" as const, baselineName: me.name };
  return [
    ...shareRounds({ ours: time(step), baseline: time(me) }, [
      { ...times, case: `${step.name} p50`, figure: (round) => percentile(round, 0.5) },
      { ...times, case: `${step.name} p95`, figure: (round) => percentile(round, 0.95) },
    ]),
    {
      name: "routes",
      case: `${step.name} queries`,
      unit: "queries",
      better: "lower",
      baselineName: "opening, one statement, commit",
      ours: () => countQueries(world, step),
      baseline: () => Promise.resolve(3),
    },
  ];
}

/** Statements of one request on a warm connection; what the driver asks for itself is left out. */
async function countQueries({ askers: [asker], wire, wired }: World, step: JourneyStep) {
  if (!asker) throw new Error("Nobody asks");
  await wired(step, asker);
  await settle();
  wire.take();
  await wired(step, asker);
  const sent = wire.take().filter(({ text }) => !text.includes("pg_catalog.pg_type"));
  await settle();
  return sent.length;
}

/** What is written down after an answer is not a part of it. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}

/** The list through the function, beside its own statements sent again by the driver alone. */
async function compareList(
  world: World,
  databaseUrl: string,
  closing: (() => Promise<void>)[],
): Promise<BenchCase> {
  const step = journey.find(({ name }) => name === "GET /videos");
  const [asker] = world.askers;
  if (!step || !asker) throw new Error("The journey has no list");
  await world.wired(step, asker);
  await settle();
  world.wire.take();
  await world.wired(step, asker);
  const replay = await openReplay(databaseUrl, world.wire.take());
  closing.push(() => replay.close());
  const turns = Array.from({ length: repeats }, () => asker);
  return {
    name: "routes",
    case: "GET /videos through the function",
    // Fractions of a millisecond apart, on machines that do other things too.
    runs: 15,
    unit: "ms",
    better: "lower",
    baselineName: "postgres.js alone",
    ours: async () => percentile(await timeEach(turns, (asker) => world.direct(step, asker)), 0.5),
    baseline: async () => percentile(await timeEach(turns, () => replay.run()), 0.5),
  };
}

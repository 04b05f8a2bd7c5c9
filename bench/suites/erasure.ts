import { dirname, join } from "node:path";
import process from "node:process";
import { createClient } from "@supabase/supabase-js";
import postgres from "postgres";
import { z } from "zod";
import { startTemporaryStack, type TemporaryStack } from "../../local/temporary.ts";
import { runFlags } from "../../tools/deno.mjs";
import type { BenchCase, BenchSuite } from "../harness.ts";
import {
  countFiles,
  countObjects,
  createAccount,
  findBuckets,
  type LibraryPlace,
  type LibrarySize,
  seedObjects,
  seedRows,
  tidy,
} from "./erasure/library.ts";

/** The suite's own test asks for a size whose figures say nothing. */
const isSmall = process.env.HEIMDEX_BENCH_SIZE === "small";

/** 2,000 videos, 200,000 scenes and 10,000 objects. */
const fourfold: LibrarySize = isSmall
  ? { videos: 80, scenesPerVideo: 25, thumbnailsPerVideo: 3 }
  : { videos: 2000, scenesPerVideo: 100, thumbnailsPerVideo: 3 };
const simple: LibrarySize = { ...fourfold, videos: fourfold.videos / 4 };
const others = isSmall ? 3 : 50;
const otherSize: LibrarySize = { videos: 40, scenesPerVideo: 20, thumbnailsPerVideo: 1 };

const runs = 3;
const transactionLimitMs = 2000;
const requestsAtRest = isSmall ? 20 : 200;
const pauseBetweenRequestsMs = 20;

/** An erasure of a large library: how its time grows, and what others feel of it. */
export const erasureSuite: BenchSuite = {
  description: "erasure of a user: growth, longest transaction, and what another user feels of it",
  async open() {
    const temporary = await startTemporaryStack({ name: "heimdex-bench", drain: false });
    const { stack, functionsLog } = temporary;
    const sql = postgres(stack.adminDatabaseUrl, { max: 2, onnotice: () => {} });
    const close = async () => {
      await sql.end({ timeout: 5 });
      await temporary.stop();
    };
    try {
      const storageDir = await findBuckets(join(dirname(functionsLog), "storage"));
      const place = { sql, storageDir };
      await seedOthers(place);
      const world = { stack, place, token: await createBystander(stack, place) };
      return { cases: listCases(world), close };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

interface World {
  stack: TemporaryStack["stack"];
  place: LibraryPlace;
  /** Access token of the user who looks at the own videos meanwhile. */
  token: string;
}

const measurementSchema = z.object({
  state: z.literal("provisional"),
  /** Milliseconds of all steps, and of each. */
  total: z.number(),
  steps: z.record(z.string(), z.number()),
  longestTransaction: z.number(),
  rows: z.number().positive(),
  objects: z.number().positive(),
});

type Measurement = z.infer<typeof measurementSchema>;

function listCases(world: World): BenchCase[] {
  // One erasure gives the figures of three cases, so the later ones take what the first measured.
  const measured = { ours: [] as Measurement[], baseline: [] as Measurement[] };
  const replay = (of: Measurement[], figure: (one: Measurement) => number) => {
    const waiting = of.values();
    return () => Promise.resolve(figure(waiting.next().value ?? missing()));
  };
  const measure = async (side: keyof typeof measured, size: LibrarySize) => {
    const one = await eraseLibrary(world, size);
    measured[side].push(one);
    return perThousandRows(one);
  };
  const growth = {
    name: "erasure",
    unit: "ms per 1,000",
    better: "lower" as const,
    runs,
    destructive: true,
  };
  return [
    {
      ...growth,
      case: "rows",
      baselineName: "ours at 1x",
      ours: () => measure("ours", fourfold),
      baseline: () => measure("baseline", simple),
    },
    {
      ...growth,
      case: "objects",
      baselineName: "ours at 1x",
      ours: replay(measured.ours, perThousandObjects),
      baseline: replay(measured.baseline, perThousandObjects),
    },
    {
      ...growth,
      case: "longest transaction",
      unit: "ms",
      baselineName: "the limit",
      ours: replay(measured.ours, (one) => one.longestTransaction),
      baseline: () => Promise.resolve(transactionLimitMs),
    },
    {
      ...growth,
      case: "bystander",
      unit: "ms, p95 of GET /videos",
      baselineName: "at rest",
      ours: () => measureBystander(world),
      baseline: () => measureAtRest(world),
    },
  ];
}

function missing(): never {
  throw new Error("The case before this one measured fewer erasures");
}

const perThousandObjects = (one: Measurement) => objectTime(one) * 1000 / one.objects;
const perThousandRows = (one: Measurement) => (one.total - objectTime(one)) * 1000 / one.rows;
const objectTime = ({ steps }: Measurement) => steps.objects ?? missing();

async function seedOthers(place: LibraryPlace): Promise<void> {
  for (let count = 1; count < others; count++) {
    const userId = await createAccount(place);
    await seedRows(place, userId, otherSize);
    await seedObjects(place, userId);
  }
}

/** The fiftieth of the others, who can sign in. */
async function createBystander(
  { url, secretKey, publishableKey }: World["stack"],
  place: LibraryPlace,
): Promise<string> {
  const quiet = { auth: { persistSession: false, autoRefreshToken: false } };
  const account = { email: "bystander@example.test", password: crypto.randomUUID() };
  const admin = createClient(url, secretKey, quiet).auth.admin;
  const created = await admin.createUser({ ...account, email_confirm: true });
  if (created.error) throw created.error;
  await seedRows(place, created.data.user.id, otherSize);
  await seedObjects(place, created.data.user.id);
  const client = createClient(url, publishableKey, quiet);
  const { data, error } = await client.auth.signInWithPassword(account);
  if (error) throw error;
  return data.session.access_token;
}

/** A user with a library whose account has just been deleted. */
async function createDeleted({ place }: World, size: LibrarySize): Promise<string> {
  const userId = await createAccount(place);
  await seedRows(place, userId, size);
  await seedObjects(place, userId);
  await tidy(place);
  await place.sql`delete from auth.users where id = ${userId}`;
  return userId;
}

async function eraseLibrary(world: World, size: LibrarySize): Promise<Measurement> {
  const { storageDir } = world.place;
  const before = await countFiles(storageDir);
  const userId = await createDeleted(world, size);
  const measurement = await runWorker(world, userId);
  const receipts = 1;
  const left = await countFiles(storageDir) - before - receipts;
  if (measurement.objects !== countObjects(size) || left !== 0) {
    const { objects } = measurement;
    throw new Error(`${objects} of ${countObjects(size)} objects were erased, ${left} files left`);
  }
  return measurement;
}

async function runWorker({ stack }: World, userId: string): Promise<Measurement> {
  const script = new URL("./erasure/worker.ts", import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...runFlags, script, userId],
    env: stack.environment,
    stdout: "piped",
    stderr: "piped",
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`The erasure failed: ${err}`);
  return measurementSchema.parse(JSON.parse(out?.trim().split("\n").at(-1) ?? ""));
}

/** Looks at the videos of the other user for as long as an erasure runs. */
async function measureBystander(world: World): Promise<number> {
  const userId = await createDeleted(world, fourfold);
  let running = true;
  const erasure = runWorker(world, userId).finally(() => running = false);
  const times: number[] = [];
  while (running) times.push(await timeRequest(world));
  await erasure;
  return percentile(times, 0.95);
}

async function measureAtRest(world: World): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < requestsAtRest; count++) times.push(await timeRequest(world));
  return percentile(times, 0.95);
}

/** Milliseconds of one GET /videos, followed by a pause, as a person makes one. */
async function timeRequest({ stack, token }: World): Promise<number> {
  const started = performance.now();
  const response = await fetch(`${stack.url}/functions/v1/videos`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const body = await response.text();
  const took = performance.now() - started;
  if (!response.ok) throw new Error(`GET /videos answered ${response.status} ${body}`);
  await new Promise((resolve) => setTimeout(resolve, pauseBetweenRequestsMs));
  return took;
}

/** The smallest value that this share of all values does not exceed. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? missing();
}

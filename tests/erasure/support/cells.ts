import { expect } from "vitest";
import type { Transaction } from "../../../shared/database/doors.ts";
import type { ErasureContext, ErasurePoint } from "../../../shared/erasure/context.ts";
import { runErasure } from "../../../shared/erasure/engine.ts";
import { type StepName, stepNames } from "../../../shared/erasure/erasure.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { createObjectStore } from "../../../shared/storage/object-store.ts";
import { runFlags } from "../../../tools/deno.mjs";
import { startFaultyStorage, type StorageCall, type StorageFault } from "./storage-faults.ts";
import { deadlineOf, type World } from "./world.ts";

/** What a fault is done to. */
export interface Target {
  readonly world: World;
  readonly erasureId: string;
  /** Restarts the database of the world's stack. */
  restartDatabase(): Promise<void>;
}

/** One field of the matrix: an erasure is begun, hit by a fault, and left for others to resume. */
export interface Cell {
  readonly family: string;
  readonly name: string;
  /** Among those that the short run takes. */
  readonly sampled: boolean;
  /** More rows and objects than one page or call takes. */
  readonly large?: boolean;
  /** The fault comes in the late sweep of an erasure that is provisional. */
  readonly late?: boolean;
  /** Begins the erasure and makes sure that the fault struck. */
  strike(target: Target): Promise<void>;
}

const points = stepNames.flatMap((step): ErasurePoint[] => [`before:${step}`, `after:${step}`]);

/** Minutes after which the late sweep of an erasure is due, with room. */
const lateMinutes = 130;

const minutesBeyondLease = 10;

class Stopped extends Error {
  override readonly name = "Stopped";
}

/** Runs the erasure, which the fault must end. */
async function expectStopped(ctx: ErasureContext, erasureId: string): Promise<unknown> {
  const run = runErasure(ctx, erasureId, deadlineOf(ctx));
  return await run.then(
    ({ state }) => expect.unreachable(`The fault did not stop the run: ${state}`),
    (error) => error,
  );
}

function stoppedAt(point: ErasurePoint, o: { sampled?: boolean; late?: boolean } = {}): Cell {
  return {
    family: o.late ? "stopped in the late sweep" : "stopped",
    name: point,
    sampled: o.sampled ?? false,
    late: o.late ?? false,
    async strike({ world, erasureId }) {
      const onPoint = (reached: ErasurePoint) => {
        if (reached === point) throw new Stopped(point);
      };
      const ctx = world.context({ onPoint }, o.late ? lateMinutes : 0);
      expect(await expectStopped(ctx, erasureId)).toBeInstanceOf(Stopped);
    },
  };
}

function killedAt(point: ErasurePoint, sampled: boolean): Cell {
  return {
    family: "kill -9",
    name: point,
    sampled,
    async strike({ world, erasureId }) {
      const script = new URL("run-erasure.ts", import.meta.url).pathname;
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", ...runFlags, script, erasureId, point],
        env: world.environment,
        stdout: "null",
        stderr: "piped",
      });
      const { signal, stderr } = await child.output();
      expect(signal, new TextDecoder().decode(stderr)).toBe("SIGKILL");
    },
  };
}

/** A run that hangs until its lease is over goes on after another one has done all the work. */
function overtakenAt(point: ErasurePoint, sampled = false): Cell {
  return {
    family: "overtaken",
    name: point,
    sampled,
    async strike({ world, erasureId }) {
      const other = world.context({}, minutesBeyondLease);
      const states: string[] = [];
      const onPoint = async (reached: ErasurePoint) => {
        if (reached !== point || states.length > 0) return;
        states.push((await runErasure(other, erasureId, deadlineOf(other))).state);
      };
      const ctx = world.context({ onPoint });
      states.push((await runErasure(ctx, erasureId, deadlineOf(ctx))).state);
      expect(states).toEqual(["provisional", "provisional"]);
    },
  };
}

type AsService = ErasureContext["database"]["asService"];

/** A context that knows the step it is in and lets one transaction of that step be spoiled. */
function spoilTransaction(
  world: World,
  o: { step: StepName; nth: number },
  spoil: <T>(run: AsService, fn: (sql: Transaction) => Promise<T>) => Promise<T>,
): { ctx: ErasureContext; struck: () => boolean } {
  let step: string | undefined;
  let seen = 0;
  const asService: AsService = async (fn) => {
    const isMeant = step === o.step && ++seen === o.nth;
    const run: AsService = (work) => world.deps.database.asService(work);
    return isMeant ? await spoil(run, fn) : await run(fn);
  };
  const onPoint = (point: ErasurePoint) => {
    step = point.startsWith("before:") ? point.slice("before:".length) : undefined;
  };
  return {
    ctx: world.context({ database: { asService }, onPoint }),
    struck: () => seen >= o.nth,
  };
}

/** The server ends the connection in the middle: nothing of the transaction stays. */
function brokenConnection(step: StepName, o: { nth?: number; sampled?: boolean } = {}): Cell {
  const nth = o.nth ?? 1;
  return {
    family: "connection ended before the commit",
    name: nth === 1 ? step : `${step}, transaction ${nth}`,
    sampled: o.sampled ?? false,
    large: nth > 1,
    async strike({ world, erasureId }) {
      const { ctx, struck } = spoilTransaction(
        world,
        { step, nth },
        (run, fn) =>
          run(async (sql) => {
            const value = await fn(sql);
            await sql`select pg_terminate_backend(pg_backend_pid())`;
            return value;
          }),
      );
      expect(await expectStopped(ctx, erasureId)).toMatchObject({ code: "database_unavailable" });
      expect(struck()).toBe(true);
    },
  };
}

/** The transaction was committed and nobody was told. */
function lostCommit(
  step: StepName,
  o: { nth?: number; sampled?: boolean; large?: boolean } = {},
): Cell {
  const nth = o.nth ?? 1;
  return {
    family: "answer to a commit lost",
    name: nth === 1 ? step : `${step}, transaction ${nth}`,
    sampled: o.sampled ?? false,
    large: o.large ?? false,
    async strike({ world, erasureId }) {
      const { ctx, struck } = spoilTransaction(world, { step, nth }, async (run, fn) => {
        await run(fn);
        throw new AppError("database_unavailable");
      });
      expect(await expectStopped(ctx, erasureId)).toMatchObject({ code: "database_unavailable" });
      expect(struck()).toBe(true);
    },
  };
}

/** Everything that holds a connection loses it, Storage and Supabase Auth included. */
function withoutDatabase(
  how: "restarted" | "backends terminated",
  point: ErasurePoint,
  sampled = false,
): Cell {
  return {
    family: `database ${how}`,
    name: point,
    sampled,
    async strike({ world, erasureId, restartDatabase }) {
      let struck = 0;
      const onPoint = async (reached: ErasurePoint) => {
        if (reached !== point || struck++ > 0) return;
        if (how === "restarted") await restartDatabase();
        else await terminateBackends(world);
      };
      const ctx = world.context({ onPoint });
      // Whether the run survives it is its own affair, as long as it can be completed.
      await runErasure(ctx, erasureId, deadlineOf(ctx)).catch(() => {});
      expect(struck).toBeGreaterThan(0);
    },
  };
}

async function terminateBackends({ sql }: World): Promise<void> {
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where pid <> pg_backend_pid() and backend_type = 'client backend'`;
}

const storageTimeoutMs = 400;

function faultyStorage(
  fault: StorageFault,
  call: StorageCall,
  o: { nth?: number; sampled?: boolean; large?: boolean } = {},
): Cell {
  const nth = o.nth ?? 1;
  return {
    family: `Storage: ${fault}`,
    name: `${call} ${nth}${o.large ? " of a large library" : ""}`,
    sampled: o.sampled ?? false,
    large: o.large ?? false,
    async strike({ world, erasureId }) {
      const door = startFaultyStorage(world.env.supabaseUrl, { fault, call, nth });
      try {
        const objects = createObjectStore(
          { ...world.env, supabaseUrl: door.url },
          { timeoutMs: fault === "timeout" ? storageTimeoutMs : 10_000 },
        );
        const ctx = world.context({ objects });
        if (call === "put") await expectUncopied(ctx, { world, erasureId });
        else {
          const error = await expectStopped(ctx, erasureId);
          expect(error).toMatchObject({ code: "storage_unavailable" });
        }
        expect(door.struck()).toBe(true);
      } finally {
        await door.close();
      }
    },
  };
}

/** A receipt counts although its copy could not be laid down yet. */
async function expectUncopied(
  ctx: ErasureContext,
  { world, erasureId }: Pick<Target, "world" | "erasureId">,
): Promise<void> {
  const { state } = await runErasure(ctx, erasureId, deadlineOf(ctx));
  expect(state).toBe("provisional");
  const rows = await world.sql`select from private.erasure_receipts
    where erasure_id = ${erasureId} and copied_at is null`;
  expect(rows).toHaveLength(1);
}

const sampledStops = new Set<ErasurePoint>(["after:collect", "before:objects"]);
const sampledKills = new Set<ErasurePoint>(["before:rows", "after:rows", "after:receipt"]);
const faults: StorageFault[] = ["500", "429", "timeout", "partial", "lost"];

/** Every cell, in the order in which they run. */
export const cells: readonly Cell[] = [
  ...points.map((point) => stoppedAt(point, { sampled: sampledStops.has(point) })),
  ...points.map((point) => killedAt(point, sampledKills.has(point))),
  ...stepNames.map((step) => brokenConnection(step, { sampled: step === "rows" })),
  ...stepNames.map((step) => lostCommit(step, { sampled: step === "receipt" })),
  brokenConnection("rows", { nth: 4 }),
  lostCommit("rows", { nth: 4, large: true }),
  lostCommit("objects", { nth: 4, large: true }),
  // Behind the receipt itself and its copy: what tells the job that it is provisional.
  lostCommit("receipt", { nth: 4 }),
  ...faults.flatMap((fault) => [
    faultyStorage(fault, "remove", { sampled: fault === "partial" || fault === "timeout" }),
    faultyStorage(fault, "remove", { nth: 2 }),
  ]),
  faultyStorage("partial", "remove", { nth: 2, large: true }),
  faultyStorage("500", "move"),
  faultyStorage("timeout", "move", { nth: 2 }),
  faultyStorage("lost", "move", { sampled: true }),
  faultyStorage("lost", "move", { nth: 3 }),
  faultyStorage("500", "list"),
  faultyStorage("429", "list", { nth: 3, sampled: true }),
  faultyStorage("500", "put"),
  faultyStorage("lost", "put"),
  overtakenAt("after:collect"),
  overtakenAt("before:rows"),
  overtakenAt("before:objects", true),
  overtakenAt("before:receipt"),
  withoutDatabase("backends terminated", "before:collect"),
  withoutDatabase("backends terminated", "before:objects", true),
  withoutDatabase("backends terminated", "before:receipt"),
  withoutDatabase("restarted", "after:tombstone"),
  withoutDatabase("restarted", "before:rows", true),
  withoutDatabase("restarted", "after:objects"),
  withoutDatabase("restarted", "after:receipt"),
  ...points
    .filter((point) => !/tombstone|sessions/.test(point))
    .map((point) => stoppedAt(point, { late: true, sampled: point === "before:objects" })),
];

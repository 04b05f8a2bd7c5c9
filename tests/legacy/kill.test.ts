import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLegacySchema } from "../../cli/legacy/sample/write.ts";
import { type LegacyWorld, startLegacyWorld } from "../../local/legacy-world.ts";
import { isLongRun, testSize } from "../support/size.ts";
import { legacyModel, legacyUser } from "./support/arbitraries.ts";
import { runJson, type Settings, settingsOf, startCommand } from "./support/command.ts";
import { readFinalState } from "./support/final-state.ts";
import { decideByCommands } from "./support/move.ts";
import { seedAccounts, seedObjects, seedRows } from "./support/seed.ts";
import { describeModel, type WrittenModel } from "./support/write-model.ts";

const kills = {
  export: testSize({ sampled: 2, long: 20 }),
  cutover: testSize({ sampled: 1, long: 20 }),
};
const timeout = isLongRun ? 1_800_000 : 120_000;

let world: LegacyWorld;
let settings: Settings;
let written: WrittenModel;
let decisionsFile: string;
/** Milliseconds of the undisturbed run of each command, and what it left behind. */
const undisturbed: Record<
  string,
  { took: number; state: Awaited<ReturnType<typeof readFinalState>> }
> = {};

beforeAll(async () => {
  world = await startLegacyWorld({ project: "adopted", createTables: createLegacySchema });
  settings = settingsOf(world.stack);
  const [model] = fc.sample(legacyModel, { numRuns: 1, seed: 9 });
  const more = fc.sample(legacyUser, { numRuns: testSize({ sampled: 40, long: 150 }), seed: 10 });
  if (!model) throw new Error("No legacy database was made");
  // Many with nothing in their way, so that the export has a middle to be killed in.
  const plain = more.map((one) => ({ ...one, standing: "unlinked" as const }));
  written = await describeModel({ ...model, users: [...model.users, ...plain] });
  await seedRows(world.sql(), written.rows);
  await seedAccounts(world.stack, written.accounts);
  ({ file: decisionsFile } = await decideByCommands(settings));
  await world.keep();
});
afterAll(async () => {
  await Deno.remove(decisionsFile).catch(() => {});
  await world?.stop();
});

/** The commands under test; killed and not killed they are called alike. */
const commands = {
  export: () => ["legacy", "export", "--decisions", decisionsFile, "--json"],
  cutover: () => ["legacy", "cutover", "--json"],
};
type Command = keyof typeof commands;

/** Objects lie in files, which no reset of a database brings back. */
async function begin(): Promise<void> {
  await world.reset();
  await seedObjects(world.stack, written.objects);
}

async function runUndisturbed(command: Command): Promise<void> {
  await begin();
  const started = performance.now();
  const { code, err } = await startCommand(commands[command](), settings).ended;
  expect(code, err).toBe(0);
  undisturbed[command] = {
    took: performance.now() - started,
    state: await readState(),
  };
}

function readState() {
  const hashes = written.rows.users.flatMap(({ password_hash }) => password_hash ?? []);
  return readFinalState(world.sql(), hashes.map(String));
}

/** Kills a run at a random moment; one that was quicker does not count. */
async function killOnce(command: Command): Promise<string> {
  for (let latest = undisturbed[command]?.took ?? 0;; latest *= 0.8) {
    await begin();
    const moment = Math.round(latest * Math.random());
    const run = startCommand(commands[command](), settings);
    await new Promise((resolve) => setTimeout(resolve, moment));
    // A machine that goes down takes the commands that this one has started with it.
    const all = Math.random() < 0.5;
    run.kill({ all });
    const { signal } = await run.ended;
    if (signal === "SIGKILL") {
      return `${command} killed after ${moment} ms${all ? " with all" : ""}`;
    }
  }
}

async function expectResumed(command: Command): Promise<void> {
  const what = await killOnce(command);
  await runJson(commands[command](), settings).catch((error: unknown) => {
    throw new Error(what, { cause: error });
  });
  const state = await readState();
  for (const [place, lines] of Object.entries(undisturbed[command]?.state ?? {})) {
    expect(state[place], `${place} of ${what}`).toEqual(lines);
  }
}

describe("kill -9", () => {
  it("at any moment of the export changes nothing of its outcome", { timeout }, async () => {
    await runUndisturbed("export");
    for (let n = 0; n < kills.export; n++) await expectResumed("export");
  });

  it("at any moment of the cutover changes nothing of its outcome", { timeout }, async () => {
    await world.reset();
    await runJson(commands.export(), settings);
    await runJson(["legacy", "verify"], settings);
    await world.keep();
    await runUndisturbed("cutover");
    for (let n = 0; n < kills.cutover; n++) await expectResumed("cutover");
  });
});

import process from "node:process";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLegacySchema } from "../../cli/legacy/sample/write.ts";
import { type LegacyWorld, startLegacyWorld } from "../../local/legacy-world.ts";
import type { Decision } from "../../shared/legacy/decisions.ts";
import { legacyModel } from "./support/arbitraries.ts";
import { settingsOf } from "./support/command.ts";
import { moveByCommands } from "./support/move.ts";
import { exportNaively, naiveMigration } from "../../bench/suites/legacy/naive.ts";
import { seedAccounts, seedRows } from "./support/seed.ts";
import { readLibrary, signInByMail, signInWithPassword } from "./support/sign-in.ts";
import { describeModel, type WrittenModel } from "./support/write-model.ts";

/** Always the same database, so that the numbers printed are the same in every run. */
const [model] = fc.sample(legacyModel, { numRuns: 1, seed: 2511140852 });

let world: LegacyWorld;
let written: WrittenModel;

beforeAll(async () => {
  if (!model) throw new Error("No legacy database was made");
  world = await startLegacyWorld({ project: "adopted", createTables: createLegacySchema });
  written = await describeModel(model);
});
afterAll(() => world?.stop());

async function seed(): Promise<void> {
  await world.reset();
  await seedRows(world.sql(), written.rows);
  await seedAccounts(world.stack, written.accounts);
}

/** Videos that some user still had, by id. */
function allVideos(): string[] {
  return written.users.flatMap(({ model: { videos } }) =>
    videos.filter(({ state }) => state !== "deleted").map(({ videoId }) => videoId)
  );
}

interface Outcome {
  videos: Set<string>;
  tiersKept: number;
}

/** What all users together reach, each signing in with whatever still opens an account. */
async function lookAround(decisions: readonly Decision[]): Promise<Outcome> {
  const outcome: Outcome = { videos: new Set(), tiersKept: 0 };
  for (const { model: user, email: legacyEmail, password, account } of written.users) {
    const own = decisions.filter(({ subject }) => subject === user.userId);
    const email = own.find(({ action }) => action === "use_email")?.value ??
      legacyEmail.toLowerCase();
    const isLinked = own.some(({ action }) => action === "link");
    const known = isLinked ? account?.password ?? password : password;
    const first = await signInWithPassword(world.stack, { email, password: known });
    const { token } = first.token ? first : await signInByMail(world.stack, email);
    if (!token) continue;
    const library = await readLibrary(world.stack, token);
    for (const videoId of Object.keys(library.videos)) outcome.videos.add(videoId);
    if (library.tier === user.tier) outcome.tiersKept++;
  }
  return outcome;
}

function report(name: string, { videos, tiersKept }: Outcome): number {
  const all = allVideos();
  const unreachable = all.filter((videoId) => !videos.has(videoId)).length;
  const users = written.users.length;
  process.stdout.write(
    `${name}: ${unreachable} of ${all.length} videos unreachable, ` +
      `${users - tiersKept} of ${users} tiers lost\n`,
  );
  return unreachable;
}

describe("the same legacy database, moved in two ways", () => {
  it("loses every video by the script and the migration of the devlog", async () => {
    await seed();
    const { success, errors } = await exportNaively(world.stack, world.sql());
    expect({ success, errors }).toEqual({
      success: written.users.filter(({ model: { standing } }) => standing === "linked").length,
      errors: written.users.filter(({ model: { standing } }) => standing !== "linked").length,
    });
    await world.sql().begin(async (tx) => {
      for (const statement of naiveMigration) await tx.unsafe(statement);
    });
    expect(report("naive migration", await lookAround([]))).toBe(allVideos().length);
  });

  it("loses none by ours", { timeout: 120_000 }, async () => {
    await seed();
    const decisions = await moveByCommands(settingsOf(world.stack));
    const outcome = await lookAround(decisions);
    expect(report("heimdex legacy", outcome)).toBe(0);
    expect(outcome.tiersKept).toBe(written.users.length);
  });
});

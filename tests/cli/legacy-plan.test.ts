import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLegacySchema, writeLegacyRows } from "../../cli/legacy/sample/write.ts";
import { type LegacyWorld, startLegacyWorld } from "../../local/legacy-world.ts";
import { runCommand } from "../legacy/support/command.ts";
import { deadPort } from "../support/app.ts";
import { heimdex } from "../support/heimdex.ts";

const id = (n: number) => `aaaaaaaa-0000-4000-8000-${String(n).padStart(12, "0")}`;

let world: LegacyWorld;
let folder: string;

beforeAll(async () => {
  world = await startLegacyWorld({ project: "adopted", createTables: createLegacySchema });
  folder = await mkdtemp(join(tmpdir(), "heimdex-plan-"));
  const users = [
    { user_id: id(1), email: "Ann@example.test", email_verified: true },
    { user_id: id(2), email: "ann@example.test", password_hash: "md5" },
  ];
  await writeLegacyRows(world.sql(), { users });
  await writeLegacyRows(world.legacySql(), { users });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await world?.stop();
});

/** No setting of the functions is needed: only the databases are read. */
const plan = (args: string[] = [], env: Record<string, string> = {}) =>
  runCommand(["legacy", "plan", ...args], { DATABASE_URL: world.stack.databaseUrl, ...env });

async function write(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, JSON.stringify(content));
  return path;
}

describe("heimdex legacy plan", () => {
  it("exits 2 and tells what has to be decided, as a table and as JSON", async () => {
    const table = await plan();
    expect(table.code).toBe(2);
    expect(table.out).toMatch(/total +2\n.* +linked +0\n/);
    expect(table.out).toContain("To be decided: 3");
    expect(table.out).toMatch(/email_case: 1\n +subject +actions +suggested +what\n +aaaa.*002/);
    expect(table.out).not.toContain("@");
    const { code, out } = await plan(["--json"]);
    const document = JSON.parse(out);
    expect(code).toBe(2);
    expect(document).toMatchObject({
      separate: false,
      users: { total: 2, to_create: 2 },
      open: { email_case: 1, unsupported_hash: 1, no_password: 1 },
      objects_to_move: { objects: 0 },
      estimate_seconds: { total: expect.any(Number) },
    });
    expect(document.matters).toHaveLength(3);
  });

  it("plans the same on a legacy database of its own", async () => {
    const { out } = await plan(["--json"], { LEGACY_DATABASE_URL: world.legacyUrl });
    expect(JSON.parse(out)).toMatchObject({
      separate: true,
      open: { email_case: 1, unsupported_hash: 1, no_password: 1 },
    });
  });

  it("writes a suggestion that settles everything, keeping what was given", async () => {
    const given = { kind: "no_password", subject: id(1), action: "reset" };
    const first = await write("given.json", { decisions: [given] });
    const suggestion = join(folder, "suggested.json");
    const asked = await plan(["--decisions", first, "--suggest", suggestion, "--json"]);
    expect(asked.code).toBe(2);
    const { decisions } = JSON.parse(await readFile(suggestion, "utf8"));
    expect(decisions[0]).toEqual(given);
    expect(decisions).toHaveLength(3);
    const settled = await plan(["--decisions", suggestion]);
    expect(settled).toMatchObject({ code: 0, out: expect.stringContaining("Nothing is left") });
  });

  it("refuses a decisions file that does not hold, naming the entry", async () => {
    const useEmail = { kind: "email_case", subject: id(2), action: "use_email" };
    const cases: [unknown, RegExp][] = [
      [[], /no JSON document/],
      [
        { decisions: [{ ...useEmail, value: "b@x.test" }, useEmail] },
        /^Entry 2 .* needs as "value"/,
      ],
      [{ decisions: [{ ...useEmail, action: "trim" }] }, /^Entry 1 .* answered by use_email/],
      [
        { decisions: [{ ...useEmail, subject: id(1), value: "ann@example.test" }] },
        /gives an e-mail that legacy user .*002 has/,
      ],
    ];
    for (const [content, message] of cases) {
      const path = await write("wrong.json", content);
      expect(await plan(["--decisions", path]))
        .toEqual({ code: 2, out: "", err: expect.stringMatching(message) });
    }
    expect(await plan(["--decisions", join(folder, "absent.json")]))
      .toMatchObject({ code: 2, err: expect.stringContaining("Cannot read the decisions file") });
  });

  it.each([
    ["no URL", "mysql://x", 2, "LEGACY_DATABASE_URL is no PostgreSQL URL"],
    ["nobody there", `postgres://x@127.0.0.1:${deadPort}/x`, 3, "does not answer"],
  ])("says what is wrong with LEGACY_DATABASE_URL: %s", async (_what, url, code, sentence) => {
    expect(await plan([], { LEGACY_DATABASE_URL: url }))
      .toEqual({ code, out: "", err: expect.stringContaining(sentence) });
  });

  it("refuses the project's own database as the legacy one", async () => {
    expect(await plan([], { LEGACY_DATABASE_URL: world.stack.databaseUrl }))
      .toMatchObject({ code: 2, err: expect.stringContaining("the project's own database") });
  });

  it("refuses a legacy database at another revision", async () => {
    await world.legacySql()`update public.alembic_version set version_num = '006'`;
    expect(await plan([], { LEGACY_DATABASE_URL: world.legacyUrl }))
      .toMatchObject({ code: 2, err: expect.stringContaining("at revision 006 instead of 008") });
  });

  it.each(["plan", "sample"])("%s explains itself with examples", async (verb) => {
    expect(await runCommand(["legacy", verb, "--help"], {}))
      .toMatchObject({ code: 0, out: expect.stringMatching(/Exit codes:[^]*Examples:/) });
  });

  it("tells a project without legacy users what to set", async () => {
    expect(await heimdex(["legacy", "plan"]))
      .toMatchObject({ code: 2, err: expect.stringContaining("set LEGACY_DATABASE_URL") });
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import postgres from "postgres";
import { z } from "zod";
import { createCaller, users } from "../../bench/suites/library/caller.ts";
import { commonWord, seedLibraries } from "../../bench/suites/library/seed.ts";
import { readEnv } from "../../shared/env.ts";
import { createDeps } from "../../shared/http/deps.ts";
import { useOwnStack } from "../support/own-stack.ts";
import { createSender, type KnownRows, listRequests, nextPage } from "./requests.ts";
import { openWire, type SentStatement, type Wire } from "../../bench/suites/routes/wire.ts";

/** So many that no plan for one owner reads a whole table by choice. */
const size = { scenes: 30_000, users: 30, heavyScenes: 3000 };

const own = useOwnStack("plans");
const caller = createCaller(users.heavy);
let wire: Wire;
let send: ReturnType<typeof createSender>;
let known: KnownRows;
let close = () => Promise.resolve();

beforeAll(async () => {
  const connect = () => postgres(own.stack.adminDatabaseUrl, { max: 1, onnotice: () => {} });
  await seedLibraries(connect, size);
  await joinOrganization(own.sql, caller.user.supabaseUserId);
  known = await findKnownRows(own.sql, caller.user.supabaseUserId);

  wire = await openWire(own.stack.databaseUrl);
  const env = readEnv({ ...own.stack.environment, DATABASE_URL: wire.url });
  const deps = {
    ...createDeps(env),
    verifier: { verify: () => Promise.resolve(caller) },
    log: () => {},
    // What is written down after the answer goes a way of its own.
    activities: { record() {} },
  };
  send = createSender(deps, "verified");
  close = async () => {
    await deps.database.close();
    await wire.close();
  };
}, 120_000);

afterAll(() => close());

/** An organization to which a thirtieth of all videos belongs; the caller is a member. */
async function joinOrganization(sql: postgres.Sql, userId: string): Promise<void> {
  const organization = crypto.randomUUID();
  await sql`
    insert into public.organizations (organization_id, name) values (${organization}, 'Studio')`;
  await sql`
    insert into public.organization_members (organization_id, user_id)
    values (${organization}, ${userId})`;
  await sql`
    update public.videos set organization_id = ${organization}
     where user_id = (select user_id from public.videos where user_id <> ${userId} limit 1)`;
  await sql.unsafe("vacuum (analyze)");
}

async function findKnownRows(sql: postgres.Sql, userId: string): Promise<KnownRows> {
  const [row] = await sql<{ video_id: string; person_id: string }[]>`
    select s.video_id, p.person_id
      from public.scene_people p join public.scenes s on s.scene_id = p.scene_id
     where s.user_id = ${userId}
     limit 1`;
  if (!row) throw new Error("The seed has no people");
  return { videoId: row.video_id, personId: row.person_id, words: [commonWord, "lantern"] };
}

/** What a request executed: the opening statement and the one beside it. */
function takeStatements(): { opening: string; statement: string } {
  const [opening, statement, ...others] = wire.take()
    .filter(({ text }) => !/^\s*commit|pg_catalog\.pg_type/.test(text))
    .map(writeOut);
  const [, open] = /^begin; (.*?)(?:; savepoint work)?$/s.exec(opening ?? "") ?? [];
  if (!open?.includes("private.open_request(") || !statement || others.length > 0) {
    throw new Error("A request makes one statement beside the opening one");
  }
  return { opening: open, statement };
}

interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string | undefined;
  Plans?: PlanNode[] | undefined;
}

const planNodeSchema: z.ZodType<PlanNode> = z.object({
  "Node Type": z.string(),
  "Relation Name": z.string().optional(),
  get Plans() {
    return z.array(planNodeSchema).optional();
  },
});

const explainSchema = z.tuple([
  z.object({ "QUERY PLAN": z.tuple([z.object({ Plan: planNodeSchema })]) }),
]);

const large = ["scenes", "videos", "video_metadata", "scene_people"];

/** Large tables that a plan reads from end to end. */
function findSequentialScans(node: PlanNode): string[] {
  const table = node["Relation Name"] ?? "";
  const isWhole = node["Node Type"] === "Seq Scan" && large.includes(table);
  return [...isWhole ? [table] : [], ...(node.Plans ?? []).flatMap(findSequentialScans)];
}

/** The statement as the server plans it: with its parameters in their places. */
function writeOut({ text, parameters }: SentStatement): string {
  return text.replace(/\$(\d+)/g, (_, number: string) => {
    const value = parameters[Number(number) - 1] ?? null;
    return value === null ? "null" : `'${value.replaceAll("'", "''")}'`;
  });
}

/** Sequential scans of large tables in the plan of a statement. */
async function explain(sql: postgres.TransactionSql, text: string): Promise<string[]> {
  const [{ "QUERY PLAN": [{ Plan: plan }] }] = explainSchema.parse(
    [...await sql.unsafe(`explain (format json) ${text}`)],
  );
  return findSequentialScans(plan);
}

/** Tables of which sequential scans are counted for this connection, and how many. */
async function countScans(sql: postgres.TransactionSql): Promise<Map<string, number>> {
  const rows = await sql<{ name: string; scans: number }[]>`
    select relname as name, seq_scan::int as scans from pg_stat_xact_user_tables
     where schemaname = 'public'`;
  return new Map(rows.map(({ name, scans }) => [name, scans]));
}

/** Large tables that a statement reads from end to end while it runs, its functions included. */
async function runAndCount(sql: postgres.TransactionSql, text: string): Promise<string[]> {
  // What earlier transactions of the connection did may not have been handed on yet.
  const before = await countScans(sql);
  // A worker's scans are counted elsewhere.
  await sql`select set_config('max_parallel_workers_per_gather', '0', true)`;
  await sql.unsafe(text);
  const after = await countScans(sql);
  return large.filter((name) => (after.get(name) ?? 0) > (before.get(name) ?? 0));
}

/** As {@link explain}, of what the last request executed; and the scans that its functions made. */
async function findScans(): Promise<{ planned: string[]; made: string[] }> {
  const { opening, statement } = takeStatements();
  const scans = await own.sql.begin(async (sql) => {
    await sql.unsafe(opening);
    const planned = await explain(sql, statement);
    return { value: { planned, made: await runAndCount(sql, statement) } };
  });
  return scans.value;
}

describe(`with ${size.scenes} scenes`, () => {
  test("no list or search reads a large table whole", { timeout: 120_000 }, async () => {
    const none = { planned: [], made: [] };
    wire.take();
    for (const request of listRequests(known)) {
      const label = JSON.stringify(request);
      const { next_cursor } = await send(request);
      expect(await findScans(), label).toEqual(none);
      if (next_cursor === null) continue;
      await send(nextPage(request, next_cursor));
      expect(await findScans(), `page 2 of ${label}`).toEqual(none);
    }
  });

  test("such a scan would be seen, in a plan and in a function", async () => {
    const whole = "count(*) from public.scenes where end_s = 3";
    const hidden = `do $$ begin perform ${whole}; end $$`;
    const scans = await own.sql.begin(async (sql) => ({
      planned: await explain(sql, `select ${whole}`),
      made: await runAndCount(sql, hidden),
    }));
    expect(scans).toEqual({ planned: ["scenes"], made: ["scenes"] });
  });
});

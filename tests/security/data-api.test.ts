import process from "node:process";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { postgresSql } from "../support/sql.ts";
import { buckets, type OpenTable, openTables } from "./matrix.ts";
import { type ApiCast, createApiCast } from "./support/api-cast.ts";
import { closedRequests, routineRequests, tableRequests } from "./support/data-api.ts";
import { type ApiCell, findWrongAnswers } from "./support/requests.ts";
import { bucketRequests } from "./support/storage-api.ts";

let cast: ApiCast;
let before: string;
let sent = 0;

beforeAll(async () => {
  cast = await createApiCast();
  before = await dumpProtected();
});
afterAll(() => void process.stdout.write(`RLS matrix over HTTP: ${sent} requests\n`));

async function wrongAnswers(cells: readonly ApiCell[]): Promise<string[]> {
  sent += cells.length;
  return await findWrongAnswers(cast, cells);
}

/** All that no client may change of the rows and objects of the cast, as text. */
async function dumpProtected(): Promise<string> {
  const tables = await Promise.all(
    Object.entries(openTables).map(([name, table]) => dumpTable(name, table)),
  );
  const objects = await postgresSql()`
    select bucket_id, name, version, updated_at from storage.objects
    where name like any(${Object.values(cast.accounts).map(({ id }) => `%${id}%`)})
      or name like ${`%${cast.organisation}%`}
    order by 1, 2`;
  return JSON.stringify([...tables, objects]);
}

/** What follows by trigger when a description changes, and what the drain marks. */
const derived = [
  "videos.updated_at",
  "video_metadata.updated_at",
  "video_metadata.words",
  "scenes.language",
  "scenes.words",
  "user_analytics.counted",
];

async function dumpTable(name: string, { key, columns }: OpenTable) {
  const kept = Object.entries(columns)
    .filter(([column, rule]) => rule === "server" && !derived.includes(`${name}.${column}`))
    .map(([column]) => column);
  return await postgresSql().unsafe(
    `select ${kept} from public.${name} where concat_ws(':', ${key}) = any($1) order by ${key}`,
    [Object.keys(cast.labels[name] ?? {})],
  );
}

describe("the Data API", () => {
  it.each(Object.keys(openTables))("answers and refuses on %s as the matrix says", async (name) => {
    expect(await wrongAnswers(tableRequests(cast, name))).toEqual([]);
  });

  it("does not know the closed tables", async () => {
    expect(await wrongAnswers(closedRequests())).toEqual([]);
  });

  it("calls none of our functions", async () => {
    const rows = await postgresSql()`
      select proname as name from pg_proc
      where pronamespace::regnamespace::text in ('public', 'private') and proname not like 'conformance%'
      group by 1 order by bool_or(pronamespace <> 'public'::regnamespace), 1`;
    expect(rows.length).toBeGreaterThan(100);
    expect(await wrongAnswers(routineRequests(rows.map(({ name }) => name)))).toEqual([]);
  });
});

describe("the Storage API", () => {
  it.each(Object.keys(buckets))(
    "answers and refuses on bucket %s as the matrix says",
    async (bucket) => {
      expect(await wrongAnswers(bucketRequests(cast, bucket))).toEqual([]);
    },
  );
});

test("nothing that clients sent changed what they may not change", async () => {
  expect(await dumpProtected()).toBe(before);
});

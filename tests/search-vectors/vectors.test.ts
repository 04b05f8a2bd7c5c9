import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../supabase/functions/search/app.ts";
import {
  type SearchResponse,
  searchResponseSchema,
} from "../../supabase/functions/search/schemas.ts";
import type { Deps } from "../../shared/http/deps.ts";
import {
  applyMigration,
  readMigrations,
  type Row,
  type TestDatabase,
  type Transaction,
} from "../migrations/support/database.ts";
import { vectorTables } from "../security/matrix.ts";
import {
  closedTableCells,
  findMismatches,
  mistakeCells,
  openByMistake,
} from "../security/support/cells.ts";
import { inventPeople } from "../security/support/claims.ts";
import { readRelations } from "../security/support/database.ts";
import { depsWith } from "../support/app.ts";
import { expectJson, expectProblem, toRequestInit } from "../support/call.ts";
import { createUser, type TestUser } from "../support/users.ts";
import { type Library, ownCount, sceneCount, seedLibrary } from "./seed.ts";
import { startVectorDatabase } from "./support.ts";

let db: TestDatabase;
let deps: Deps;
let ada: TestUser;
let library: Library;

beforeAll(async () => {
  [db, ada] = await Promise.all([startVectorDatabase(), createUser()]);
  library = await seedLibrary(db, ada);
  deps = depsWith({ environment: { DATABASE_URL: db.url, HEIMDEX_EMBEDDER_URL: "" } });
}, 120_000);
afterAll(async () => {
  await deps.database.close();
  await db.stop();
});

async function post(json: Row, o: Partial<Deps> = {}): Promise<Response> {
  const app = createApp({ ...deps, ...o });
  return await app.request("/search", toRequestInit({ token: ada.accessToken, json }));
}

async function search(json: Row, o: Partial<Deps> = {}): Promise<SearchResponse> {
  return searchResponseSchema.parse(await expectJson(await post(json, o), 200));
}

/** As the definer function sees it: the project's own role, the caller in the claims. */
function asOwner<T>(fn: (sql: Transaction) => Promise<T>): Promise<T> {
  const claims = JSON.stringify({ sub: ada.id, role: "authenticated" });
  return db.sql.begin(async (sql) => {
    await sql`select set_config('request.jwt.claims', ${claims}, true)`;
    return await fn(sql);
  }) as Promise<T>;
}

const toArray = (vector: readonly number[]) => `{${vector.join(",")}}`;

function scan(filters: Row, vector: number[], depth: number): Promise<string[]> {
  return asOwner(async (sql) => {
    const rows = await sql`
      select f.scene_id from private.to_search_scope(${
      JSON.stringify(filters)
    }::text::jsonb, null) as s
      cross join lateral private.scan_vector_index(s, ${
      toArray(vector)
    }::text::real[], ${depth}, 20000) as f
      order by f.distance, f.scene_id`;
    return rows.map((row) => String(row.scene_id));
  });
}

function compareAll(filters: Row, vector: number[], depth: number): Promise<string[]> {
  return asOwner(async (sql) => {
    const rows = await sql`
      select f.scene_id from private.to_search_scope(${
      JSON.stringify(filters)
    }::text::jsonb, null) as s
      cross join lateral private.scan_vectors(s, ${toArray(vector)}::text::real[]) as f
      order by f.distance, f.scene_id limit ${depth}`;
    return rows.map((row) => String(row.scene_id));
  });
}

/** Every filter alone and some together, by name. */
function filterCases(): Record<string, Row> {
  const { people: [one, two], organization, video } = library;
  return {
    "no filter": {},
    "a video": { video_id: video },
    "a person": { person_ids: [one] },
    "two people": { person_ids: [one, two] },
    "a language": { language: "ko" },
    "a duration": { min_duration: 150 },
    "a date": { created_from: "2026-01-03T00:00:00Z", created_to: "2026-01-04T12:00:00Z" },
    "an organisation": { organization_id: organization },
    "all of them": { person_ids: [two], organization_id: organization, language: "ko" },
  };
}

/** A request's fields for what private.find_scene_candidates is given. */
const toFields = ({ person_ids: person_id, ...rest }: Row): Row =>
  person_id ? { ...rest, person_id } : rest;

async function withSetting<T>(value: string, fn: () => Promise<T>): Promise<T> {
  await db.sql.unsafe(`set heimdex.exact_scan_scenes = '${value}'`);
  try {
    return await fn();
  } finally {
    await db.sql`reset heimdex.exact_scan_scenes`;
  }
}

describe("the index", () => {
  test("finds with every filter what comparing all finds: recall@10 >= 0.95", async () => {
    const vectors = [0, 3, 6, 9, 12, 15].map(library.makeVector);
    const plain = await Promise.all(vectors.map(scanPlainly));
    const lines: string[] = [];
    for (const [name, filters] of Object.entries(filterCases())) {
      let [found, wanted, left] = [0, 0, 0];
      for (const [n, vector] of vectors.entries()) {
        const all = await compareAll(filters, vector, 1000);
        const near = (await scan(filters, vector, 40)).slice(0, 10);
        const best = all.slice(0, 10);
        wanted += best.length;
        found += best.filter((id) => near.includes(id)).length;
        left += Math.min(10, plain[n]?.filter((id) => all.includes(id)).length ?? 0);
      }
      lines.push(`${(found / wanted).toFixed(3)} ${name} (not scanned on: ${left} of ${wanted})`);
      expect(found / wanted, name).toBeGreaterThanOrEqual(0.95);
    }
    // deno-lint-ignore no-console -- the measured recall is read by people
    console.info(`recall@10 of HNSW, ${sceneCount} vectors\n${lines.join("\n")}`);
  });

  /** The 40 nearest of everybody, which a scan without more was left to filter. */
  function scanPlainly(vector: number[]): Promise<string[]> {
    return asOwner(async (sql) => {
      await sql`set local enable_sort = off`;
      const rows = await sql`
        select scene_id from public.scene_vectors
        order by text_vec operator(extensions.<=>) ${`[${vector}]`}::text::extensions.vector limit 40`;
      return rows.map((row) => String(row.scene_id));
    });
  }

  test("stays as it is when the migration runs again", async () => {
    const find = () =>
      db.sql`
      select c.oid, c.relfilenode, a.attstorage from pg_class as c
      inner join pg_attribute as a on a.attrelid = 'public.scene_vectors'::regclass and a.attname = 'text_vec'
      where c.oid = 'public.idx_scene_vectors_text_vec'::regclass`;
    const before = await find();
    expect(before).toMatchObject([{ attstorage: "p" }]);
    const migration = (await readMigrations()).find(({ name }) => name.includes("vector_search"));
    if (migration) await applyMigration(db.sql, migration);
    expect(await find()).toEqual(before);
  });

  test("is read, and scanned on when its nearest belong to others", async () => {
    const vector = library.makeVector(12);
    const plan = await asOwner((sql) =>
      sql.unsafe(
        `set local enable_sort = off; explain select scene_id from public.scene_vectors
         order by text_vec operator(extensions.<=>) '[${vector}]' limit 40`,
      ).simple()
    );
    expect(JSON.stringify(plan)).toContain("idx_scene_vectors_text_vec");
    expect(await scan({}, vector, 40)).toHaveLength(40);
  });
});

describe("filtered search", () => {
  test.each(["0", ""])("has full pages, exact below %j scenes", async (setting) => {
    await withSetting(setting, async () => {
      for (const [name, filters] of Object.entries(filterCases())) {
        const matches = (await compareAll(filters, library.makeVector(), 1000)).length;
        expect(matches, name).toBeGreaterThan(0);
        for (const q of ["sea", undefined]) {
          const asked = { q, vector: library.makeVector(12), ...toFields(filters) };
          const page = await search({ ...asked, limit: 30 });
          expect([name, page.search_type]).toEqual([name, q ? "hybrid" : "vector"]);
          expect([name, page.results.length]).toEqual([name, Math.min(30, matches)]);
          expect([name, page.has_more]).toEqual([name, matches > 30]);
        }
      }
    });
  });

  test("shows each match once over its pages", async () => {
    const asked = { q: "sea", vector: library.makeVector(3), language: "en", limit: 100 };
    const seen: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page: SearchResponse = await search({ ...asked, ...(cursor ? { cursor } : {}) });
      seen.push(...page.results.map((hit) => hit.scene_id));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen).toHaveLength(ownCount / 2);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test.each([1000, 1e30, 1e-35])(
    "ranks by the angle and not by the length: times %d",
    async (n) => {
      const [scene] = await compareAll({}, library.makeVector(1), 1);
      const [row] = await db.sql`
      select text_vec::real[] as vector from public.scene_vectors where scene_id = ${scene ?? ""}`;
      const longer = (row?.vector as number[]).map((value) => value * n);
      const { results } = await search({ vector: longer, explain: true, limit: 2 });
      expect(results[0]).toMatchObject({
        scene_id: scene,
        ranks: { text: null, vector: 1 },
        score: 0.7 / 61,
      });
      expect(results[1]?.ranks?.vector).toBe(2);
    },
  );

  test("never shows scenes of others", async () => {
    const { results } = await search({ vector: library.makeVector(14), limit: 100 });
    const owners = await db.sql`
      select distinct user_id from public.scenes
      where scene_id in ${db.sql(results.map((hit) => hit.scene_id ?? ""))}`;
    expect([...owners]).toEqual([{ user_id: ada.id }]);
  });
});

describe("private.find_vector_matches", () => {
  const count = (vector: string, filters: Row = {}) =>
    asOwner(async (sql) => {
      const [row] = await sql`
        select count(*) from private.to_search_scope(${
        JSON.stringify(filters)
      }::text::jsonb, null) as s
        cross join lateral private.find_vector_matches(s, ${vector}::text::real[])`;
      return row?.count;
    });

  test.each([
    ["too short", toArray([1, 2, 3])],
    ["too long", toArray(Array(1153).fill(1))],
    ["empty", "{}"],
    ["all zero", toArray(Array(1152).fill(0))],
    ["with NaN", `{NaN,${Array(1151).fill(1)}}`],
    ["with an infinity", `{-Infinity,${Array(1151).fill(1)}}`],
    ["with null", `{null,${Array(1151).fill(1)}}`],
  ])("refuses a vector that is %s", async (_, vector) => {
    await expect(count(vector)).rejects.toMatchObject({ message: "validation_failed" });
  });

  test("ranks the 500 nearest of many, and compares all when the index has fewer", async () => {
    const vector = toArray(library.makeVector(12));
    expect(await count(vector)).toBe(ownCount);
    await withSetting("0", async () => {
      expect(await count(vector)).toBe(500);
      expect(await count(vector, { min_duration: 150 })).toBe(500);
      expect(await count(vector, { language: "ko" })).toBe(ownCount / 2);
    });
  });
});

describe("an embedder", () => {
  const words: unknown[] = [];
  let answer: (request: Request) => Response | Promise<Response>;
  let server: Deno.HttpServer<Deno.NetAddr>;

  beforeAll(() => {
    const handler = async (request: Request) => {
      words.push((await request.clone().json()).input);
      return answer(request);
    };
    server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
  });
  afterAll(() => server.shutdown());

  const connected = () =>
    depsWith({
      environment: {
        DATABASE_URL: db.url,
        HEIMDEX_EMBEDDER_URL: `http://127.0.0.1:${server.addr.port}/v1/embeddings`,
      },
    }).embedder;

  test("makes a search by text one by both, with one embedding for all its pages", async () => {
    const vector = library.makeVector(5);
    answer = () => Response.json({ data: [{ embedding: vector }] });
    const embedder = connected();
    words.length = 0;
    const page = await search({ q: 'sea -night "a word"', limit: 5 }, { embedder });
    expect(page).toMatchObject({ search_type: "hybrid", has_more: true });
    expect(page).not.toHaveProperty("degraded");
    const cursor = page.next_cursor;
    const next = await search({ q: 'sea -night "a word"', limit: 5, cursor }, { embedder });
    expect(next.search_type).toBe("hybrid");
    expect(words).toEqual(["sea a word"]);
  });

  test("is not asked for a vector that is given or not wanted", async () => {
    words.length = 0;
    const embedder = connected();
    const given = await search({ q: "sea", vector: library.makeVector() }, { embedder });
    const unwanted = await search({ q: "sea", weights: { vector: 0 } }, { embedder });
    expect([given.search_type, unwanted.search_type]).toEqual(["hybrid", "text"]);
    expect(words).toEqual([]);
  });

  test("that fails leaves a search by text that says so, on all its pages", async () => {
    answer = () => new Response(null, { status: 500 });
    const embedder = connected();
    const lines: unknown[] = [];
    const log = (line: unknown) => lines.push(line);
    const page = await search({ q: "sea", limit: 5 }, { embedder, log });
    expect(page).toMatchObject({ search_type: "text", degraded: "embedder_unavailable" });
    expect(page.results).toHaveLength(5);
    expect(lines).toContainEqual(
      { level: "warn", event: "embedder_failed", error_message: "The embedder answered 500" },
    );
    answer = () => Response.json({ data: [{ embedding: library.makeVector(5) }] });
    const next = await search({ q: "sea", limit: 5, cursor: page.next_cursor }, { embedder });
    expect(next).toMatchObject({ search_type: "text", degraded: "embedder_unavailable" });
  });

  test("that fails in the middle of a search ends it: the order would be another", async () => {
    answer = () => Response.json({ data: [{ embedding: library.makeVector(5) }] });
    const { next_cursor: cursor } = await search({ q: "sea", limit: 5 }, { embedder: connected() });
    answer = () => new Response(null, { status: 500 });
    const failed = await post({ q: "sea", limit: 5, cursor }, { embedder: connected() });
    await expectProblem(failed, "embedder_unavailable", 503);
  });
});

describe("the worker's scenes", () => {
  test("bring their vectors, and take them along when they are replaced", async () => {
    const [video, owner] = [crypto.randomUUID(), crypto.randomUUID()];
    await db.sql`
      insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes, state)
      values (${video}, ${owner}, 'k', 'video/mp4', 1, 'validating')`;
    await db.sql`insert into public.jobs (video_id, stage) values (${video}, 'commit')`;
    const [job] = await db.sql`
      select lease_id, video_id from private.claim_job(array['commit'], 300, null)`;
    expect(job?.video_id).toBe(video);
    const put = async (scenes: Row[]) => {
      const [row] = await db.sql`
        select * from private.put_scenes(${video}, ${String(job?.lease_id)}, ${crypto.randomUUID()},
          1, 1, ${JSON.stringify(scenes)}::text::jsonb)`;
      return row;
    };
    const stored = () =>
      db.sql`
        select v.text_vec::text as text, v.image_vec::text as image from public.scene_vectors as v
        inner join public.scenes as s using (scene_id) where s.video_id = ${video} order by s.start_s`;
    const [text, image] = [library.makeVector(), library.makeVector()].map((one) => `[${one}]`);
    const scenes = [
      { start_s: 0, end_s: 1, text_vec: text, image_vec: image },
      { start_s: 1, end_s: 2, text_vec: text },
      { start_s: 2, end_s: 3 },
    ];
    expect(await put(scenes)).toMatchObject({ swapped: true, total: 3, vectors_stored: true });
    expect([...await stored()].filter((row) => row.text)).toEqual([
      { text, image },
      { text, image: null },
    ]);
    expect(await put([{ start_s: 0, end_s: 1 }])).toMatchObject({ swapped: true, total: 1 });
    expect(await stored()).toHaveLength(0);
  });
});

describe("the tables of vectors", () => {
  test("are those of the security matrix", async () => {
    const names = (await readRelations(db.sql)).map(({ name }) => name);
    expect(names.filter((name) => name.endsWith("_vectors"))).toEqual(vectorTables);
  });

  test.each(vectorTables)("%s is closed to clients, also when opened by mistake", async (table) => {
    const relations = await readRelations(db.sql);
    const columns = relations.find(({ name }) => name === table)?.columns ?? [];
    const people = inventPeople();
    const cells = closedTableCells(people, table, columns, ["service"]);
    expect(await db.sql.begin((sql) => findMismatches(sql, cells))).toEqual([]);
    const undo = new Error("undo");
    const mistake = db.sql.begin(async (sql) => {
      await sql.unsafe(openByMistake(table)).simple();
      expect(await findMismatches(sql, mistakeCells(people, table))).toEqual([]);
      throw undo;
    });
    await expect(mistake).rejects.toBe(undo);
  });
});

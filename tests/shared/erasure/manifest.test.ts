import { afterAll, describe, expect, it } from "vitest";
import { manifest } from "../../../shared/erasure/manifest.ts";
import {
  adminSql,
  hasAdminSql,
  postgresSql,
  type Sql,
  type Transaction,
} from "../../support/sql.ts";

const schemas = ["public", "private", "legacy_archive"];

/** What the live database has that the manifest does not classify, and the other way round. */
async function findDifferences(sql: Sql | Transaction): Promise<string[]> {
  const live = await sql<{ name: string; columns: string[] }[]>`
    select n.nspname || '.' || c.relname as name, array_agg(a.attname::text) as columns
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind in ('r', 'p', 'm', 'f') and n.nspname = any(${schemas})
    group by 1`;
  const columnsOf = new Map(live.map(({ name, columns }) => [name, columns]));
  const unknown = live.flatMap(({ name, columns }) => {
    const rule = manifest.tables.find((one) => one.name === name);
    if (!rule) return [`${name} is not classified`];
    return columns.filter((column) => !Object.hasOwn(rule.columns, column))
      .map((column) => `${name}.${column} is not classified`);
  });
  const gone = manifest.tables.flatMap(({ name, columns, optional }) => {
    const there = columnsOf.get(name);
    if (!there) return optional ? [] : [`${name} is gone`];
    return Object.keys(columns).filter((column) => !there.includes(column))
      .map((column) => `${name}.${column} is gone`);
  });
  return [...unknown, ...gone, ...await compareBuckets(sql)].sort();
}

async function compareBuckets(sql: Sql | Transaction): Promise<string[]> {
  const live = (await sql<{ id: string }[]>`select id from storage.buckets`).map(({ id }) => id);
  const known = manifest.buckets.map(({ name }) => name);
  return [
    ...live.filter((id) => !known.includes(id)).map((id) => `bucket ${id} is not classified`),
    ...known.filter((id) => !live.includes(id)).map((id) => `bucket ${id} is gone`),
  ];
}

/** Runs `change` and the comparison in a transaction that is rolled back. */
async function differencesAfter(change: (sql: Transaction) => Promise<unknown>): Promise<string[]> {
  const found: string[][] = [];
  const undo = new Error("undo");
  while (found.length === 0) {
    await adminSql().begin(async (sql) => {
      // Gives way to erasures of other tests: to wait for one table while holding another would
      // end them by a deadlock.
      await sql`set local lock_timeout = '100ms'`;
      await change(sql);
      found.push(await findDifferences(sql));
      throw undo;
    }).catch((error) => {
      if (error !== undo && error.code !== "55P03") throw error;
    });
  }
  return found[0] ?? [];
}

describe("the erasure manifest", () => {
  it("classifies every table, column and bucket of the live database", async () => {
    expect(await findDifferences(postgresSql())).toEqual([]);
  });

  it("names each table once, and finds rows of every table it erases or anonymises", () => {
    const names = manifest.tables.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const engineOwn = ["private.erased_users", "private.erasures", "private.erasure_objects"];
    for (const rule of manifest.tables) {
      const finds = rule.rows !== undefined;
      expect(finds, rule.name).toBe(
        rule.disposition !== "retain" && !engineOwn.includes(rule.name),
      );
      if (rule.disposition === "anonymise" && finds) expect(rule.anonymised).toBeDefined();
      if (rule.follows) expect(names).toContain(rule.follows);
    }
  });

  it("gives a reason for everything that stays, and exports known columns only", () => {
    for (const { name, reason, columns, exported, disposition } of manifest.tables) {
      expect(reason.length, name).toBeGreaterThan(10);
      for (const column of exported) expect(Object.keys(columns), name).toContain(column);
      for (const [column, rule] of Object.entries(columns)) {
        if (disposition === "erase") expect(rule, `${name}.${column}`).toBe("erase");
        else if (typeof rule === "object") expect(rule.retain, name).not.toBe("");
      }
    }
  });
});

describe.runIf(hasAdminSql())("the comparison with the live database", () => {
  afterAll(async () => expect(await findDifferences(postgresSql())).toEqual([]));

  it("fails on a new table, a new column and a new bucket", async () => {
    const found = await differencesAfter(async (sql) => {
      await sql`create table public.diaries (user_id uuid, page text)`;
      await sql`alter table public.videos add column location text`;
      await sql`insert into storage.buckets (id, name) values ('diaries', 'diaries')`;
    });
    expect(found).toEqual([
      "bucket diaries is not classified",
      "public.diaries is not classified",
      "public.videos.location is not classified",
    ]);
  });

  it("fails on a table and a column that are gone", async () => {
    const found = await differencesAfter(async (sql) => {
      await sql`drop table public.user_analytics cascade`;
      await sql`alter table public.videos drop column filename cascade`;
    });
    expect(found).toContain("public.user_analytics is gone");
    expect(found).toContain("public.videos.filename is gone");
  });

  it("knows the users tables of the former system before and after their removal", async () => {
    const shape = async (sql: Transaction, schema: string) => {
      await sql.unsafe(`
        create schema if not exists ${schema};
        create table ${schema}.users (user_id uuid, supabase_user_id uuid, email text,
          email_verified boolean, password_hash text, display_name text, avatar_url text, tier text,
          created_at timestamptz, updated_at timestamptz, last_login_at timestamptz, industry text,
          job_title text, email_consent boolean, onboarding_completed boolean);
        create table ${schema}.refresh_tokens (token_id uuid, user_id uuid, token_hash text,
          expires_at timestamptz, revoked boolean, created_at timestamptz);
        create table ${schema}.email_verification_tokens (token_id uuid, user_id uuid,
          token_hash text, expires_at timestamptz, used boolean, created_at timestamptz)`);
    };
    expect(await differencesAfter((sql) => shape(sql, "legacy_archive"))).toEqual([]);
    expect(await differencesAfter((sql) => shape(sql, "public"))).toEqual([]);
    const found = await differencesAfter(async (sql) => {
      await shape(sql, "legacy_archive");
      await sql`alter table legacy_archive.users add column birthday date`;
      await sql`create table private.legacy_notes (user_id uuid)`;
    });
    expect(found).toEqual([
      "legacy_archive.users.birthday is not classified",
      "private.legacy_notes is not classified",
    ]);
  });
});

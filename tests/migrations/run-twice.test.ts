import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dumpCatalogue } from "./support/catalogue.ts";
import {
  applyMigration,
  type Migration,
  readMigrations,
  startDatabase,
  type TestDatabase,
} from "./support/database.ts";

const migrations = await readMigrations();

describe.each([17, 15] as const)("migrations on PostgreSQL %i", (version) => {
  let db: TestDatabase;

  beforeAll(async () => {
    db = await startDatabase(version, { migrated: false });
  });
  afterAll(() => db.stop());

  test("the role that runs them is no superuser and does not own auth.users", async () => {
    const [role] = await db.sql`
      select rolsuper, (select tableowner from pg_tables where schemaname = 'auth' and tablename = 'users') as owner
      from pg_roles where rolname = current_user`;
    expect(role).toEqual({ rolsuper: false, owner: "supabase_auth_admin" });
  });

  test.each(migrations)("$name changes nothing when it runs a second time", async (migration) => {
    await applyMigration(db.sql, migration);
    expect(await changesBy(migration)).toEqual([]);
  });

  test.each(migrations)("$name changes nothing on top of the final state", async (migration) => {
    expect(await changesBy(migration)).toEqual([]);
  });

  async function changesBy(migration: Migration): Promise<string[]> {
    const before = await dumpCatalogue(db.sql);
    await applyMigration(db.sql, migration);
    const after = await dumpCatalogue(db.sql);
    return [
      ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
      ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
    ];
  }

  test("the users tables of the legacy system are gone at the end", async () => {
    const [row] = await db.sql`
      select to_regclass('public.users') as users, to_regclass('public.refresh_tokens') as refresh,
        to_regclass('public.email_verification_tokens') as verification, to_regtype('public.user_tier') as tier`;
    expect(row).toEqual({ users: null, refresh: null, verification: null, tier: null });
  });
});

test("each file name is a time, a verb and an object, and each header says why and what stays", () => {
  for (const { name, text } of migrations) {
    expect(name).toMatch(/^\d{14}_[a-z]+(_[a-z]+)+\.sql$/);
    const header = text.slice(0, text.search(/^[^-]/m));
    expect(header, name).toContain("What stays unchanged");
    expect(header, name).toContain("Why");
  }
});

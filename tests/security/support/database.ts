import {
  applyMigration,
  type Sql,
  startDatabase,
  type TestDatabase,
} from "../../migrations/support/database.ts";
import {
  adoptLegacy,
  ann,
  bob,
  exportUser,
  removal,
  verifyUsers,
} from "../../migrations/support/legacy.ts";
import { addPerson } from "../../migrations/support/people.ts";
import { buckets, people, type Person } from "../matrix.ts";
import { type Account, type Cast, seedRows, type StoredKey } from "./rows.ts";

/**
 * A database that was taken over from a legacy system, with `before` run ahead of the removal of the
 * users tables: so it has every table there ever is.
 */
export async function startMatrixDatabase(
  before: (db: TestDatabase) => Promise<void> = () => Promise.resolve(),
): Promise<TestDatabase> {
  const db = await startDatabase(17, { migrated: false });
  await adoptLegacy(db);
  await before(db);
  for (const id of [ann, bob]) await exportUser(db, id);
  await verifyUsers(db);
  await applyMigration(db.sql, removal);
  return db;
}

/** A user with a session for each. */
async function addAccounts(db: TestDatabase): Promise<Record<Person, Account>> {
  const added = people.map(async (name) => [name, await addPerson(db)] as const);
  return Object.fromEntries(await Promise.all(added)) as Record<Person, Account>;
}

/** Users as Supabase Auth would have them, their rows and their objects. */
export async function seedCast(db: TestDatabase): Promise<Cast> {
  const accounts = await addAccounts(db);
  const { signedOut, banned, deleted } = accounts;
  await db.admin`delete from auth.sessions where id = ${signedOut.sessionId}`;
  await db.admin`
    update auth.users set banned_until = now() + interval '1 hour' where id = ${banned.id}`;
  await db.admin`delete from auth.users where id = ${deleted.id}`;
  const rows = await seedRows(db.sql, accounts);
  const cast = {
    ...rows,
    objects: [...rows.objects, await addFormerFolder(db, accounts.owner.id)],
  };
  for (const { bucket, path } of cast.objects) {
    await db.admin`insert into storage.objects (bucket_id, name) values (${bucket}, ${path})`;
  }
  return cast;
}

/** Where the owner's objects lay in the legacy system, and lie until they are moved. */
async function addFormerFolder(db: TestDatabase, owner: string): Promise<StoredKey> {
  const former = crypto.randomUUID();
  await db.sql`insert into private.legacy_exports (legacy_user_id, supabase_user_id, origin)
    values (${former}, ${owner}, 'created')`;
  return { bucket: "uploads", kind: "video", owner: "owner", path: `videos/${former}/v.mp4` };
}

export interface Relation {
  /** Schema and name. */
  name: string;
  columns: readonly string[];
}

/** Every table, view and the like of the schemas that are ours. */
export async function readRelations(sql: Sql): Promise<Relation[]> {
  return [
    ...await sql<{ name: string; columns: string[] }[]>`
      select n.nspname || '.' || c.relname as name,
        array_agg(a.attname::text order by a.attnum) as columns
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
        and n.nspname in ('public', 'private', 'legacy_archive')
      group by 1 order by 1`,
  ];
}

/** Columns of storage.objects, whose rows are the objects of our buckets. */
export async function readObjectColumns(sql: Sql) {
  return await sql<{ table: string; column: string }[]>`
    select 'storage.objects' as table, attname::text as column from pg_attribute
    where attrelid = 'storage.objects'::regclass and attnum > 0 and not attisdropped order by attnum`;
}

/** Every function of our schemas as PostgreSQL writes it, and who may call it. */
export async function readRoutines(sql: Sql) {
  return await sql<{ signature: string; anon: boolean; user: boolean; service: boolean }[]>`
    select case when n.nspname = 'public' then 'public.' else '' end || p.oid::regprocedure::text as signature,
      has_function_privilege('anon', p.oid, 'execute') as anon,
      has_function_privilege('authenticated', p.oid, 'execute') as user,
      has_function_privilege('service_role', p.oid, 'execute') as service
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('public', 'private') and p.prokind in ('f', 'p') order by 1`;
}

/** Whose the objects of a kind are. */
export function readersOf({ bucket, kind }: { bucket: string; kind: string }): string {
  return buckets[bucket]?.[kind]?.readers ?? "nobody";
}

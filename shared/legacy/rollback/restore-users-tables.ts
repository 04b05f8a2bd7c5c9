import type postgres from "postgres";
import { LegacyError } from "../errors.ts";

/** The tables that the removal takes out of `public`, parents first. */
const usersTables = ["users", "refresh_tokens", "email_verification_tokens"] as const;

/** Version of the migration that removes them, as the history of `supabase db push` names it. */
export const removalVersion = "20270101000000";

/** What the rows did not allow to put back as it was. */
export interface RestoredTables {
  /** Tables whose foreign key to users could not be validated: some of their owners are unknown. */
  unvalidated: string[];
  /** Whether videos of organisations without an owner keep `videos.user_id` nullable. */
  unowned: boolean;
}

/**
 * Undoes what the removal of the users tables did to the schema: the tables and `user_tier` come
 * back out of `legacy_archive`, or are made empty where no user was removed; then columns, foreign
 * keys and indexes as the legacy system has them. Ends by taking the removal out of
 * `private.legacy_removals` and of the migration history, so that the next push runs it again.
 * Does nothing where the tables stand in `public` and no removal is recorded.
 *
 * Runs in the caller's transaction and locks videos, scenes and face_profiles until its end. Owners
 * must be legacy ids again by then.
 * @throws LegacyError refused when a video or person has an owner without a row in users, unless it
 * was decided to keep that owner
 */
export async function restoreUsersTables(sql: postgres.TransactionSql): Promise<RestoredTables> {
  const { archived, present } = await findTables(sql);
  if (archived) await takeOutOfArchive(sql);
  else if (!present) await createTables(sql);
  await restoreColumns(sql);
  await dropNewRules(sql);
  await assertOwnersKnown(sql);
  const restored = await restoreRules(sql);
  await forgetRemoval(sql);
  return restored;
}

async function findTables(
  sql: postgres.TransactionSql,
): Promise<{ archived: boolean; present: boolean }> {
  const [row] = await sql<[{ archived: boolean; present: boolean }]>`
    select to_regclass('legacy_archive.users') is not null as archived,
      to_regclass('public.users') is not null as present`;
  return row;
}

async function takeOutOfArchive(sql: postgres.TransactionSql): Promise<void> {
  await sql`alter type legacy_archive.user_tier set schema public`;
  for (const table of usersTables) {
    await sql`alter table ${sql(`legacy_archive.${table}`)} set schema public`;
  }
}

/** As 20261122100000 makes them; a test compares both. */
async function createTables(sql: postgres.TransactionSql): Promise<void> {
  await sql.unsafe(`
    create type public.user_tier as enum ('free', 'pro', 'enterprise');
    create table public.users (
      user_id uuid not null default gen_random_uuid(),
      supabase_user_id uuid,
      email varchar(255) not null,
      email_verified boolean not null default false,
      password_hash varchar(255),
      display_name varchar(255),
      avatar_url varchar(512),
      tier public.user_tier not null default 'free',
      created_at timestamptz not null default current_timestamp,
      updated_at timestamptz not null default current_timestamp,
      last_login_at timestamptz,
      industry varchar(100),
      job_title varchar(100),
      email_consent boolean not null default false,
      onboarding_completed boolean not null default false,
      constraint users_pkey primary key (user_id),
      constraint users_email_key unique (email),
      constraint users_supabase_user_id_key unique (supabase_user_id)
    );
    create index idx_users_email on public.users (email);
    create index idx_users_supabase_user_id on public.users (supabase_user_id);
    create table public.refresh_tokens (
      token_id uuid not null default gen_random_uuid(),
      user_id uuid not null,
      token_hash varchar(255) not null,
      expires_at timestamptz not null,
      revoked boolean not null default false,
      created_at timestamptz not null default current_timestamp,
      constraint refresh_tokens_pkey primary key (token_id),
      constraint refresh_tokens_token_hash_key unique (token_hash),
      constraint refresh_tokens_user_id_fkey foreign key (user_id) references public.users (user_id)
      on delete cascade
    );
    create table public.email_verification_tokens (
      token_id uuid not null default gen_random_uuid(),
      user_id uuid not null,
      token_hash varchar(255) not null,
      expires_at timestamptz not null,
      used boolean not null default false,
      created_at timestamptz not null default current_timestamp,
      constraint email_verification_tokens_pkey primary key (token_id),
      constraint email_verification_tokens_token_hash_key unique (token_hash),
      constraint email_verification_tokens_user_id_fkey foreign key (user_id)
      references public.users (user_id) on delete cascade
    );
  `).simple();
  for (const table of usersTables) {
    await sql`alter table ${sql(`public.${table}`)} enable row level security`;
    await sql`revoke all on table ${sql(`public.${table}`)} from public, anon, authenticated`;
  }
}

/** The words and vectors that the legacy system keeps in its tables; what is in them is not restored. */
async function restoreColumns(sql: postgres.TransactionSql): Promise<void> {
  await sql`alter table public.scenes add column if not exists tsv tsvector`;
  const [vector] = await sql<{ schema: string }[]>`
    select n.nspname as schema from pg_extension as e
    join pg_namespace as n on n.oid = e.extnamespace where e.extname = 'vector'`;
  if (!vector) return;
  const type = sql(`${vector.schema}.vector`);
  await sql`alter table public.scenes add column if not exists text_vec ${type}(1152),
    add column if not exists image_vec ${type}(1152)`;
  await sql`alter table public.face_profiles add column if not exists adaface_vec ${type}(512)`;
}

/** What the removal asks of the rows and the legacy system does not. */
async function dropNewRules(sql: postgres.TransactionSql): Promise<void> {
  await sql`drop index if exists public.face_profiles_user_id_name_key,
    public.rate_limits_user_id_resource_window_start_key`;
}

async function assertOwnersKnown(sql: postgres.TransactionSql): Promise<void> {
  const [{ count }] = await sql<[{ count: number }]>`
    select count(*)::int as count from (
      select user_id from public.videos union select user_id from public.face_profiles
    ) as owners
    where user_id is not null
      and not exists (select from public.users as u where u.user_id = owners.user_id)
      and not exists (
        select from private.legacy_decisions as d
        where d.kind = 'unknown_owner' and d.subject in ('*', owners.user_id::text))`;
  if (count === 0) return;
  throw new LegacyError(
    "refused",
    `Cannot put the users tables back: ${count} owners of videos or people are in no users row. ` +
      "Nothing was changed",
  );
}

/** Foreign keys, indexes and the one column that the removal opens for videos of organisations. */
async function restoreRules(sql: postgres.TransactionSql): Promise<RestoredTables> {
  const [{ unowned }] = await sql<[{ unowned: boolean }]>`
    select exists (select from public.videos where user_id is null) as unowned`;
  if (!unowned) await sql`alter table public.videos alter column user_id set not null`;
  const unvalidated: string[] = [];
  for (const table of ["videos", "face_profiles"]) {
    if (!await restoreForeignKey(sql, table)) unvalidated.push(table);
  }
  await sql`create index if not exists idx_videos_user_id on public.videos (user_id)`;
  await sql`create index if not exists idx_scenes_tsv on public.scenes using gin (tsv)`;
  return { unvalidated, unowned };
}

/** False when rows were kept whose owner no users row names: the key then holds for new rows only. */
async function restoreForeignKey(sql: postgres.TransactionSql, table: string): Promise<boolean> {
  const relation = sql(`public.${table}`);
  const name = sql(`${table}_user_id_fkey`);
  const [{ bound, sound }] = await sql<[{ bound: boolean; sound: boolean }]>`
    select exists (
        select from pg_constraint
        where conrelid = ${`public.${table}`}::regclass and contype = 'f'
          and confrelid = 'public.users'::regclass) as bound,
      not exists (
        select from ${relation} as t where user_id is not null
          and not exists (select from public.users as u where u.user_id = t.user_id)) as sound`;
  if (bound) return true;
  await sql`alter table ${relation} add constraint ${name}
    foreign key (user_id) references public.users (user_id) on delete cascade not valid`;
  if (sound) await sql`alter table ${relation} validate constraint ${name}`;
  return sound;
}

async function forgetRemoval(sql: postgres.TransactionSql): Promise<void> {
  await sql`delete from private.legacy_removals`;
  const [history] = await sql<{ there: boolean }[]>`
    select to_regclass('supabase_migrations.schema_migrations') is not null as there`;
  if (!history?.there) return;
  await sql`delete from supabase_migrations.schema_migrations where version = ${removalVersion}`;
}

import type postgres from "postgres";
import { toUserId } from "./users.ts";

/**
 * The users table of the design before, in a schema of its own: so many rows, the first of which are
 * the accounts that ask.
 */
export async function seedUsersTable(
  sql: postgres.Sql,
  { accounts, rows }: { accounts: number; rows: number },
): Promise<void> {
  const ids = Array.from({ length: accounts }, (_, number) => toUserId(number));
  await sql.unsafe(`
    create schema if not exists bench;
    create table bench.users (
      user_id uuid primary key default gen_random_uuid(),
      supabase_user_id uuid not null unique,
      email text not null unique,
      email_verified boolean not null default true,
      display_name text,
      onboarding_completed boolean not null default true,
      industry text,
      job_title text,
      email_consent boolean not null default true,
      preferences jsonb not null default '{"language":"ko","theme":"dark","timezone":"Asia/Seoul"}',
      tier text not null default 'enterprise',
      created_at timestamptz not null default now()
    )`);
  await sql`
    insert into bench.users (supabase_user_id, email, display_name, industry, job_title)
    select coalesce(id, gen_random_uuid()), n || '@studio.example.test', 'Kim Minji',
      'Broadcasting and post-production', 'Senior archive editor'
    from unnest(${ids}::uuid[]) with ordinality as known (id, n)
    full join generate_series(1, ${rows}::int) as numbers (n) using (n)`;
  await sql.unsafe("analyze bench.users");
}

import type postgres from "postgres";
import { toUserId } from "./users.ts";

/**
 * The users table of the design before, column by column, in a schema of its own: so many rows, the
 * first of which are the accounts that ask.
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
      supabase_user_id uuid unique,
      email varchar(255) not null unique,
      email_verified boolean not null default true,
      password_hash varchar(255),
      display_name varchar(255),
      avatar_url varchar(512),
      tier text not null default 'enterprise',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      last_login_at timestamptz default now(),
      industry varchar(100),
      job_title varchar(100),
      email_consent boolean not null default true,
      onboarding_completed boolean not null default true
    )`);
  await sql`
    insert into bench.users (supabase_user_id, email, display_name, industry, job_title)
    select coalesce(id, gen_random_uuid()), n || '@studio.example.test', 'Kim Minji',
      'Broadcasting and post-production', 'Senior archive editor'
    from unnest(${ids}::uuid[]) with ordinality as known (id, n)
    full join generate_series(1, ${rows}::int) as numbers (n) using (n)`;
  await sql.unsafe("analyze bench.users");
}

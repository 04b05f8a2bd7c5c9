import { createClient } from "@supabase/supabase-js";
import type { Sql } from "../../../local/kept-databases.ts";
import type { Stack } from "../../../local/stack.ts";

interface NaiveUser {
  supabase_user_id: string | null;
  display_name: string | null;
  onboarding_completed: boolean;
  industry: string | null;
  job_title: string | null;
  email_consent: boolean;
}

/** What the script logged at its end. */
export interface NaiveReport {
  success: number;
  errors: number;
}

/**
 * The script that went before the first migration to Supabase, line by line: five profile fields of
 * every user, one user after the other, errors counted and passed over.
 */
export async function exportNaively(
  stack: Stack,
  sql: Sql,
  limit?: number,
): Promise<NaiveReport> {
  const { auth } = createClient(stack.url, stack.secretKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const report = { success: 0, errors: 0 };
  const users = await sql<NaiveUser[]>`
    select supabase_user_id, display_name, onboarding_completed, industry, job_title, email_consent
    from public.users limit ${limit ?? null}`;
  for (const { supabase_user_id, ...profile } of users) {
    // As `str(None)` did, a user without an account is asked for by a word.
    const id = supabase_user_id ?? "None";
    const failed = await auth.admin.updateUserById(id, { user_metadata: profile })
      .then(({ error }) => error !== null, () => true);
    if (failed) report.errors++;
    else report.success++;
  }
  return report;
}

/** The migration that followed, statement by statement. */
export const naiveMigration: readonly string[] = [
  "alter table videos drop constraint videos_user_id_fkey",
  "alter table face_profiles drop constraint face_profiles_user_id_fkey",
  "alter table audit_events drop constraint if exists audit_events_user_id_fkey",
  "alter table rate_limits drop constraint if exists rate_limits_user_id_fkey",
  "drop table refresh_tokens",
  "drop table email_verification_tokens",
  "drop index idx_users_email",
  "drop index idx_users_supabase_user_id",
  "drop type if exists user_tier cascade",
  "drop table users",
];

import type postgres from "postgres";
import type { LegacyUser } from "./target.ts";

/** A row of the legacy `users` table as the driver answers it. */
interface UserRow {
  user_id: string;
  supabase_user_id: string | null;
  email: string;
  email_verified: boolean;
  password_hash: string | null;
  display_name: string | null;
  avatar_url: string | null;
  tier: LegacyUser["tier"];
  created_at: Date;
  updated_at: Date;
  last_login_at: Date | null;
  industry: string | null;
  job_title: string | null;
  email_consent: boolean;
  onboarding_completed: boolean;
}

const columns = [
  "user_id",
  "supabase_user_id",
  "email",
  "email_verified",
  "password_hash",
  "display_name",
  "avatar_url",
  "tier",
  "created_at",
  "updated_at",
  "last_login_at",
  "industry",
  "job_title",
  "email_consent",
  "onboarding_completed",
] as const satisfies (keyof UserRow)[];

const firstId = "00000000-0000-0000-0000-000000000000";

/**
 * Streams the legacy users in pages by their id, so that memory stays flat and no snapshot stays
 * open.
 */
export async function* readUserPages(
  sql: postgres.ISql,
  { pageSize = 500 }: { pageSize?: number } = {},
): AsyncGenerator<LegacyUser[]> {
  let after: string | undefined;
  for (;;) {
    // The nil UUID is an id like any other. One condition alone lets the index begin at the page.
    const begin = after === undefined ? sql`user_id >= ${firstId}` : sql`user_id > ${after}`;
    const page: UserRow[] = await sql<UserRow[]>`
      select ${sql(columns)} from public.users where ${begin}
      order by user_id limit ${pageSize}`;
    if (page.length > 0) yield page.map(toLegacyUser);
    if (page.length < pageSize) return;
    after = page.at(-1)?.user_id;
  }
}

/** The users of these legacy ids that there are, in no order. */
export async function readUsers(sql: postgres.ISql, ids: readonly string[]): Promise<LegacyUser[]> {
  const rows = await sql<UserRow[]>`
    select ${sql(columns)} from public.users where user_id = any(${[...ids]}::uuid[])`;
  return rows.map(toLegacyUser);
}

function toLegacyUser(row: UserRow): LegacyUser {
  return {
    userId: row.user_id,
    supabaseUserId: row.supabase_user_id,
    email: row.email,
    emailVerified: row.email_verified,
    passwordHash: row.password_hash,
    displayName: row.display_name,
    avatarUrl: row.avatar_url,
    tier: row.tier,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastLoginAt: row.last_login_at,
    industry: row.industry,
    jobTitle: row.job_title,
    emailConsent: row.email_consent,
    onboardingCompleted: row.onboarding_completed,
  };
}

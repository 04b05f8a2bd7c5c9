import type postgres from "postgres";
import type { Metadata } from "../../auth/metadata.ts";
import type { AuthRecord } from "../target.ts";

/** What Supabase Auth holds of some ids and addresses. */
export interface Accounts {
  byId(id: string): AuthRecord | undefined;
  /** Who has an address, as the e-mail of the account or of a social login. */
  holderOf(email: string): AuthRecord | undefined;
}

interface AccountRow {
  id: string;
  email: string | null;
  email_confirmed: boolean;
  password_hash: string | null;
  user_metadata: Metadata | null;
  app_metadata: Metadata | null;
  deleted: boolean;
  addresses: string[];
}

/**
 * Reads accounts by one statement that keeps to the indexes of the auth schema: Supabase Auth
 * stores addresses in lower case, and asks identities too before it creates a user. `offset 0` has
 * each item looked up by itself: the planner would read the whole table for every page otherwise.
 */
export async function readAccounts(
  sql: postgres.ISql,
  ids: readonly string[],
  emails: readonly string[],
): Promise<Accounts> {
  const rows = await sql<AccountRow[]>`
    with wanted as (
      select id from auth.users where id = any(${[...ids]}::uuid[])
      union
      select u.id from unnest(${[...emails]}::text[]) as a (email) cross join lateral (
        select id from auth.users where email = a.email and not is_sso_user offset 0
      ) as u
      union
      select i.user_id from unnest(${[...emails]}::text[]) as a (email) cross join lateral (
        select user_id from auth.identities
        where email = a.email and provider not like 'sso:%' offset 0
      ) as i
    )
    select u.id, lower(u.email) as email, u.email_confirmed_at is not null as email_confirmed,
      nullif(u.encrypted_password, '') as password_hash, u.raw_user_meta_data as user_metadata,
      u.raw_app_meta_data as app_metadata, u.deleted_at is not null as deleted,
      array(
        select i.email from auth.identities as i
        where i.user_id = u.id and i.email is not null and i.provider not like 'sso:%'
      ) as addresses
    from wanted cross join lateral (select * from auth.users where id = wanted.id offset 0) as u`;
  const byId = new Map<string, AuthRecord>();
  const byEmail = new Map<string, AuthRecord>();
  for (const row of rows) {
    const record = toRecord(row);
    byId.set(record.id, record);
    for (const address of row.addresses) byEmail.set(address.toLowerCase(), record);
  }
  // The account's own address goes before that of somebody's social login.
  for (const record of byId.values()) if (record.email) byEmail.set(record.email, record);
  return { byId: (id) => byId.get(id), holderOf: (email) => byEmail.get(email) };
}

function toRecord(row: AccountRow): AuthRecord {
  return {
    id: row.id,
    email: row.email,
    emailConfirmed: row.email_confirmed,
    passwordHash: row.password_hash,
    userMetadata: row.user_metadata ?? {},
    appMetadata: row.app_metadata ?? {},
    deleted: row.deleted,
  };
}

/**
 * Ids among these whose user is being erased or was erased, so that nobody may make the account
 * anew. A cancelled erasure does not count; a deletion that nobody drained yet does.
 */
export async function readErased(
  sql: postgres.ISql,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql<{ user_id: string }[]>`
    select user_id from private.erased_users where user_id = any(${[...ids]}::uuid[])
    union
    select user_id from private.erasures
    where kind = 'user' and state <> 'cancelled' and user_id = any(${[...ids]}::uuid[])
    union
    select e.user_id from unnest(${[...ids]}::uuid[]) as a (id) cross join lateral (
      select user_id from private.auth_events
      where user_id = a.id and type = 'user.deleted' offset 0
    ) as e`;
  return new Set(rows.map((row) => row.user_id));
}

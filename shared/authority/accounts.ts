import type { Transaction } from "../database/doors.ts";
import { AppError } from "../errors/app-error.ts";
import { isRecord } from "../json.ts";
import { isUuid } from "../text/uuid.ts";

/** A user of Supabase Auth as an operator names and changes one. */
export interface Account {
  userId: string;
  /** Empty for a user without an address. */
  email: string;
  /** `app_metadata` as it stands in the database, not as a token remembers it. */
  appMetadata: Record<string, unknown>;
}

interface AccountRow {
  user_id: string;
  email: string;
  is_confirmed: boolean;
  app_metadata: unknown;
}

/**
 * The user with this UUID or e-mail address. Needs the service door. Users who are deleted or whose
 * data are being erased are unknown. An address that nobody confirmed names nobody: whoever
 * registered it need not be whom it belongs to.
 * @throws AppError user_not_found, also when several users share the address (single sign-on)
 */
export async function findAccount(sql: Transaction, who: string): Promise<Account> {
  const rows = await sql<AccountRow[]>`
    select u.id as user_id, coalesce(u.email, '') as email,
      u.email_confirmed_at is not null as is_confirmed,
      coalesce(u.raw_app_meta_data, '{}'::jsonb) as app_metadata
    from auth.users as u
    where ${isUuid(who) ? sql`u.id = ${who}` : sql`u.email = lower(${who})`}
      and u.deleted_at is null
      and not exists (select from private.erased_users as e where e.user_id = u.id)
    limit 2`;
  const [row] = rows;
  if (!row) throw new AppError("user_not_found", `No user has the id or address "${who}"`);
  if (rows.length > 1) {
    throw new AppError("user_not_found", `Several users have the address "${who}", give an id`);
  }
  if (!isUuid(who) && !row.is_confirmed) {
    throw new AppError(
      "user_not_found",
      `Nobody has confirmed the address "${who}" yet, so anybody may have registered it. ` +
        "Wait until it is confirmed, or give an id",
    );
  }
  return { userId: row.user_id, email: row.email, appMetadata: toRecord(row.app_metadata) };
}

function toRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? { ...value } : {};
}

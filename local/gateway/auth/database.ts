import type postgres from "postgres";

export type Sql = postgres.Sql | postgres.TransactionSql;
export type Metadata = Record<string, unknown>;

/** A row of auth.users; times are absent as null. */
export interface UserRow {
  id: string;
  aud: string | null;
  role: string | null;
  email: string | null;
  encrypted_password: string | null;
  email_confirmed_at: Date | null;
  invited_at: Date | null;
  confirmation_token: string | null;
  confirmation_sent_at: Date | null;
  recovery_token: string | null;
  recovery_sent_at: Date | null;
  email_change: string | null;
  email_change_token_new: string | null;
  email_change_token_current: string | null;
  email_change_sent_at: Date | null;
  email_change_confirm_status: number | null;
  phone: string | null;
  phone_confirmed_at: Date | null;
  reauthentication_sent_at: Date | null;
  confirmed_at: Date | null;
  last_sign_in_at: Date | null;
  raw_app_meta_data: Metadata | null;
  raw_user_meta_data: Metadata | null;
  banned_until: Date | null;
  deleted_at: Date | null;
  is_sso_user: boolean;
  is_anonymous: boolean;
  created_at: Date;
  updated_at: Date;
}

/** A row of auth.identities. */
export interface IdentityRow {
  id: string;
  provider: string;
  provider_id: string;
  user_id: string;
  identity_data: Metadata;
  email: string | null;
  last_sign_in_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

/** Runs `work` in one transaction; what it throws rolls back. */
export async function inTransaction<T>(
  sql: postgres.Sql,
  work: (tx: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  let result: { value: T } | undefined;
  await sql.begin(async (tx) => {
    result = { value: await work(tx) };
  });
  if (result === undefined) throw new Error("The transaction ended without a result");
  return result.value;
}

/** A jsonb parameter. */
export function jsonOf(sql: Sql, value: Metadata): postgres.Parameter {
  return sql.json(value as postgres.JSONValue);
}

/** SQLSTATE of an error raised by PostgreSQL. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

import type { Metadata, Sql, UserRow } from "./database.ts";
import { jsonOf } from "./database.ts";

type Actor = Pick<UserRow, "id" | "email"> | null;

/** One row of auth.audit_log_entries, in Supabase Auth's shape (it holds the e-mail address). */
export async function writeAudit(
  sql: Sql,
  actor: Actor,
  action: string,
  logType: "account" | "user" | "team" | "token",
  traits?: Metadata,
): Promise<void> {
  const payload = {
    action,
    actor_id: actor?.id ?? "00000000-0000-0000-0000-000000000000",
    actor_username: actor?.email ?? "service_role",
    actor_via_sso: false,
    log_type: logType,
    ...(traits ? { traits } : {}),
  };
  await sql`
    insert into auth.audit_log_entries (id, payload, created_at)
    values (${crypto.randomUUID()}, ${jsonOf(sql, payload)}, now())`;
}

/** Traits that name the user an administrator acted on. */
export function describeSubject(user: UserRow): Metadata {
  return { user_id: user.id, user_email: user.email ?? "", user_phone: user.phone ?? "" };
}

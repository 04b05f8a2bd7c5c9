import { writeAudit } from "./audit.ts";
import type { Sql, UserRow } from "./database.ts";

/**
 * Stores a new hash, ends every pending code and link, and deletes the user's sessions but the
 * one to keep.
 */
export async function replacePassword(
  tx: Sql,
  user: UserRow,
  hash: string,
  keptSession: string | null,
): Promise<void> {
  await tx`
    update auth.users
    set encrypted_password = ${hash}, confirmation_token = null, recovery_token = null,
        email_change_token_current = null, email_change_token_new = null,
        reauthentication_token = null, updated_at = now()
    where id = ${user.id}`;
  await tx`
    delete from auth.sessions
    where user_id = ${user.id} and id is distinct from ${keptSession}::uuid`;
  await writeAudit(tx, user, "user_updated_password", "user");
}

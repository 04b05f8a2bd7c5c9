import { requireAdmin } from "./bearer.ts";
import type { AuthContext } from "./context.ts";
import type { UserRow } from "./database.ts";
import { AuthError, validationFailed } from "./errors.ts";
import { findUserById, isUuid } from "./users.ts";

/** The user of /admin/users/:id, for an administrator only. */
export async function requireSubject(c: AuthContext): Promise<UserRow> {
  await requireAdmin(c);
  const id = c.req.param("id");
  if (!isUuid(id)) throw validationFailed("user_id must be an UUID", 404);
  const user = await findUserById(c.var.services.sql, id);
  if (!user) throw new AuthError(404, "user_not_found", "User not found");
  return user;
}

import { z } from "zod";
import { requireSubject } from "../../admin-subject.ts";
import { describeSubject, writeAudit } from "../../audit.ts";
import { readOptionalBody } from "../../body.ts";
import type { AuthApp } from "../../context.ts";
import { inTransaction } from "../../database.ts";
import { unexpectedFailure } from "../../errors.ts";
import { flagField } from "../../fields.ts";
import { softDeleteUser } from "../../soft-delete.ts";

/** DELETE /admin/users/:id; `{"should_soft_delete": true}` keeps an empty shell of the row. */
export function registerDeleteUser(app: AuthApp): void {
  app.delete("/admin/users/:id", async (c) => {
    const user = await requireSubject(c);
    const body = await readOptionalBody(c, z.object({ should_soft_delete: flagField }));
    await inTransaction(c.var.services.sql, async (tx) => {
      await writeAudit(tx, null, "user_deleted", "team", describeSubject(user));
      if (!body.should_soft_delete) await tx`delete from auth.users where id = ${user.id}`;
      else if (user.deleted_at === null) await softDeleteUser(tx, user);
    }).catch((cause) => {
      throw unexpectedFailure("Database error deleting user", cause);
    });
    return c.json({});
  });
}

import { requireSubject } from "../../admin-subject.ts";
import type { AuthApp } from "../../context.ts";
import { loadUserJson } from "../../users.ts";

/** GET /admin/users/:id, soft-deleted users included; nobody has a second factor here. */
export function registerAdminGetUser(app: AuthApp): void {
  app.get("/admin/users/:id", async (c) => {
    const user = await requireSubject(c);
    return c.json(await loadUserJson(c.var.services.sql, user.id));
  });
  app.get("/admin/users/:id/factors", async (c) => {
    await requireSubject(c);
    return c.json([]);
  });
}

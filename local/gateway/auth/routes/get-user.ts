import { requireUser } from "../bearer.ts";
import type { AuthApp } from "../context.ts";
import { validationFailed } from "../errors.ts";
import { loadUserJson } from "../users.ts";

/** The signed-in user as the database knows them now. */
export function registerGetUser(app: AuthApp): void {
  app.get("/user", async (c) => {
    const { user, claims } = await requireUser(c);
    const audience = Array.isArray(claims.aud) ? claims.aud[0] : claims.aud;
    if (audience !== (c.req.header("x-jwt-aud") ?? "authenticated")) {
      throw validationFailed("Token audience doesn't match request audience");
    }
    return c.json(await loadUserJson(c.var.services.sql, user.id));
  });
}

import type { AuthApp } from "../context.ts";
import { forwardToLite } from "../lite-backend.ts";

/** What lite answers as Supabase Auth does, unchanged. */
export function registerForwarded(app: AuthApp): void {
  for (const path of ["/settings", "/health", "/authorize"]) {
    app.get(path, (c) => forwardToLite(c, path));
  }
}

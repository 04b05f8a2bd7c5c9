import { type App, createBaseApp } from "../../../shared/http/base-app.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { registerGetSearch } from "./routes/get-search.ts";
import { registerPostSearch } from "./routes/post-search.ts";

export function createApp(deps: Deps): App {
  const app = createBaseApp("search", deps);
  registerGetSearch(app);
  registerPostSearch(app);
  return app;
}

import { type App, createBaseApp } from "../../../shared/http/base-app.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { registerGetSearch } from "./routes/get-search.ts";
import { registerPostSearch } from "./routes/post-search.ts";

/** The longest query and a vector written out as numbers. */
const maxBodyBytes = 131_072;

export function createApp(deps: Deps): App {
  const app = createBaseApp("search", deps, { maxBodyBytes: () => maxBodyBytes });
  registerGetSearch(app);
  registerPostSearch(app);
  return app;
}

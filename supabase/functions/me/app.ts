import { type App, createBaseApp } from "../../../shared/http/base-app.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { registerGetExport } from "./routes/get-export.ts";
import { createKnownProfile } from "./known-profile.ts";
import { registerGetProfile } from "./routes/get-profile.ts";
import { registerGetUsage } from "./routes/get-usage.ts";
import { registerRequestExport } from "./routes/request-export.ts";
import { registerUpdateProfile } from "./routes/update-profile.ts";

export function createApp(deps: Deps): App {
  const app = createBaseApp("me", deps, { shortcut: createKnownProfile(deps) });
  registerGetProfile(app);
  registerUpdateProfile(app);
  registerGetUsage(app);
  registerRequestExport(app);
  registerGetExport(app);
  return app;
}

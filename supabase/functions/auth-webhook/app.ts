import { type App, createBaseApp } from "../../../shared/http/base-app.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { registerDrainEvents } from "./routes/drain-events.ts";
import { registerReceiveEvent } from "./routes/receive-event.ts";

// An event names a user and little else; what is larger is not read, let alone hashed.
const maxBodyBytes = 200_000;

export function createApp(deps: Deps): App {
  const app = createBaseApp("auth-webhook", deps, { maxBodyBytes: () => maxBodyBytes });
  registerReceiveEvent(app);
  registerDrainEvents(app);
  return app;
}

import { createApp as createAuthOnboarding } from "../../supabase/functions/auth-onboarding/app.ts";
import { createApp as createAuthWebhook } from "../../supabase/functions/auth-webhook/app.ts";
import { createApp as createMe } from "../../supabase/functions/me/app.ts";
import { createApp as createPeople } from "../../supabase/functions/people/app.ts";
import { createApp as createSearch } from "../../supabase/functions/search/app.ts";
import { createApp as createVideos } from "../../supabase/functions/videos/app.ts";
import type { App } from "../../shared/http/base-app.ts";
import type { Deps } from "../../shared/http/deps.ts";

/** Builds every function's app by its name. */
export const createApps: Readonly<Record<string, (deps: Deps) => App>> = {
  "auth-onboarding": createAuthOnboarding,
  "auth-webhook": createAuthWebhook,
  me: createMe,
  people: createPeople,
  search: createSearch,
  videos: createVideos,
};

/** What an app answers, as `METHOD /path`; middleware is left out. */
export function registeredRoutes(app: App): string[] {
  const routes = app.routes.filter(({ path }) => path !== "/*");
  return [...new Set(routes.map(({ method, path }) => `${method} ${path}`))].sort();
}

import type { AuthUser } from "../../../shared/auth/auth-user.ts";
import { toProfile } from "../../../shared/auth/profile.ts";
import type { Shortcut } from "../../../shared/http/base-app.ts";
import type { Deps } from "../../../shared/http/deps.ts";

/**
 * GET /me of a user whose token was verified before: what `routes/get-profile.ts` answers, without
 * the chain of middleware that leads there (docs/adr/0014).
 */
export function createKnownProfile({ verifier }: Deps): Shortcut {
  const profiles = new WeakMap<AuthUser, string>();
  return (request, pathOf, frame) => {
    if (request.method !== "GET" || request.url.includes("?")) return undefined;
    const header = request.headers.get("authorization");
    if (!header?.startsWith("Bearer ") || pathOf(request) !== "/") return undefined;
    const started = performance.now();
    const known = verifier.recall?.(header.slice("Bearer ".length));
    if (known === undefined) return undefined;
    const opened = frame.open(request);
    opened.timings.set("auth", opened.started - started);
    const answer = answerJson(textOf(known.user, profiles));
    const outcome = { route: "/", userId: known.user.supabaseUserId, code: null };
    return frame.close(request, opened, answer, outcome);
  };
}

function textOf(user: AuthUser, profiles: WeakMap<AuthUser, string>): string {
  const known = profiles.get(user);
  if (known !== undefined) return known;
  const text = JSON.stringify(toProfile(user));
  profiles.set(user, text);
  return text;
}

function answerJson(text: string): Response {
  return new Response(text, { headers: { "content-type": "application/json" } });
}

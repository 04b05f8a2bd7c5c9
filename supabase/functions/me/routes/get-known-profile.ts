import type { AuthUser } from "../../../../shared/auth/auth-user.ts";
import { toProfile } from "../../../../shared/auth/profile.ts";
import type { Shortcut } from "../../../../shared/http/base-app.ts";
import type { Deps } from "../../../../shared/http/deps.ts";

/**
 * GET /me of a user whose token was verified before: the same answer as `get-profile.ts` without
 * the framework, which takes as long as everything else together (docs/adr/0014).
 */
export function createKnownProfile({ verifier }: Deps): Shortcut {
  const answers = new WeakMap<AuthUser, Response>();
  return (request, path, frame) => {
    if (request.method !== "GET" || path !== "/" || request.url.includes("?")) return undefined;
    const header = request.headers.get("authorization");
    if (!header?.startsWith("Bearer ")) return undefined;
    const opened = frame.open(request);
    const known = verifier.recall?.(header.slice("Bearer ".length));
    if (known === undefined) return undefined;
    opened.timings.set("auth", performance.now() - opened.started);
    let answer = answers.get(known.user);
    if (answer === undefined) {
      answer = frame.complete(Response.json(toProfile(known.user)));
      answers.set(known.user, answer);
    }
    const outcome = { route: "/", userId: known.user.supabaseUserId, code: null };
    return frame.close(request, opened, answer.clone(), outcome);
  };
}

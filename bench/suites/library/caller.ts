import { createHash } from "node:crypto";
import { toAuthUser } from "../../../shared/auth/auth-user.ts";
import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import { readEnv } from "../../../shared/env.ts";
import { createDeps, type Deps } from "../../../shared/http/deps.ts";

/** The user with a tenth of all scenes, and one of the others. */
export const users = { heavy: 1, median: 100 } as const;

/** The same as the seed's `md5('...')::uuid`. */
function seededId(name: string): string {
  const hex = createHash("md5").update(name).digest("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** A user of the seed as the routes know it once the token is verified; its session lives. */
export function createCaller(number: number): VerifiedToken {
  const claims = {
    sub: seededId(`user ${number}`),
    session_id: seededId(`session ${number}`),
    role: "authenticated",
    aud: "authenticated",
    email: `${number}@example.test`,
  };
  return { user: toAuthUser(claims), claims, token: "" };
}

/** What the routes get, for a database without a project around it. */
export function openDeps(databaseUrl: string): Deps {
  return createDeps(readEnv({
    SUPABASE_URL: "http://127.0.0.1:9",
    SUPABASE_PUBLISHABLE_KEY: "sb_publishable_none",
    SUPABASE_SECRET_KEY: "sb_secret_none",
    DATABASE_URL: databaseUrl,
    HEIMDEX_CURSOR_KEY: crypto.randomUUID() + crypto.randomUUID(),
  }));
}

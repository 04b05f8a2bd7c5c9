import { createDeps, type Deps } from "../../shared/http/deps.ts";
import { readEnv } from "../../shared/env.ts";
import { useStack } from "./stack.ts";

export interface DepsOverrides extends Partial<Deps> {
  /** Merged over the environment the stack gives its functions. */
  environment?: Record<string, string | undefined>;
}

/** A port on which nothing listens and which fetch does not block, so that connecting is refused. */
export const deadPort = 2;

/**
 * The dependencies a function of this stack has, in this process, with some of them replaced:
 * `createApp(depsWith({ environment: { SUPABASE_DB_URL: ... } })).request("/me", ...)`.
 */
export function depsWith({ environment, ...overrides }: DepsOverrides = {}): Deps {
  const env = readEnv({ ...useStack().environment, ...environment });
  return { ...createDeps(env), log: () => {}, ...overrides };
}

/** The environment of a stack whose database, Supabase Auth or Storage does not answer. */
export function withOutage(part: "database" | "supabase"): Record<string, string> {
  const { url, jwtIssuer, databaseUrl } = useStack();
  if (part === "supabase") {
    return { SUPABASE_URL: `http://127.0.0.1:${deadPort}`, HEIMDEX_JWT_ISSUER: jwtIssuer };
  }
  const dead = new URL(databaseUrl);
  dead.hostname = "127.0.0.1";
  dead.port = String(deadPort);
  return { SUPABASE_URL: url, DATABASE_URL: dead.href, SUPABASE_DB_URL: dead.href };
}

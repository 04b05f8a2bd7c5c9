import type { JSONWebKeySet } from "jose";
import { type Env, readEnv } from "../../../shared/env.ts";
import { AppError } from "../../../shared/errors/app-error.ts";

export const projectUrl = "https://abc.supabase.co";
export const projectIssuer = `${projectUrl}/auth/v1`;

/** The environment of a deployment without anything that runs. */
export function deploymentEnv(extra: Record<string, string> = {}): Env {
  return readEnv({
    SUPABASE_URL: projectUrl,
    SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
    SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
    SUPABASE_DB_URL: "postgresql://localhost/postgres",
    ...extra,
  });
}

/** `accepted`, or the code of the AppError; anything else that is thrown fails the test. */
export async function verdictOf(verifying: Promise<unknown>): Promise<string> {
  return await verifying.then(() => "accepted", (error) => {
    if (error instanceof AppError) return error.code;
    throw error;
  });
}

/** What answers where a deployment looks for its keys. */
export interface KeyServer {
  /** For SUPABASE_URL. */
  readonly url: string;
  /** How often the keys were asked for. */
  requests: number;
  /** What the next requests are answered; default: `keys`. */
  answer: () => Response | Promise<Response>;
  keys: JSONWebKeySet;
  stop(): Promise<void>;
}

/** Serves a key set on loopback, and counts; `/elsewhere` is where a redirect may point. */
export function serveKeys(keys: JSONWebKeySet): KeyServer {
  const ending = new AbortController();
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => {}, signal: ending.signal };
  const server = Deno.serve(options, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/elsewhere") return Response.json(served.keys);
    if (pathname !== "/auth/v1/.well-known/jwks.json") return new Response(null, { status: 404 });
    served.requests++;
    return served.answer();
  });
  const served: KeyServer = {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests: 0,
    answer: () => Response.json(served.keys),
    keys,
    stop: () => {
      // Not shutdown(), which waits for answers that a test may hold for ever.
      ending.abort();
      return server.finished;
    },
  };
  return served;
}

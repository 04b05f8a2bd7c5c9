import type { SupabaseClient } from "@supabase/supabase-js";

/** Milliseconds after which a service of Supabase counts as down; GoTrue itself gives up after 10 s. */
const serviceTimeout = 10_000;

/** `fetch` that gives up after so many milliseconds: a plain one hangs as long as the other side. */
export function fetchWithin(milliseconds: number = serviceTimeout): typeof fetch {
  return (input, init) => {
    const timeout = AbortSignal.timeout(milliseconds);
    const signal = init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
    return fetch(input, { ...init, signal });
  };
}

interface LoadOptions {
  timeoutMs?: number | undefined;
  headers?: Record<string, string>;
}

/**
 * A client of the project's services with this key and no session of its own. supabase-js is loaded
 * here and nowhere else, at the first use: it takes longer than all other modules together, and most
 * requests never need it.
 * @param options.timeoutMs milliseconds after which one of its requests counts as failed; default
 * 10,000
 * @param options.headers sent with each of its requests
 */
export async function loadClient(
  supabaseUrl: string,
  key: string,
  { timeoutMs = serviceTimeout, headers = {} }: LoadOptions = {},
): Promise<SupabaseClient> {
  const { createClient } = await import("@supabase/supabase-js");
  return createClient(supabaseUrl, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: { fetch: fetchWithin(timeoutMs), headers },
  });
}

import { createClient, FunctionsHttpError, type SupabaseClient } from "@supabase/supabase-js";

/** What an app is told of the project it talks to, and nothing else. */
export interface Project {
  url: string;
  publishableKey: string;
}

interface InvokeOptions {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  // deno-lint-ignore no-explicit-any -- the type supabase-js gives a body
  body?: string | Record<string, any>;
  headers?: Record<string, string>;
}

/** A refusal of one of our functions, with the code of its problem document. */
export class Refusal extends Error {
  override name = "Refusal";

  constructor(readonly status: number, readonly code: string, detail: string) {
    super(`${status} ${code}: ${detail}`);
  }
}

/** One installation of the app: a Supabase client with a session of its own, kept in memory. */
export class Device {
  readonly supabase: SupabaseClient;

  constructor(project: Project) {
    this.supabase = createClient(project.url, project.publishableKey, {
      auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    });
  }

  /** Calls an edge function and returns its JSON; throws a Refusal with its problem document. */
  async invoke<T>(path: string, options: InvokeOptions = {}): Promise<T> {
    const { data, error } = await this.supabase.functions.invoke(path, options);
    if (!error) return data;
    if (!(error instanceof FunctionsHttpError)) throw error;
    const response: Response = error.context;
    const { code, detail, title } = await response.json();
    throw new Refusal(response.status, code, detail ?? title);
  }

  /** Access token of the session this device holds. */
  async accessToken(): Promise<string> {
    const { data, error } = await this.supabase.auth.getSession();
    if (error) throw error;
    if (!data.session) throw new Error("This device is signed in as nobody");
    return data.session.access_token;
  }
}

/** Client of somebody who runs the project: it holds the secret key and never signs in. */
export function operatorClient(url: string, secretKey: string): SupabaseClient {
  return createClient(url, secretKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  });
}

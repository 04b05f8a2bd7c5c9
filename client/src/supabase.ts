/** What invoke takes; every version of supabase-js 2 from 2.90 on has it. */
export interface InvokeOptions {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: string;
  headers: Record<string, string>;
  signal?: AbortSignal;
}

interface Outcome {
  error: Error | null;
}

/** As much of a supabase-js client as is used here, so that every schema type of yours fits. */
export interface SupabaseLike {
  readonly functions: {
    invoke(name: string, options: InvokeOptions): Promise<{ data: unknown; error: unknown }>;
  };
  readonly auth: {
    setSession(tokens: { access_token: string; refresh_token: string }): Promise<Outcome>;
    refreshSession(): Promise<Outcome>;
    signOut(options: { scope: "global" | "local" | "others" }): Promise<Outcome>;
  };
}

import { argv, env, stdout } from "node:process";
import postgres from "postgres";
import { z } from "zod";
import type { Stack } from "../../../local/stack.ts";
import { runFlags } from "../../../tools/deno.mjs";

const answerSchema = z.object({ seconds: z.number() });

/**
 * Creates an account for every legacy user through the Admin API, so many at once, and does nothing
 * else: what Supabase Auth itself can take. A process of its own, as ours is: this one holds the
 * Auth server, which would have to wait. Returns seconds, without the time to start and to make the
 * requests.
 */
export async function createPlainly({ environment }: Stack, concurrency: number): Promise<number> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...runFlags, new URL(import.meta.url).pathname, String(concurrency)],
    env: environment,
    stdout: "piped",
    stderr: "piped",
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`The plain load failed: ${err}`);
  return answerSchema.parse(JSON.parse(out ?? "")).seconds;
}

const settingsSchema = z.object({
  SUPABASE_URL: z.string(),
  SUPABASE_DB_URL: z.string(),
  SUPABASE_SECRET_KEYS: z.string().transform((text) =>
    z.object({ default: z.string() }).parse(JSON.parse(text)).default
  ),
});

async function readBodies(databaseUrl: string): Promise<string[]> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  const rows = await sql<{ body: string }[]>`
    select jsonb_build_object('id', user_id, 'email', email, 'email_confirm', true,
      'password_hash', password_hash,
      'user_metadata', jsonb_build_object('display_name', display_name, 'industry', industry,
        'job_title', job_title, 'onboarding_completed', onboarding_completed,
        'email_consent', email_consent),
      'app_metadata', jsonb_build_object('tier', tier, 'legacy_created_at', created_at))::text
      as body
    from public.users order by user_id`.finally(() => sql.end());
  return rows.map(({ body }) => body);
}

async function load(concurrency: number): Promise<number> {
  const { SUPABASE_URL, SUPABASE_DB_URL, SUPABASE_SECRET_KEYS: key } = settingsSchema.parse(env);
  const waiting = (await readBodies(SUPABASE_DB_URL)).values();
  const headers = {
    apikey: key,
    authorization: `Bearer ${key}`,
    "content-type": "application/json",
    "x-supabase-api-version": "2024-01-01",
  };
  const send = async () => {
    for (const body of waiting) {
      const response = await fetch(`${SUPABASE_URL}/auth/v1/admin/users`, {
        method: "POST",
        headers,
        body,
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`Supabase Auth answered ${response.status} ${text}`);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: concurrency }, send));
  return (performance.now() - started) / 1000;
}

if (import.meta.main) stdout.write(JSON.stringify({ seconds: await load(Number(argv[2])) }));

/** A complete environment of a function; nothing in it exists. */
export const fixedEnvironment: Readonly<Record<string, string>> = {
  SUPABASE_URL: "http://127.0.0.1:2",
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_bench"}',
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_bench"}',
  SUPABASE_DB_URL: "postgresql://postgres@127.0.0.1:2/postgres",
  HEIMDEX_CURSOR_KEY: "a-key-for-cursors-of-the-benchmark",
  HEIMDEX_WEBHOOK_SECRETS: `v1,whsec_${"a".repeat(32)}`,
};

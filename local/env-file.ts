import type { Stack } from "./stack.ts";

/**
 * Writes the running stack's addresses and keys as shell assignments, so that tests, the heimdex
 * command or an app can be pointed at it: `set -a; . .heimdex/stack.env; set +a`.
 */
export async function writeEnvFile(path: string, stack: Omit<Stack, "stop">): Promise<void> {
  const variables: Record<string, string> = {
    ...stack.environment,
    DATABASE_URL: stack.databaseUrl,
    HEIMDEX_ADMIN_DATABASE_URL: stack.adminDatabaseUrl,
    HEIMDEX_MAIL_URL: stack.mailUrl,
    HEIMDEX_SIGNING_KEY: JSON.stringify(stack.signingKey),
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}\n`);
  await Deno.writeTextFile(path, lines.join(""), { mode: 0o600 });
}

function quote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

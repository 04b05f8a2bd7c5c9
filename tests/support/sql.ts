import postgres from "postgres";
import { afterAll } from "vitest";
import { useStack } from "./stack.ts";

export type Sql = postgres.Sql;
export type Transaction = postgres.TransactionSql;
export type DatabaseRole = "anon" | "authenticated" | "service_role";

const open = new Map<string, Sql>();

afterAll(async () => {
  const clients = [...open.values()];
  open.clear();
  await Promise.all(clients.map((sql) => sql.end({ timeout: 5 })));
});

function connect(url: string): Sql {
  const known = open.get(url);
  if (known) return known;
  const sql = postgres(url, { max: 3, onnotice: () => {} });
  open.set(url, sql);
  return sql;
}

/** SQL as `supabase_admin` where the stack tells its URL, else as `postgres`. Closed after the file. */
export function adminSql(): Sql {
  const { adminDatabaseUrl, databaseUrl } = useStack();
  return connect(adminDatabaseUrl ?? databaseUrl);
}

/** SQL as `postgres`, which is no superuser: what the functions and migrations connect as. */
export function postgresSql(): Sql {
  return connect(useStack().databaseUrl);
}

/** True where `adminSql()` is a superuser: pass it to `describe.runIf`. */
export function hasAdminSql(): boolean {
  return useStack().adminDatabaseUrl !== undefined;
}

/**
 * Runs `fn` in one transaction as a Data API request would run: as this role, with these claims.
 * Commits when `fn` resolves. Claims without a role get this one.
 */
export async function asRole<T>(
  role: DatabaseRole,
  claims: Record<string, unknown>,
  fn: (sql: Transaction) => Promise<T>,
): Promise<T> {
  const sent = JSON.stringify({ role, ...claims });
  const result = await postgresSql().begin(async (sql) => {
    await sql`
      select set_config('role', ${role}, true),
             set_config('request.jwt.claims', ${sent}, true)
    `;
    return { value: await fn(sql) };
  });
  return (result as { value: T }).value;
}

/** Claims of an access token, as the gateway would set them. Nothing is verified here. */
export function claimsOf(accessToken: string): Record<string, unknown> {
  const [, payload = ""] = accessToken.split(".");
  return JSON.parse(Buffer.from(payload, "base64url").toString());
}

import type { Sql, TestDatabase, Transaction } from "./database.ts";

export interface Person {
  id: string;
  sessionId: string;
}

export interface PersonOptions {
  id?: string;
  email?: string;
  appMetadata?: Record<string, unknown>;
  userMetadata?: Record<string, unknown>;
  confirmed?: boolean;
}

/** A user of Supabase Auth with one session, written as Supabase Auth itself would. */
export async function addPerson(db: TestDatabase, o: PersonOptions = {}): Promise<Person> {
  const id = o.id ?? crypto.randomUUID();
  const sessionId = crypto.randomUUID();
  await asAuthAdmin(db.admin, async (sql) => {
    await sql`
      insert into auth.users (id, email, raw_app_meta_data, raw_user_meta_data, email_confirmed_at, created_at)
      values (${id}, ${o.email ?? `${id}@example.test`}, ${sql.json(json(o.appMetadata))},
        ${sql.json(json(o.userMetadata))}, ${o.confirmed === false ? null : new Date()}, now())`;
    await sql`insert into auth.sessions (id, user_id) values (${sessionId}, ${id})`;
  });
  return { id, sessionId };
}

function json(value: Record<string, unknown> = {}) {
  return JSON.parse(JSON.stringify(value));
}

/** Runs as the role that Supabase Auth connects with. Commits. */
export function asAuthAdmin<T>(admin: Sql, fn: (sql: Transaction) => Promise<T>): Promise<T> {
  return within(admin, "supabase_auth_admin", undefined, fn);
}

/** Runs as a signed-in user with the claims of a token. Commits. */
export function asPerson<T>(
  sql: Sql,
  { id, sessionId }: Person,
  fn: (sql: Transaction) => Promise<T>,
): Promise<T> {
  return within(
    sql,
    "authenticated",
    { sub: id, session_id: sessionId, role: "authenticated" },
    fn,
  );
}

/** Runs as one of the roles of the Data API. Commits. */
export async function within<T>(
  sql: Sql,
  role: string,
  claims: Record<string, unknown> | undefined,
  fn: (sql: Transaction) => Promise<T>,
): Promise<T> {
  const outcome: { value?: T } = {};
  await sql.begin(async (transaction) => {
    await transaction`
      select set_config('role', ${role}, true),
        set_config('request.jwt.claims', ${claims ? JSON.stringify(claims) : ""}, true)`;
    outcome.value = await fn(transaction);
  });
  return outcome.value as T;
}

/** What a refused statement says: SQLSTATE, message and detail. Throws when it is not refused. */
export async function refusalOf(
  work: Promise<unknown>,
): Promise<{ code: string; message: string; detail: string }> {
  const outcome = await work.then(() => undefined, (error: unknown) => error);
  if (!(outcome instanceof Error)) {
    throw new Error("Expected a refusal: the statement went through");
  }
  const { code, message, detail } = outcome as Error & { code: string; detail: string };
  return { code, message, detail };
}

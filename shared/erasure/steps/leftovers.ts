import type { Transaction } from "../../database/doors.ts";
import { deleteAuthUser } from "../account/delete-auth-user.ts";
import { withoutRight } from "../auth-tables.ts";
import type { Leftover } from "../erasure.ts";
import type { Scope } from "../manifest-rules.ts";
import type { ErasureRun, StepOutcome } from "../run.ts";
import { ofNobodyElse } from "../stored-objects.ts";

/** Rows of Supabase Auth that outlive their user. The audit log names users by address as well. */
const authTables = [
  "auth.sessions",
  "auth.refresh_tokens",
  "auth.flow_state",
  "auth.audit_log_entries",
] as const;

/**
 * Deletes what Supabase Auth keeps of a deleted user: the empty shell a soft deletion leaves, the
 * audit log, flows and tokens without a session. What the project's role may not delete is written
 * down for the receipt.
 * @throws AppError auth_unavailable.
 */
export async function clearAuthLeftovers(run: ErasureRun): Promise<StepOutcome> {
  if (run.job.kind === "person") return "done";
  const shell = await run.page(async (sql, { userId }) => ({
    value: await hasShell(sql, userId),
  }));
  if (shell) await deleteAuthUser(run.ctx.auth, run.userId);
  await run.page(async (sql, scope) => {
    const { userId } = scope;
    const closed = await withoutRight(sql, authTables);
    for (const table of authTables) {
      if (!closed.includes(table)) await deleteFrom(sql, table, userId);
    }
    const denied = [...closed, ...await clearOwner(sql, scope)];
    // The deletion of the shell has written an event of its own.
    await sql`delete from private.auth_events where user_id = ${userId}`;
    const leftovers = mergeLeftovers(run.job.leftovers, denied);
    return { value: undefined, change: { leftovers } };
  });
  return "done";
}

async function hasShell(sql: Transaction, userId: string): Promise<boolean> {
  await sql`select private.require_deleted_user(${userId})`;
  const [row] = await sql<{ found: boolean }[]>`
    select exists (select from auth.users where id = ${userId}) as found`;
  return row?.found ?? false;
}

async function deleteFrom(
  sql: Transaction,
  table: typeof authTables[number],
  userId: string,
): Promise<void> {
  switch (table) {
    case "auth.sessions":
      await sql`delete from auth.sessions where user_id = ${userId}`;
      return;
    case "auth.refresh_tokens":
      await sql`delete from auth.refresh_tokens where user_id = ${userId}`;
      return;
    case "auth.flow_state":
      await sql`delete from auth.flow_state where user_id = ${userId}`;
      return;
    case "auth.audit_log_entries":
      await sql`
        delete from auth.audit_log_entries
        where payload ->> 'actor_id' = ${userId} or payload -> 'traits' ->> 'user_id' = ${userId}`;
  }
}

/** Objects that lie with an organization or with another user may still name who uploaded them. */
async function clearOwner(sql: Transaction, scope: Scope): Promise<string[]> {
  const [right] = await sql<{ given: boolean }[]>`
    select has_table_privilege('storage.objects', 'select')
      and has_table_privilege('storage.objects', 'update') as given`;
  if (!right?.given) return ["storage.objects.owner_id"];
  await sql`
    update storage.objects as o set owner = null, owner_id = null
    where o.owner_id = ${scope.userId}
      and (starts_with(o.name, 'organizations/') or not (${ofNobodyElse(sql, scope)}))`;
  return [];
}

const noRight = "The role of this project may not delete there; the platform keeps it";

function mergeLeftovers(known: readonly Leftover[], denied: readonly string[]): Leftover[] {
  return [
    ...known.filter(({ reason }) => reason !== noRight),
    ...denied.map((what) => ({ what, reason: noRight })),
  ];
}

import type { Transaction } from "../database/doors.ts";

/** Records that a drain came to its end now. Needs the service door. */
export async function recordHeartbeat(sql: Transaction): Promise<void> {
  await sql`
    insert into private.drain_heartbeats (finished_at) values (now())
    on conflict (only_row) do update set finished_at = excluded.finished_at
  `;
}

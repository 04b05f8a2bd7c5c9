import type postgres from "postgres";
import type { LegacyDatabases } from "../context.ts";

/** Both databases as they stood at one moment each; the same moment where they are one database. */
export interface Snapshot extends LegacyDatabases {
  /** The time of the project's snapshot, by its own clock. */
  takenAt: Date;
}

/** Runs `fn` over a snapshot that cannot write, and ends it whatever happens. */
export async function withSnapshot<T>(
  { sql, source, now }: LegacyDatabases,
  fn: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  const project = await sql.reserve();
  const legacy = source.separate ? await source.sql.reserve() : project;
  try {
    for (const side of new Set([project, legacy])) {
      await side`begin isolation level repeatable read read only`;
      await side`set local timezone = 'UTC'`;
    }
    const [row] = await project<{ at: Date }[]>`select now() as at`;
    return await fn({
      sql: project,
      source: { ...source, sql: legacy },
      now,
      takenAt: row?.at ?? now(),
    });
  } finally {
    for (const side of new Set([project, legacy])) await end(side);
  }
}

/** A connection that is lost has no transaction to end. */
async function end(side: postgres.ReservedSql): Promise<void> {
  await side`rollback`.catch(() => {});
  side.release();
}

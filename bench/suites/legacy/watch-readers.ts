import postgres from "postgres";

/** Readers who ask the tables of a project all the time. */
export interface Watch {
  /** The longest time any of them waited for an answer, in milliseconds. */
  longest(): number;
  stop(): Promise<void>;
}

const tables = ["videos", "scenes", "face_profiles", "video_metadata", "audit_events"];
const pauseMs = 5;

/**
 * Starts one reader for each table, on a connection of its own. One row takes no time to find: a
 * reader that waits, waits for a lock that excludes all others.
 */
export function watchReaders(databaseUrl: string): Watch {
  const sql = postgres(databaseUrl, { max: tables.length, onnotice: () => {} });
  let longest = 0;
  let watching = true;
  const read = async (table: string) => {
    while (watching) {
      const started = performance.now();
      await sql`select from ${sql(`public.${table}`)} limit 1`;
      longest = Math.max(longest, performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const readers = Promise.all(tables.map(read));
  return {
    longest: () => longest,
    stop: async () => {
      watching = false;
      await readers.finally(() => sql.end({ timeout: 5 }));
    },
  };
}

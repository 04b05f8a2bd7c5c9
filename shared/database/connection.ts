import postgres, { type Options, type PostgresType, type Sql } from "postgres";
import { askForEncryption } from "./ask-for-encryption.ts";

/** Types postgres.js answers as JavaScript numbers: bigint counts and sizes, numeric seconds. */
export type NumberTypes = { int8: number; numeric: number };

/** A pool with our type mapping. */
export type Connection = Sql<NumberTypes>;

/**
 * Whether an address leads through a transaction pooler (Supavisor, PgBouncer), where prepared
 * statements of one transaction are unknown to the next.
 */
export function isPooler(databaseUrl: string): boolean {
  const url = new URL(databaseUrl);
  return url.port === "6543" || /(^|\.)pooler\./.test(url.hostname) ||
    url.searchParams.get("pgbouncer") === "true";
}

/**
 * Opens a small pool; the first statement makes the first connection. `bigint` and `numeric` come
 * back as numbers (our values stay far below 2^53), `timestamptz` as Date.
 * @param changes options of postgres.js that differ for one use
 */
export function openConnection(
  databaseUrl: string,
  changes: Options<Record<string, PostgresType>> = {},
): Connection {
  return postgres(askForEncryption(withoutHints(databaseUrl)), {
    max: 4,
    prepare: !isPooler(databaseUrl),
    // Seconds.
    connect_timeout: 5,
    idle_timeout: 20,
    max_lifetime: 1800,
    // A growing pause would outlast the outage: the next request must find the database again.
    backoff: () => 0.1,
    connection: { application_name: "heimdex" },
    onnotice: () => {},
    ...changes,
    types: {
      int8: { to: 20, from: [20], parse: Number, serialize: String },
      numeric: { to: 1700, from: [1700], parse: Number, serialize: String },
    },
  });
}

/** postgres.js hands parameters it does not know to the server, which refuses this one. */
function withoutHints(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.searchParams.delete("pgbouncer");
  return url.href;
}

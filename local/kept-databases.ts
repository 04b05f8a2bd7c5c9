import postgres from "postgres";
import type { PostgresServer } from "./postgres/mod.ts";

export type Sql = postgres.Sql;

/** Databases of one server that go back to how they were kept, within a second. */
export interface KeptDatabases {
  create(name: string): Promise<void>;
  /** As superuser. The client of a database ends when the database is reset. */
  open(name: string): Sql;
  /** Remembers these databases as they are now, instead of earlier ones; whoever is connected is sent away. */
  keep(...names: string[]): Promise<void>;
  /** Puts every kept database back. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

const largeBytes = 200_000_000;

const templateOf = (name: string) => `${name}_kept`;

/** The databases of a server whose other users connect anew when they are sent away. */
export function openKeptDatabases(server: PostgresServer): KeptDatabases {
  const control = postgres(server.adminUrl, { max: 1, onnotice: () => {} });
  const clients = new Map<string, Sql>();
  const kept: string[] = [];

  const end = async (name: string) => {
    await clients.get(name)?.end({ timeout: 5 });
    clients.delete(name);
  };
  const copy = async (from: string, to: string) => {
    await end(from);
    await end(to);
    await control.unsafe(`alter database ${from} with allow_connections false`);
    await control`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${from}`;
    await control.unsafe(`drop database if exists ${to} with (force)`);
    const [{ is_large, owner } = missing(from)] = await control<
      { is_large: boolean; owner: string }[]
    >`
      select pg_database_size(oid) > ${largeBytes} as is_large, datdba::regrole::text as owner
      from pg_database where datname = ${from}`;
    // Writing every page to the log as well is quicker only while there are few.
    const strategy = is_large ? "file_copy" : "wal_log";
    await control.unsafe(
      `create database ${to} owner ${owner} template ${from} strategy ${strategy}`,
    );
    await control.unsafe(`alter database ${from} with allow_connections true`);
  };

  return {
    create: async (name) => {
      await control.unsafe(`create database ${name}`);
    },
    open: (name) => {
      const known = clients.get(name);
      if (known) return known;
      const sql = postgres(server.url(name), { max: 4, onnotice: () => {} });
      clients.set(name, sql);
      return sql;
    },
    keep: async (...names) => {
      for (const name of names) await copy(name, templateOf(name));
      kept.splice(0, Infinity, ...names);
    },
    reset: async () => {
      for (const name of kept) await copy(templateOf(name), name);
    },
    close: async () => {
      for (const name of [...clients.keys()]) await end(name);
      await control.end({ timeout: 5 });
    },
  };
}

function missing(name: string): never {
  throw new Error(`There is no database ${name}`);
}

import { chmodSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { bootstrapDatabase } from "./bootstrap/mod.ts";
import { type KeptDatabases, openKeptDatabases, type Sql } from "./kept-databases.ts";
import { type PostgresServer, removeCluster, startPostgres } from "./postgres/mod.ts";
import { type Stack, startStack } from "./stack.ts";

/** A project beside the database of the former system, for tests and benchmarks of the move. */
export interface LegacyWorld {
  readonly stack: Stack;
  /** What the stack said while it started. */
  readonly log: readonly string[];
  /** URL of the former system's own database, as the owner of its tables. */
  readonly legacyUrl: string;
  /** The project's database as superuser. Ends with a reset. */
  sql(): Sql;
  /** The former system's own database as superuser. Ends with a reset. */
  legacySql(): Sql;
  /** Makes the present state of both databases the one that `reset` goes back to. */
  keep(): Promise<void>;
  /** Puts both databases back: to the beginning, without a user or a row, or as they were kept. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export interface LegacyWorldOptions {
  /** `adopted`: the legacy tables lie in the project's database; `empty`: it never saw them. */
  project: "adopted" | "empty";
  /** Creates the legacy tables in an empty database, as the role postgres. */
  createTables(sql: Sql): Promise<void>;
  /** false switches fsync off, which is the default. */
  durable?: boolean;
}

const project = "project";
const legacy = "legacy";
const insertSomebody = "insert into public.users (email) values ('somebody@example.test')";

/** Starts a database server with the project in one database and the former system in another. */
export async function startLegacyWorld(o: LegacyWorldOptions): Promise<LegacyWorld> {
  const folder = mkdtempSync(join(tmpdir(), "heimdex-legacy-"));
  // As root the database runs as an OS user of its own, who has to pass through this folder.
  chmodSync(folder, 0o711);
  const dataDir = join(folder, "postgres");
  const undo: (() => Promise<unknown>)[] = [
    () => rm(folder, { recursive: true, force: true }),
    () => removeCluster(dataDir),
  ];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const superuserPassword = crypto.randomUUID();
    const durable = o.durable ?? false;
    const server = await startPostgres({ dataDir, port: 0, durable, superuserPassword });
    undo.push(() => server.stop());
    const databases = openKeptDatabases(server);
    undo.push(() => databases.close());
    await prepareDatabases(server, databases, o);
    const log: string[] = [];
    const stack = await startStack({
      dataDir: join(folder, "stack"),
      port: 0,
      drain: false,
      databaseUrl: server.url(project),
      log: (line) => void log.push(line),
    });
    undo.push(() => stack.stop());
    if (o.project === "adopted") await databases.open(project)`delete from public.users`;
    const keep = () => databases.keep(project, legacy);
    await keep();
    return {
      stack,
      log,
      legacyUrl: Object.assign(new URL(stack.databaseUrl), { pathname: `/${legacy}` }).href,
      sql: () => databases.open(project),
      legacySql: () => databases.open(legacy),
      keep,
      reset: () => databases.reset(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function prepareDatabases(
  server: PostgresServer,
  databases: KeptDatabases,
  { project: state, createTables }: LegacyWorldOptions,
): Promise<void> {
  await databases.create(project);
  await databases.create(legacy);
  const password = crypto.randomUUID();
  // Until the stack sets its own passwords.
  const passwords = {
    postgres: password,
    authenticator: password,
    supabase_auth_admin: password,
    supabase_storage_admin: password,
  };
  await bootstrapDatabase({ adminUrl: server.url(project), passwords });
  await databases.open(legacy).unsafe(`alter database ${legacy} owner to postgres`);
  for (const name of state === "adopted" ? [legacy, project] : [legacy]) {
    const sql = postgres(server.url(name, "postgres", password), { max: 1, onnotice: () => {} });
    await createTables(sql).finally(() => sql.end());
  }
  // Without a user nothing would stand against the removal of the users tables.
  if (state === "adopted") await databases.open(project).unsafe(insertSomebody);
}

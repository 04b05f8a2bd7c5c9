import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { bootstrapDatabase } from "../../../local/bootstrap/mod.ts";
import { type PostgresServer, removeCluster, startPostgres } from "../../../local/postgres/mod.ts";

export type Sql = postgres.Sql<{ int8: number }>;
export type Transaction = postgres.TransactionSql<{ int8: number }>;
export type Row = Record<string, unknown>;

const folder = resolve(
  fileURLToPath(new URL("../../../supabase/migrations", import.meta.url)),
);
const types = { int8: { to: 20, from: [20], parse: Number, serialize: String } };

export interface Migration {
  name: string;
  text: string;
}

/** A database of this test file alone, bootstrapped like a hosted project. */
export interface TestDatabase {
  /** Role `postgres`, which is no superuser. */
  sql: Sql;
  /** Role `supabase_admin`, superuser: for setting the scene only. */
  admin: Sql;
  url: string;
  stop(): Promise<void>;
}

/** All migrations in order. */
export async function readMigrations(): Promise<Migration[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith(".sql")) names.push(entry.name);
  }
  return await Promise.all(
    names.sort().map(async (name) => ({ name, text: await Deno.readTextFile(join(folder, name)) })),
  );
}

/** Runs one file as `supabase db push` does: as a whole or not at all. */
export async function applyMigration(sql: Sql, { text }: Migration): Promise<void> {
  await sql.begin((transaction) => transaction.unsafe(text).simple());
}

type CreateDatabase = () => Promise<TestDatabase>;

/** A server on which a file with many databases makes each in a tenth of the time. */
export interface TestServer {
  /** Prepares the first of its kind and copies that from then on. */
  createDatabase(o?: { migrated?: boolean }): Promise<TestDatabase>;
  /** Prepares one database; what comes back makes copies of it, each in a fraction of the time. */
  createTemplate(prepare: (db: TestDatabase) => Promise<void>): Promise<CreateDatabase>;
  stop(): Promise<void>;
}

export async function startServer(version: 15 | 17 = 17): Promise<TestServer> {
  const dataDir = await Deno.makeTempDir({ prefix: "heimdex-migrations-" });
  const password = crypto.randomUUID();
  const server = await startPostgres({
    dataDir,
    port: 0,
    version,
    durable: false,
    superuserPassword: password,
  });
  const createTemplate = async (prepare: (db: TestDatabase) => Promise<void>) => {
    const template = await prepareDatabase(server, password);
    await prepare(template);
    await template.stop();
    const from = new URL(template.url).pathname.slice(1);
    return async () => {
      const name = newName();
      await asAdmin(server, `create database ${name} owner postgres template ${from}`);
      return openDatabase(server, password, name);
    };
  };
  const kinds: { bare?: Promise<CreateDatabase>; migrated?: Promise<CreateDatabase> } = {};
  return {
    createDatabase: async ({ migrated = true } = {}) => {
      const create = migrated
        ? kinds.migrated ??= createTemplate(({ sql }) => applyAll(sql))
        : kinds.bare ??= createTemplate(() => Promise.resolve());
      return await (await create)();
    },
    createTemplate,
    stop: async () => {
      await server.stop();
      await removeCluster(dataDir);
    },
  };
}

/** Starts a server with one database, which ends with it; without migrations when `migrated` is false. */
export async function startDatabase(
  version: 15 | 17 = 17,
  o: { migrated?: boolean } = {},
): Promise<TestDatabase> {
  const server = await startServer(version);
  const database = await server.createDatabase(o);
  return {
    ...database,
    stop: async () => {
      await database.stop();
      await server.stop();
    },
  };
}

async function prepareDatabase(server: PostgresServer, password: string): Promise<TestDatabase> {
  const name = newName();
  await asAdmin(server, `create database ${name}`);
  await bootstrapDatabase({
    adminUrl: server.url(name),
    passwords: {
      postgres: password,
      authenticator: password,
      supabase_auth_admin: password,
      supabase_storage_admin: password,
    },
  });
  return openDatabase(server, password, name);
}

async function applyAll(sql: Sql): Promise<void> {
  for (const migration of await readMigrations()) await applyMigration(sql, migration);
}

function newName(): string {
  return `test_${crypto.randomUUID().replaceAll("-", "")}`;
}

async function asAdmin(server: PostgresServer, statement: string): Promise<void> {
  const sql = postgres(server.adminUrl, { max: 1 });
  await sql.unsafe(statement);
  await sql.end();
}

function openDatabase(server: PostgresServer, password: string, name: string): TestDatabase {
  const url = server.url(name, "postgres", password);
  const open = (address: string): Sql => postgres(address, { max: 12, onnotice: () => {}, types });
  const [sql, admin] = [open(url), open(server.url(name))];
  const stop = async () => {
    await Promise.all([sql.end(), admin.end()]);
  };
  return { sql, admin, url, stop };
}

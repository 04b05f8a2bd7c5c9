import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { bootstrapDatabase, pushMigrations } from "../local/bootstrap/mod.ts";
import { startPostgres } from "../local/postgres/mod.ts";
import { formatTypes, readCatalogue } from "./database-types/mod.ts";

const target = fileURLToPath(new URL("../shared/database/types.ts", import.meta.url));

/** A database made for this run alone: the types then show the migrations and nothing else. */
async function withThrowAwayDatabase<T>(use: (url: string) => Promise<T>): Promise<T> {
  const dataDir = await Deno.makeTempDir({ prefix: "heimdex-types-" });
  const password = crypto.randomUUID();
  const server = await startPostgres({
    dataDir,
    port: 0,
    durable: false,
    superuserPassword: password,
  });
  try {
    await bootstrapDatabase({
      adminUrl: server.adminUrl,
      passwords: {
        postgres: password,
        authenticator: password,
        supabase_auth_admin: password,
        supabase_storage_admin: password,
      },
    });
    const url = server.url("postgres", "postgres", password);
    await pushMigrations(url);
    return await use(url);
  } finally {
    await server.stop();
    await Deno.remove(dataDir, { recursive: true });
  }
}

async function writeTypes(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await Deno.writeTextFile(target, formatTypes(await readCatalogue(sql)));
  } finally {
    await sql.end();
  }
}

const databaseUrl = Deno.env.get("DATABASE_URL");
if (databaseUrl) await writeTypes(databaseUrl);
else await withThrowAwayDatabase(writeTypes);

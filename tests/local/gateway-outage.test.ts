import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import postgres from "postgres";
import { expect, onTestFinished, test } from "vitest";
import { bootstrapDatabase } from "../../local/bootstrap/mod.ts";
import { isDriverFault } from "../../local/gateway/driver-faults.ts";
import { createIdentifier } from "../../local/gateway/keys.ts";
import { createRest } from "../../local/gateway/rest.ts";
import { createStorage } from "../../local/gateway/storage/app.ts";
import { startPostgres } from "../../local/postgres/mod.ts";
import { runDeno, temporaryFolder, until } from "./support.ts";

const secretKey = "sb_secret_of_this_test";
const passwords = {
  postgres: "p",
  authenticator: "a",
  supabase_auth_admin: "u",
  supabase_storage_admin: "s",
};

async function startDatabase(dataDir: string, port: number) {
  const server = await startPostgres({
    dataDir,
    port,
    durable: false,
    superuserPassword: "secret",
  });
  onTestFinished(() => server.stop());
  return server;
}

async function startServices(adminUrl: string, storageDir: string) {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const signingKey = await exportJWK(privateKey) as JsonWebKey;
  const keys = { publishableKey: "sb_publishable_of_this_test", secretKey, signingKey };
  const identifier = await createIdentifier(keys);
  const rest = await createRest({
    ...keys,
    databaseUrl: adminUrl,
    jwtSecret: "x".repeat(40),
    siteUrl: "http://127.0.0.1:3000",
  });
  const storage = await createStorage({
    adminDatabaseUrl: adminUrl,
    storageDir,
    urlSecret: "y".repeat(40),
    identifier,
  });
  onTestFinished(async () => {
    await Promise.all([rest.close(), storage.close()]);
  });
  const get = async (path: string, init: RequestInit = {}) => {
    const headers = { apikey: secretKey, ...init.headers };
    const request = new Request(`http://127.0.0.1${path}`, { ...init, headers });
    if (path.startsWith("/storage")) return await storage.fetch(request);
    const found = await identifier.identify(request);
    return "caller" in found ? await rest.fetch(request, found.caller) : rest.refuse(found.refusal);
  };
  return { get, storage };
}

test("the Data API and Storage answer 503 while the database is away, and recover", async () => {
  const folder = temporaryFolder();
  const dataDir = join(folder, "postgres");
  const first = await startDatabase(dataDir, 0);
  await bootstrapDatabase({ adminUrl: first.adminUrl, passwords });
  const sql = postgres(first.adminUrl, { max: 1, onnotice: () => {} });
  await sql`create table public.things (id int primary key)`;
  await sql`grant all on public.things to service_role`;
  await sql`insert into storage.buckets (id, name) values ('box', 'box')`;
  await sql.end();
  const { get } = await startServices(first.adminUrl, join(folder, "objects"));
  const upload = () =>
    get("/storage/v1/object/box/a.txt", {
      method: "POST",
      headers: { "content-type": "text/plain", "x-upsert": "true" },
      body: "kept",
    });
  expect((await get("/rest/v1/things")).status).toBe(200);
  expect((await upload()).status).toBe(200);

  await first.stop();
  const away = [
    await get("/rest/v1/things"),
    await get("/rest/v1/things", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"id":1}',
    }),
    await get("/storage/v1/object/box/a.txt"),
    await upload(),
  ];
  for (const response of away) {
    expect(response.status, await response.text()).toBe(503);
    expect(response.headers.get("retry-after")).toBeTruthy();
  }

  await startDatabase(dataDir, first.port);
  await until(
    "the Data API answers again",
    async () => (await get("/rest/v1/things")).status === 200,
  );
  expect(await (await get("/rest/v1/things")).json()).toEqual([]);
  await until("Storage answers again", async () => (await upload()).status === 200);
  expect(await (await get("/storage/v1/object/box/a.txt")).text()).toBe("kept");
});

test("files that no row names are swept at the start, others are kept", async () => {
  const folder = temporaryFolder();
  const server = await startDatabase(join(folder, "postgres"), 0);
  await bootstrapDatabase({ adminUrl: server.adminUrl, passwords });
  const sql = postgres(server.adminUrl, { max: 1, onnotice: () => {} });
  await sql`insert into storage.buckets (id, name) values ('box', 'box')`;
  const objects = join(folder, "objects");
  const { get } = await startServices(server.adminUrl, objects);
  for (const name of ["kept.txt", "lost.txt"]) {
    await get(`/storage/v1/object/box/${name}`, { method: "POST", body: name });
  }
  await sql.begin(async (tx) => {
    await tx`select set_config('storage.allow_delete_query', 'true', true)`;
    await tx`delete from storage.objects where name = 'lost.txt'`;
  });
  await sql.end();
  expect(await countFiles(objects)).toBe(2);
  const second = await startServices(server.adminUrl, objects);
  expect(await countFiles(objects)).toBe(1);
  expect(await (await second.get("/storage/v1/object/box/kept.txt")).text()).toBe("kept.txt");
});

test("the stack outlives connections that the server ends in the middle of requests", async () => {
  const stack = runDeno(["local/main.ts", "--port", "0", "--json"], {
    env: { HEIMDEX_DATA_DIR: join(temporaryFolder(0o755), "stack") },
  });
  await until("the stack is up", () => stack.stdout().includes("\n"), 60_000);
  const { url, secret_key, admin_database_url } = JSON.parse(stack.stdout());
  const get = (path: string) =>
    fetch(`${url}${path}`, { headers: { apikey: secret_key }, signal: AbortSignal.timeout(2000) })
      .then(async (response) => (await response.body?.cancel(), response.status), () => 0);
  const sql = postgres(admin_database_url, { max: 1, onnotice: () => {} });
  const end = Date.now() + 1500;
  const ask = async (path: string) => {
    while (Date.now() < end) await get(path);
  };
  const cut = async () => {
    while (Date.now() < end) {
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where usename = 'supabase_admin' and pid <> pg_backend_pid()`;
    }
  };
  const paths = ["/storage/v1/bucket", "/rest/v1/videos?select=video_id&limit=1"];
  await Promise.all([cut(), ...[...paths, ...paths, ...paths].map(ask)]);
  await sql.end();
  for (const path of paths) await until(`${path} answers`, async () => await get(path) === 200);
}, 120_000);

test("faults of the driver are told from errors of ours", () => {
  const failure = (stack: string, code?: string) =>
    Object.assign(new TypeError("reading 'write'"), { stack }, code ? { code } : {});
  expect(isDriverFault(failure("at nextWrite (node_modules/postgres/src/connection.js)"))).toBe(
    true,
  );
  expect(isDriverFault(failure("at onStreamRead (ext:deno_node)", "ECONNRESET"))).toBe(true);
  expect(isDriverFault(failure("at handler (local/gateway/app.ts)"))).toBe(false);
  expect(isDriverFault(failure("at handler (local/gateway/app.ts)", "23505"))).toBe(false);
  expect(isDriverFault("reading 'write'")).toBe(false);
});

async function countFiles(folder: string): Promise<number> {
  let count = 0;
  for await (const entry of Deno.readDir(folder)) {
    count += entry.isDirectory ? await countFiles(join(folder, entry.name)) : 1;
  }
  return count;
}

import { join, resolve } from "node:path";
import type { JSONWebKeySet } from "jose";
import { openDatabase, prepareDatabase, type StackDatabase } from "./database.ts";
import { startDrain } from "./drain.ts";
import { writeEnvFile } from "./env-file.ts";
import { LocalStackError } from "./errors.ts";
import { type FunctionsServer, startFunctions } from "./functions/mod.ts";
import { createGateway } from "./gateway/app.ts";
import { loadKeys, publicKeySet, type StackKeys } from "./keys.ts";
import { type FrontDoor, openFrontDoor } from "./front-door.ts";
import { type DataFolder, openDataFolder } from "./state.ts";

export interface StackOptions {
  /** Folder for keys, database and objects; made on the first start. */
  dataDir: string;
  /** Port of the gateway; 0 takes a free one. Default 54321. */
  port?: number;
  /** Deletes what the folder holds before starting. */
  reset?: boolean;
  /** false switches fsync off: for tests. */
  durable?: boolean;
  /** Superuser's URL of a PostgreSQL to use instead of the embedded one. */
  databaseUrl?: string;
  /** false: nobody drains the outbox but who asks the function for it; for tests and benchmarks. */
  drain?: boolean;
  /** Settings of the functions beside or over those made here. */
  environment?: Record<string, string>;
  log?: (line: string) => void;
}

export interface Stack {
  url: string;
  publishableKey: string;
  secretKey: string;
  /** Role postgres, no superuser. */
  databaseUrl: string;
  /** Superuser. */
  adminDatabaseUrl: string;
  mailUrl: string;
  jwks: JSONWebKeySet;
  /** Private ES256 key: tests mint tokens with it. */
  signingKey: JsonWebKey;
  jwtIssuer: string;
  /** Exactly what the functions get. */
  environment: Record<string, string>;
  /** Stops the embedded PostgreSQL, every connection with it, and starts it on the same port. */
  restartDatabase(): Promise<void>;
  /** Ends everything in order; no process is left. */
  stop(): Promise<void>;
}

const DEFAULT_PORT = 54321;
const SITE_URL = "http://127.0.0.1:3000";

type Undo = () => Promise<void>;

/** Starts the embedded Supabase. Throws LocalStackError with one sentence that says what to do. */
export async function startStack(o: StackOptions): Promise<Stack> {
  const undo: Undo[] = [];
  try {
    const parts = await startParts(o, undo);
    return { ...describeStack(parts), stop: once(() => unwind(undo)) };
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

interface Parts {
  url: string;
  keys: StackKeys;
  database: StackDatabase;
  environment: Record<string, string>;
}

async function startParts(o: StackOptions, undo: Undo[]): Promise<Parts> {
  const log = o.log ?? (() => {});
  const folder = await openDataFolder(resolve(o.dataDir), log);
  undo.push(() => folder.release());
  const door = openFrontDoor(o.port ?? DEFAULT_PORT);
  undo.push(() => door.close());
  if (o.reset) await resetFolder(folder, o.databaseUrl);
  const keys = await loadKeys(folder.path);
  const database = await openDatabase({
    folder,
    keys,
    durable: o.durable ?? true,
    port: databasePort(o.port),
    ...(o.databaseUrl ? { external: o.databaseUrl } : {}),
    log,
  });
  undo.push(() => database.stop());
  const environment = {
    ...functionsEnvironment(door.url, keys, database),
    ...o.environment,
  };
  const prepared = prepareDatabase({ database, keys, cliHome: folder.cliHome, log });
  const functions = await startBeside({ prepared, folder, environment, undo, log });
  await connectGateway({ folder, keys, database, door, functions, undo, log });
  if (o.drain ?? true) undo.push(startDrain({ url: door.url, cronSecret: keys.cronSecret, log }));
  const parts = { url: door.url, keys, database, environment };
  await publish(folder, parts, undo);
  return parts;
}

async function resetFolder(folder: DataFolder, databaseUrl: string | undefined): Promise<void> {
  if (databaseUrl) {
    throw new LocalStackError(
      "A reset does not touch the PostgreSQL of DATABASE_URL: drop and create that database yourself, " +
        "or unset DATABASE_URL",
    );
  }
  await folder.reset();
}

/** Functions connect to the database on their first request only, so both can be made ready at once. */
async function startBeside({ prepared, folder, environment, undo, log }: {
  prepared: Promise<void>;
  folder: DataFolder;
  environment: Record<string, string>;
  undo: Undo[];
  log: (line: string) => void;
}): Promise<FunctionsServer> {
  const logFile = join(folder.path, "functions.log");
  const [started, preparation] = await Promise.allSettled([
    startFunctions({ environment, logFile, log }),
    prepared,
  ]);
  if (started.status === "fulfilled") undo.push(() => started.value.stop());
  if (preparation.status === "rejected") throw preparation.reason;
  if (started.status === "rejected") throw started.reason;
  return started.value;
}

async function connectGateway(o: {
  folder: DataFolder;
  keys: StackKeys;
  database: StackDatabase;
  door: FrontDoor;
  functions: FunctionsServer;
  undo: Undo[];
  log: (line: string) => void;
}): Promise<void> {
  const gateway = await createGateway({
    adminDatabaseUrl: o.database.adminUrl,
    authDatabaseUrl: o.database.authUrl,
    storageDir: o.folder.storageDir,
    mailFile: join(o.folder.path, "mails.json"),
    publicUrl: () => o.door.url,
    publishableKey: o.keys.publishableKey,
    secretKey: o.keys.secretKey,
    signingKey: o.keys.signingKey,
    liteJwtSecret: o.keys.liteJwtSecret,
    functionsUrl: () => o.functions.url,
    siteUrl: SITE_URL,
    log: o.log,
  });
  o.undo.push(() => gateway.close());
  o.door.open((request, info) => gateway.fetch(request, info));
  // Requests under way end before the parts they need do.
  o.undo.push(() => o.door.drain());
}

/** Where others on this machine find the running stack. */
async function publish(folder: DataFolder, parts: Parts, undo: Undo[]): Promise<void> {
  const path = join(folder.path, "stack.env");
  undo.push(() => Deno.remove(path));
  await writeEnvFile(path, describeStack(parts));
  await folder.announce(parts.url);
}

/** Beside Supabase's own ports (54321 and 54322), or free when the gateway's is. */
function databasePort(gatewayPort = DEFAULT_PORT): number {
  if (gatewayPort === 0) return 0;
  try {
    Deno.listen({ hostname: "127.0.0.1", port: gatewayPort + 1 }).close();
    return gatewayPort + 1;
  } catch {
    return 0;
  }
}

function functionsEnvironment(
  url: string,
  keys: StackKeys,
  database: StackDatabase,
): Record<string, string> {
  return {
    SUPABASE_URL: url,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: keys.publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: keys.secretKey }),
    SUPABASE_JWKS: JSON.stringify(publicKeySet(keys)),
    SUPABASE_DB_URL: database.url,
    HEIMDEX_PUBLIC_URL: url,
    HEIMDEX_SITE_URL: SITE_URL,
    HEIMDEX_ALLOWED_ORIGINS: "*",
    HEIMDEX_FACE_ENROLLMENT: "true",
    HEIMDEX_WEBHOOK_SECRETS: keys.webhookSecret,
    HEIMDEX_CRON_SECRET: keys.cronSecret,
    HEIMDEX_ANSWER_MS: "250",
    HEIMDEX_CURSOR_KEY: keys.cursorKey,
    HEIMDEX_PSEUDONYM_KEY: keys.pseudonymKey,
    HEIMDEX_RECEIPT_KEY: JSON.stringify(keys.receiptKey),
    HEIMDEX_WORKER_KEYS: keys.workerKey,
  };
}

function describeStack(parts: Parts): Omit<Stack, "stop"> {
  const { url, keys, database, environment } = parts;
  return {
    url,
    publishableKey: keys.publishableKey,
    secretKey: keys.secretKey,
    databaseUrl: database.url,
    adminDatabaseUrl: database.adminUrl,
    mailUrl: `${url}/mail`,
    jwks: publicKeySet(keys),
    signingKey: keys.signingKey,
    jwtIssuer: `${url}/auth/v1`,
    environment,
    restartDatabase: () => database.restart(),
  };
}

/** Ends the parts, last started first; one that fails does not keep the others running. */
async function unwind(undo: Undo[]): Promise<void> {
  const failures: unknown[] = [];
  for (let step = undo.pop(); step; step = undo.pop()) {
    await step().catch((error) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => running ??= work();
}

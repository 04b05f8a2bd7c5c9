import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import type { MiddlewareHandler } from "hono";
import type postgres from "postgres";
import { storageSchemaSql } from "./storage/schema.ts";

type PostgresConnection = ReturnType<typeof createPostgresConnection>;

/** One e-mail as lite hands it to a driver. */
export interface OutgoingMail {
  to: string;
  subject: string;
  html?: string;
  text?: string;
}

export interface LiteOptions {
  databaseUrl: string;
  jwtSecret: string;
  publishableKey: string;
  secretKey: string;
  siteUrl: string;
  /** Absolute base of the public gateway, for links in mails. */
  maxConnections?: number;
}

export interface LiteApp {
  app: App;
  connection: PostgresConnection;
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

// lite hands json values over as text already, which postgres.js would encode once more, so that a
// jsonb string is stored instead of an object. Text that is JSON passes as it is.
function jsonType(oid: number): postgres.PostgresType {
  return {
    to: oid,
    from: [oid],
    serialize: (value: unknown) =>
      typeof value === "string" && isJson(value) ? value : JSON.stringify(value),
    parse: (text: string) => JSON.parse(text),
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A lite connection with the fixes its native PostgreSQL driver needs. */
export function connectLite(
  databaseUrl: string,
  options: { max?: number; role?: string } = {},
): PostgresConnection {
  return createPostgresConnection({
    url: databaseUrl,
    postgresOptions: {
      max: options.max ?? 10,
      onnotice: () => {},
      types: { json: jsonType(114), jsonb: jsonType(3802) },
      ...(options.role === undefined ? {} : { connection: { role: options.role } }),
    },
  });
}

/** The auth half: connects as supabase_auth_admin and knows nothing of the Data API. */
export async function createAuthApp(
  options: LiteOptions & {
    sendMail(mail: OutgoingMail): Promise<void>;
    auth?: Record<string, unknown>;
  },
): Promise<LiteApp> {
  const connection = connectLite(options.databaseUrl, { max: options.maxConnections ?? 5 });
  const app = new App({
    connection,
    auth: {
      enabled: true,
      jwt_secret: options.jwtSecret,
      jwt_expiry: 3600,
      site_url: options.siteUrl,
      publishable_key: options.publishableKey,
      secret_key: options.secretKey,
      email: { enable_confirmations: true },
      ...options.auth,
    },
    api: { enabled: false },
    storage: { enabled: false },
    studio: { enabled: false },
    db: { migrations: { enabled: false } },
    options: {
      server: { apiKeys: false },
      drivers: { email: { send: options.sendMail } },
    },
  });
  return await start(app, connection, [connection]);
}

/**
 * The Data API half. Its requests start as `authenticator`, a role without any right, so that a
 * request for which no role was set reads nothing. The catalogue is read by a second connection,
 * because information_schema shows `authenticator` no table.
 */
export async function createDataApp(
  options: LiteOptions & { onDatabaseError(error: Error): void },
): Promise<LiteApp> {
  const connection = connectLite(options.databaseUrl, {
    max: options.maxConnections ?? 10,
    role: "authenticator",
  });
  const catalogue = connectLite(options.databaseUrl, { max: 1 });
  serveCatalogueFrom(connection, catalogue, options.onDatabaseError);
  sendBooleansUntyped(connection);
  Object.assign(connection, {
    normalizeDbError: (error: unknown) => {
      if (!(error instanceof Error)) return error;
      options.onDatabaseError(error);
      return shortenPrinting(error);
    },
  });
  const app = new App({
    connection,
    // Only the secret is read from here: tokens of the Data API are checked with it.
    auth: {
      enabled: false,
      jwt_secret: options.jwtSecret,
      publishable_key: options.publishableKey,
      secret_key: options.secretKey,
    },
    api: { enabled: true, schemas: ["public"], max_rows: 1000 },
    storage: { enabled: false },
    studio: { enabled: false },
    db: { migrations: { enabled: false } },
    options: { server: { apiKeys: false, middlewares: [skipSessionLookup] } },
  });
  return await start(app, connection, [connection, catalogue]);
}

// lite looks every token's user up in its own auth half, which is not in this app. It leaves that
// out for a request whose user is known; /rest/v1 then reads the real one from the token.
const skipSessionLookup: MiddlewareHandler = async (context, next) => {
  context.set("userId", "unread");
  context.set("sessionId", "unread");
  await next();
};

/**
 * Lets `connection` answer introspection from `catalogue`, and keeps lite from granting ALL on
 * every schema with row-level security to anon and authenticated, which it does by itself.
 */
function serveCatalogueFrom(
  connection: PostgresConnection,
  catalogue: PostgresConnection,
  onDatabaseError: (error: Error) => void,
): void {
  Object.assign(connection, {
    introspect: async (options?: { useCache?: boolean }) => {
      const found = await catalogue.introspect(options);
      // lite answers an empty catalogue when it cannot read it: every table would seem unknown.
      if (found.functions === undefined) {
        await catalogue.driver`select 1`.catch((error: Error) => {
          onDatabaseError(error);
          throw error;
        });
      }
      return found;
    },
    clearSchemaCache: () => catalogue.clearSchemaCache(),
    viewOptionsMetadata: (name: string, schema: string) =>
      catalogue.viewOptionsMetadata(name, schema),
    ensureRlsContext: () => Promise.resolve(true),
  });
}

// postgres.js declares a JavaScript boolean as boolean, so that comparing it with text (a filter on
// `column->>key`) fails; the words alone fit both types.
function sendBooleansUntyped(connection: PostgresConnection): void {
  const reserve = connection.driver.reserve.bind(connection.driver);
  connection.driver.reserve = async () => {
    const reserved = await reserve();
    const unsafe = reserved.unsafe.bind(reserved);
    reserved.unsafe = (query, parameters, options) =>
      unsafe(
        query,
        parameters?.map((value) => typeof value === "boolean" ? String(value) : value),
        options,
      );
    return reserved;
  };
}

const customInspect = Symbol.for("Deno.customInspect");

// lite prints every refused statement with its values; one line without them is enough.
function shortenPrinting(error: Error): Error {
  const code = "code" in error ? `${error.code} ` : "";
  return Object.assign(error, { [customInspect]: () => `rest: ${code}${error.message}` });
}

async function start(
  app: App,
  connection: PostgresConnection,
  connections: PostgresConnection[],
): Promise<LiteApp> {
  await app.init();
  return {
    app,
    connection,
    fetch: async (request) => await app.fetch(request),
    close: async () => {
      await Promise.all(connections.map((each) => each.close()));
    },
  };
}

/**
 * Creates what is missing of the schemas auth (lite's copy of GoTrue's) and storage (ours), as the
 * superuser of `adminUrl`. It replaces auth.uid(), auth.role(), auth.email() and auth.jwt() by
 * lite's forms, so the caller defines Supabase's forms afterwards, every time.
 */
export async function ensureSystemSchema(adminUrl: string): Promise<void> {
  const connection = connectLite(adminUrl, { max: 1 });
  try {
    const app = new App({
      connection,
      auth: { enabled: true, jwt_secret: crypto.randomUUID() + crypto.randomUUID() },
      storage: { enabled: false },
    });
    await app.ensureSystemSchema();
    await connection.driver.unsafe(storageSchemaSql);
  } finally {
    await connection.close();
  }
}

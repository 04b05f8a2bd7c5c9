import { App } from "@supabase/lite";
import type { MiddlewareHandler } from "hono";
import {
  connectLite,
  jsonLikeTypes,
  makeRenewable,
  type PostgresConnection,
  serveCatalogueFrom,
  shortenPrinting,
} from "./lite-driver.ts";
import { storageSchemaSql } from "./storage/schema.ts";

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
  maxConnections?: number;
}

export interface LiteApp {
  app: App;
  connection: PostgresConnection;
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
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
  return await start(app, connection);
}

/**
 * The Data API half. Its requests start as `authenticator`, a role without any right, so that a
 * request for which no role was set reads nothing. The catalogue is read by a second connection,
 * because information_schema shows `authenticator` no table.
 */
export async function createDataApp(
  options: LiteOptions & { onDatabaseError(error: Error): void },
): Promise<LiteApp & { renew(): void }> {
  const open = () =>
    connectLite(options.databaseUrl, {
      max: options.maxConnections ?? 10,
      role: "authenticator",
      types: jsonLikeTypes,
    });
  const connection = open();
  const requests = makeRenewable(connection, open);
  let catalogue = connectLite(options.databaseUrl, { max: 1 });
  serveCatalogueFrom(connection, () => catalogue, options.onDatabaseError);
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
  const lite = await start(app, connection);
  return {
    ...lite,
    renew: () => {
      requests.renew();
      void catalogue.driver.end({ timeout: 5 }).catch(() => {});
      catalogue = connectLite(options.databaseUrl, { max: 1 });
    },
    close: async () => {
      await Promise.all([requests.close(), catalogue.close()]);
    },
  };
}

// lite looks every token's user up in its own auth half, which is not in this app. It leaves that
// out for a request whose user is known; /rest/v1 then reads the real one from the token.
const skipSessionLookup: MiddlewareHandler = async (context, next) => {
  context.set("userId", "unread");
  context.set("sessionId", "unread");
  await next();
};

async function start(app: App, connection: PostgresConnection): Promise<LiteApp> {
  await app.init();
  return {
    app,
    connection,
    fetch: async (request) => await app.fetch(request),
    close: () => connection.close(),
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

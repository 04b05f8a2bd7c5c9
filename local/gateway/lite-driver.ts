import { createPostgresConnection } from "@supabase/lite/postgres";
import type postgres from "postgres";
import { DatabaseSilent } from "./driver-faults.ts";

export type PostgresConnection = ReturnType<typeof createPostgresConnection>;

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

function textType(
  oid: number,
  parse: (text: string) => unknown,
): postgres.PostgresType {
  const serialize = (value: unknown) =>
    value instanceof Uint8Array ? `\\x${encodeHex(value)}` : String(value);
  return { to: oid, from: [oid], serialize, parse };
}

function encodeHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Types PostgreSQL writes differently in JSON, which is what the Data API answers, and as text. */
export const jsonLikeTypes = {
  bytea: textType(17, (text) => text),
  numeric: textType(1700, (text) => Number.isFinite(Number(text)) ? Number(text) : text),
  timestamp: textType(1114, (text) => text.replace(" ", "T")),
  timestamptz: textType(
    1184,
    (text) => text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"),
  ),
};

/** A lite connection with the fixes its native PostgreSQL driver needs. */
export function connectLite(
  databaseUrl: string,
  options: { max?: number; role?: string; types?: Record<string, postgres.PostgresType> } = {},
): PostgresConnection {
  return createPostgresConnection({
    url: databaseUrl,
    postgresOptions: {
      max: options.max ?? 10,
      onnotice: () => {},
      types: { json: jsonType(114), jsonb: jsonType(3802), ...options.types },
      ...(options.role === undefined ? {} : { connection: { role: options.role } }),
    },
  });
}

/**
 * Lets `connection` answer introspection from `catalogue`, and keeps lite from granting ALL on
 * every schema with row-level security to anon and authenticated, which it does by itself.
 */
export function serveCatalogueFrom(
  connection: PostgresConnection,
  catalogue: () => PostgresConnection,
  onDatabaseError: (error: Error) => void,
): void {
  Object.assign(connection, {
    introspect: async (options?: { useCache?: boolean }) => {
      const found = await catalogue().introspect(options);
      if (found.functions !== undefined) return found;
      // lite answers an empty catalogue when it cannot read it: every table would seem unknown.
      const lost = new DatabaseSilent("The catalogue cannot be read");
      onDatabaseError(lost);
      throw lost;
    },
    clearSchemaCache: () => catalogue().clearSchemaCache(),
    viewOptionsMetadata: (name: string, schema: string) =>
      catalogue().viewOptionsMetadata(name, schema),
    ensureRlsContext: () => Promise.resolve(true),
  });
}

/**
 * Puts a pool that can be replaced behind a lite connection; `open` makes the next one. Booleans go
 * out as words: postgres.js declares them as boolean, and comparing that with text (a filter on
 * `column->>key`) fails.
 */
export function makeRenewable(
  connection: PostgresConnection,
  open: () => PostgresConnection,
): { renew(): void; close(): Promise<void> } {
  const driver = connection.driver;
  const first = driver.reserve.bind(driver);
  let next: PostgresConnection | undefined;
  driver.reserve = async () => sendBooleansUntyped(await (next?.driver.reserve() ?? first()));
  const retire = (old: PostgresConnection) => old.driver.end({ timeout: 5 }).catch(() => {});
  return {
    renew: () => {
      void retire(next ?? connection);
      next = open();
    },
    close: async () => {
      await Promise.all([retire(connection), ...(next === undefined ? [] : [retire(next)])]);
    },
  };
}

function sendBooleansUntyped(reserved: postgres.ReservedSql): postgres.ReservedSql {
  const unsafe = reserved.unsafe.bind(reserved);
  reserved.unsafe = (query, parameters, options) =>
    unsafe(
      query,
      parameters?.map((value) => typeof value === "boolean" ? String(value) : value),
      options,
    );
  return reserved;
}

const customInspect = Symbol.for("Deno.customInspect");

// lite prints every refused statement with its values; one line without them is enough.
export function shortenPrinting(error: Error): Error {
  const code = "code" in error ? `${error.code} ` : "";
  return Object.assign(error, { [customInspect]: () => `rest: ${code}${error.message}` });
}

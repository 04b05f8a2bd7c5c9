import type { JSONWebKeySet } from "jose";
import type { StackInfo } from "./stack.ts";

type Source = Record<string, string | undefined>;

/**
 * Reads a stack that somebody else started from the environment.
 *
 * Needed: SUPABASE_URL, DATABASE_URL (or SUPABASE_DB_URL), SUPABASE_PUBLISHABLE_KEY(S) and
 * SUPABASE_SECRET_KEY(S). Tests that need more declare it and are skipped without: HEIMDEX_MAIL_URL
 * (or a gateway that answers /mail), HEIMDEX_SIGNING_KEY (private JWK), HEIMDEX_ADMIN_DATABASE_URL,
 * and the HEIMDEX_* settings the functions of that stack run with.
 */
export async function describeExternalStack(source: Source): Promise<StackInfo> {
  const url = needed(source, "SUPABASE_URL").replace(/\/+$/, "");
  const databaseUrl = source.DATABASE_URL ?? needed(source, "SUPABASE_DB_URL");
  const publishableKey = readKey(source, "SUPABASE_PUBLISHABLE_KEY");
  const secretKey = readKey(source, "SUPABASE_SECRET_KEY");
  const jwks = await readKeySet(url);
  const mailUrl = source.HEIMDEX_MAIL_URL ?? await findMail(url);
  return {
    url,
    databaseUrl,
    publishableKey,
    secretKey,
    jwks,
    jwtIssuer: source.HEIMDEX_JWT_ISSUER ?? `${url}/auth/v1`,
    external: true,
    environment: {
      ...heimdexSettings(source),
      SUPABASE_URL: url,
      SUPABASE_DB_URL: databaseUrl,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: publishableKey }),
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: secretKey }),
      SUPABASE_JWKS: JSON.stringify(jwks),
    },
    ...(mailUrl ? { mailUrl } : {}),
    ...(source.HEIMDEX_SIGNING_KEY ? { signingKey: JSON.parse(source.HEIMDEX_SIGNING_KEY) } : {}),
    ...(source.HEIMDEX_ADMIN_DATABASE_URL
      ? { adminDatabaseUrl: source.HEIMDEX_ADMIN_DATABASE_URL }
      : {}),
  };
}

function needed(source: Source, name: string): string {
  const value = source[name];
  if (!value) throw new Error(`SUPABASE_URL is set, so ${name} has to be set too`);
  return value;
}

function readKey(source: Source, name: string): string {
  const list = source[`${name}S`];
  const key = list ? JSON.parse(list).default : source[name];
  if (typeof key !== "string") {
    throw new Error(
      `SUPABASE_URL is set, so ${name}S (JSON with "default") or ${name} has to be too`,
    );
  }
  return key;
}

async function readKeySet(url: string): Promise<JSONWebKeySet> {
  const response = await fetch(`${url}/auth/v1/.well-known/jwks.json`);
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return await response.json();
}

async function findMail(url: string): Promise<string | undefined> {
  const response = await fetch(`${url}/mail/messages.json`);
  await response.body?.cancel();
  return response.ok ? `${url}/mail` : undefined;
}

function heimdexSettings(source: Source): Record<string, string> {
  const settings = Object.entries(source).filter(([name]) => name.startsWith("HEIMDEX_"));
  return Object.fromEntries(settings.flatMap(([name, value]) => value ? [[name, value]] : []));
}

import type { JSONWebKeySet } from "jose";
import { inject } from "vitest";

/** What a test may know of the stack it runs against. */
export interface StackInfo {
  /** Origin of the gateway, without a trailing slash. */
  url: string;
  publishableKey: string;
  secretKey: string;
  /** PostgreSQL URL of the role `postgres`, which is no superuser. */
  databaseUrl: string;
  /** PostgreSQL URL of `supabase_admin`; absent when an external stack does not tell it. */
  adminDatabaseUrl?: string;
  /** Where caught mails are read; absent when the stack really sends them. */
  mailUrl?: string;
  jwtIssuer: string;
  jwks: JSONWebKeySet;
  /** Private ES256 key of the local stack; absent on a stack that keeps its key to itself. */
  signingKey?: JsonWebKey;
  /** The environment the functions run with, as far as it is known here. */
  environment: Record<string, string>;
  /** True when the stack was started by somebody else. */
  external: boolean;
}

declare module "vitest" {
  export interface ProvidedContext {
    stack: StackInfo;
  }
}

/** The one stack of this run: started by global setup, or named by SUPABASE_URL. */
export function useStack(): StackInfo {
  return inject("stack");
}

/** True where tokens can be forged with the stack's real key: pass it to `describe.runIf`. */
export function canMintTokens(): boolean {
  return useStack().signingKey !== undefined;
}

/** True where caught mails can be read: pass it to `describe.runIf`. */
export function canReadMail(): boolean {
  return useStack().mailUrl !== undefined;
}

/** True where the functions' own settings (webhook secrets, cron secret) are known here. */
export function knowsSetting(name: string): boolean {
  return Boolean(useStack().environment[name]);
}

/** A setting of the functions' environment; throws when this run does not know it. */
export function setting(name: string): string {
  const value = useStack().environment[name];
  if (!value) throw new Error(`This run does not know ${name}: set it beside SUPABASE_URL`);
  return value;
}

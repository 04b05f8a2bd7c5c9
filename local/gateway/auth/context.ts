import type { Context, Hono } from "hono";
import type postgres from "postgres";
import type { LiteApp } from "../lite.ts";
import type { Mailer } from "./mailer.ts";
import type { RateLimiter } from "./rate-limit.ts";
import type { AuthSettings } from "./settings.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** What every route works with. */
export interface AuthServices {
  sql: postgres.Sql;
  keys: SigningKeys;
  settings: AuthSettings;
  mailer: Mailer;
  limiter: RateLimiter;
  lite: LiteApp;
  liteJwtSecret: string;
  publishableKey: string;
  secretKey: string;
  siteUrl: string;
  /** Origin of the gateway, without a trailing slash. */
  publicUrl(): string;
}

export interface AuthEnv {
  Variables: { services: AuthServices };
}

export type AuthApp = Hono<AuthEnv>;
export type AuthContext = Context<AuthEnv>;

import { Hono } from "hono";
import postgres from "postgres";
import type { Mailbox } from "../mail.ts";
import type { AuthApp, AuthEnv, AuthServices } from "./context.ts";
import { AuthError, renderError } from "./errors.ts";
import { startLite } from "./lite-backend.ts";
import { Mailer } from "./mailer.ts";
import { RateLimiter } from "./rate-limit.ts";
import { registerCreateUser } from "./routes/admin/create-user.ts";
import { registerDeleteUser } from "./routes/admin/delete-user.ts";
import { registerGenerateLink } from "./routes/admin/generate-link.ts";
import { registerAdminGetUser } from "./routes/admin/get-user.ts";
import { registerListUsers } from "./routes/admin/list-users.ts";
import { registerUpdateUser } from "./routes/admin/update-user.ts";
import { registerForwarded } from "./routes/forwarded.ts";
import { registerGetJwks } from "./routes/get-jwks.ts";
import { registerGetReauthenticate } from "./routes/get-reauthenticate.ts";
import { registerGetUser } from "./routes/get-user.ts";
import { registerGetVerify } from "./routes/get-verify.ts";
import { registerPostInvite } from "./routes/post-invite.ts";
import { registerPostLogout } from "./routes/post-logout.ts";
import { registerPostOtp } from "./routes/post-otp.ts";
import { registerPostRecover } from "./routes/post-recover.ts";
import { registerPostResend } from "./routes/post-resend.ts";
import { registerPostSignup } from "./routes/post-signup.ts";
import { registerPostToken } from "./routes/post-token.ts";
import { registerPostVerify } from "./routes/post-verify.ts";
import { registerPutUser } from "./routes/put-user.ts";
import { registerUnsupported } from "./routes/unsupported.ts";
import { type AuthSettings, defaultSettings } from "./settings.ts";
import { createSigningKeys } from "./signing-keys.ts";

export interface AuthGatewayOptions {
  /** Login role supabase_auth_admin: hooks and triggers run as they do on a hosted project. */
  authDatabaseUrl: string;
  /** Origin of the gateway, without a trailing slash. */
  publicUrl: () => string;
  publishableKey: string;
  secretKey: string;
  /** Private ES256 JWK with a kid. */
  signingKey: JsonWebKey;
  liteJwtSecret: string;
  siteUrl: string;
  mailbox: Mailbox;
  settings?: Partial<AuthSettings>;
  /** Told about failures that the client only sees as 500. */
  log?: (line: string) => void;
}

export interface AuthGateway {
  /** Serves /auth/v1. */
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

/**
 * Supabase Auth for development: @supabase/lite creates users and mails, and everything that
 * opens, checks, changes or ends a session or administers users is added here.
 */
export async function createAuthGateway(o: AuthGatewayOptions): Promise<AuthGateway> {
  const services = await createServices(o);
  const app = createApp(services, o.log ?? (() => {}));
  return {
    fetch: async (request) => await app.fetch(request),
    close: async () => {
      await Promise.all([services.lite.close(), services.sql.end({ timeout: 5 })]);
    },
  };
}

async function createServices(o: AuthGatewayOptions): Promise<AuthServices> {
  const { authDatabaseUrl, signingKey, mailbox, settings: chosen, log: _log, ...given } = o;
  const settings = { ...defaultSettings, ...chosen };
  const keys = await createSigningKeys(signingKey);
  const mailer = new Mailer(mailbox, given.publicUrl, given.siteUrl);
  const lite = await startLite({
    ...given,
    databaseUrl: authDatabaseUrl,
    jwtSecret: given.liteJwtSecret,
    settings,
    mailer,
  });
  const sql = postgres(authDatabaseUrl, { max: 10, onnotice: () => {} });
  const limiter = new RateLimiter(settings.rateLimits);
  return { ...given, sql, keys, settings, mailer, limiter, lite };
}

function createApp(services: AuthServices, log: (line: string) => void): AuthApp {
  const app = new Hono<AuthEnv>().basePath("/auth/v1");
  app.use(async (c, next) => {
    c.set("services", services);
    await next();
  });
  for (const register of routes) register(app);
  app.onError((error, c) => {
    if (!(error instanceof AuthError) || error.status >= 500) {
      log(`${c.req.method} ${c.req.path}: ${describe(error)}`);
    }
    return renderError(error, c.req.raw);
  });
  return app;
}

const routes: ((app: AuthApp) => void)[] = [
  registerGetJwks,
  registerPostSignup,
  registerPostToken,
  registerPostOtp,
  registerPostRecover,
  registerPostResend,
  registerPostVerify,
  registerGetVerify,
  registerGetUser,
  registerPutUser,
  registerGetReauthenticate,
  registerPostLogout,
  registerPostInvite,
  registerCreateUser,
  registerListUsers,
  registerAdminGetUser,
  registerUpdateUser,
  registerDeleteUser,
  registerGenerateLink,
  registerForwarded,
  registerUnsupported,
];

function describe(error: Error): string {
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.message}${cause}`;
}

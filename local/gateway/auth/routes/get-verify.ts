import type { AuthApp, AuthContext } from "../context.ts";
import { inTransaction, type Metadata } from "../database.ts";
import { AuthError, validationFailed } from "../errors.ts";
import { issueAuthCode, readMarkedToken } from "../pkce.ts";
import { assertWithinLimit } from "../rate-limit.ts";
import { chooseRedirect } from "../redirect-url.ts";
import { readClient } from "../request-client.ts";
import { openSession } from "../sessions.ts";
import {
  applyVerification,
  findVerified,
  FIRST_CONFIRMATION,
  readVerificationKind,
  type VerificationKind,
} from "../verification.ts";

const OAUTH_ERRORS: Record<number, string> = {
  400: "invalid_request",
  401: "unauthorized_client",
  403: "access_denied",
  500: "server_error",
  503: "temporarily_unavailable",
};

/** What a redirect tells the application, in its fragment and in its query. */
interface Told {
  fragment?: Record<string, string>;
  query?: Record<string, string>;
}

/** The link of a mail: 303 to the application with a session, a code, or the reason. */
export function registerGetVerify(app: AuthApp): void {
  app.get("/verify", async (c) => {
    assertWithinLimit(c, "verify");
    const token = c.req.query("token") ?? "";
    if (token === "") throw validationFailed("Verify requires a token or a token hash");
    const kind = readVerificationKind(c.req.query("type") ?? "");
    const { hash, isPkce } = readMarkedToken(token);
    const told = await followLink(c, kind, hash, isPkce).catch((error) =>
      describeRefusal(error, isPkce)
    );
    return c.redirect(buildTarget(chooseRedirect(c), told), 303);
  });
}

async function followLink(
  c: AuthContext,
  kind: VerificationKind,
  tokenHash: string,
  isPkce: boolean,
): Promise<Told> {
  const { services } = c.var;
  return await inTransaction(services.sql, async (tx) => {
    const verified = await findVerified(tx, services, kind, { tokenHash });
    const user = await applyVerification(tx, services, verified);
    if (user === null) return describeFirstConfirmation(isPkce);
    if (isPkce) return { query: { code: await issueAuthCode(tx, user.id) } };
    const session = await openSession(tx, services, user, "otp", readClient(c));
    return { fragment: describeSession(session, kind) };
  });
}

function describeSession(session: Metadata, type: string): Record<string, string> {
  const { access_token, expires_at, expires_in, refresh_token, token_type } = session;
  const values = { access_token, expires_at, expires_in, refresh_token, sb: "", token_type, type };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, String(value)]),
  );
}

function describeFirstConfirmation(isPkce: boolean): Told {
  const message = { message: FIRST_CONFIRMATION };
  return { fragment: message, ...(isPkce ? { query: message } : {}) };
}

function describeRefusal(error: unknown, isPkce: boolean): Told {
  if (!(error instanceof AuthError)) throw error;
  const reason = {
    error: OAUTH_ERRORS[error.status] ?? "server_error",
    error_code: error.code,
    error_description: error.message,
  };
  return { fragment: { ...reason, sb: "" }, ...(isPkce ? { query: reason } : {}) };
}

function buildTarget(target: string, { fragment, query }: Told): string {
  const url = new URL(target);
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  if (fragment) url.hash = new URLSearchParams(fragment).toString();
  return url.href;
}

import { AsyncLocalStorage } from "node:async_hooks";
import { SignJWT } from "jose";
import postgres from "postgres";
import { withDeadline } from "./driver-faults.ts";
import type { Caller, Refusal } from "./keys.ts";
import { createDataApp, type LiteOptions } from "./lite.ts";
import { toDatabaseAnswer } from "./rest-errors.ts";

export interface Rest {
  fetch(request: Request, caller: Caller): Promise<Response>;
  refuse(refusal: Refusal): Response;
  /** Opens new connections in place of those there are. */
  renew(): void;
  close(): Promise<void>;
}

/** Codes lite answers when a relation or function is not in its copy of the catalogue. */
const staleCodes = new Set(["PGRST202", "PGRST204", "PGRST205"]);
const tokenSeconds = 300;

/** /rest/v1 by lite, as the caller's role and with every claim of the caller's token. */
export async function createRest(options: LiteOptions): Promise<Rest> {
  const requests = new AsyncLocalStorage<{ error?: Error }>();
  const lite = await createDataApp({
    ...options,
    onDatabaseError: (error) => Object.assign(requests.getStore() ?? {}, { error }),
  });
  const secret = new TextEncoder().encode(options.jwtSecret);
  const listener = postgres(options.databaseUrl, { max: 1, onnotice: () => {} });
  await listener.listen("pgrst", () => void lite.connection.clearSchemaCache());

  async function fetch(request: Request, caller: Caller): Promise<Response> {
    // lite answers the root with a description of nothing; hosted keeps it for the secret key.
    if (/^\/rest\/v1\/?$/.test(new URL(request.url).pathname) && caller.role !== "service_role") {
      return Response.json({ message: "You cannot consume this service" }, { status: 403 });
    }
    const headers = new Headers(request.headers);
    headers.delete("apikey");
    headers.set("authorization", `Bearer ${await toLiteToken(caller, secret)}`);
    const failure: { error?: Error } = {};
    const response = await withDeadline(requests.run(
      failure,
      () => lite.fetch(new Request(request, { headers })),
    ));
    if (response.status === 404 || response.status === 400) await forgetStaleCatalogue(response);
    return withHttpAuthenticate(toDatabaseAnswer(response, failure.error));
  }

  async function forgetStaleCatalogue(response: Response): Promise<void> {
    const body: unknown = await response.clone().json().catch(() => null);
    if (staleCodes.has(codeOf(body))) await lite.connection.clearSchemaCache();
  }

  return {
    fetch,
    refuse: refuseRest,
    renew: () => lite.renew(),
    close: async () => {
      await Promise.all([listener.end({ timeout: 1 }), lite.close()]);
    },
  };
}

// lite knows HS256 only; the claims pass through it unchanged into request.jwt.claims.
async function toLiteToken(caller: Caller, secret: Uint8Array): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { ...caller.claims, role: caller.role };
  const signer = new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT" });
  if (claims.exp === undefined) signer.setExpirationTime(now + tokenSeconds);
  return await signer.sign(secret);
}

function codeOf(body: unknown): string {
  return typeof body === "object" && body !== null && "code" in body ? String(body.code) : "";
}

function withHttpAuthenticate(response: Response): Response {
  if (response.status !== 401 || response.headers.has("www-authenticate")) return response;
  const headers = new Headers(response.headers);
  headers.set("www-authenticate", "Bearer");
  return new Response(response.body, { status: 401, headers });
}

/** PostgREST's body for each way a request is turned away before it reaches the database. */
function refuseRest(refusal: Refusal): Response {
  switch (refusal.reason) {
    case "key_missing":
      return Response.json({
        message: "No API key found in request",
        hint: "No `apikey` request header or url param was found.",
      }, { status: 401 });
    case "key_invalid":
      return Response.json({
        message: "Invalid API key",
        hint: "Double check your Supabase `anon` or `service_role` API key.",
      }, { status: 401 });
    case "token_expired":
      return refuseToken(401, "PGRST303", "JWT expired", "invalid_token");
    case "token_invalid":
      return refuseToken(401, "PGRST301", "No suitable key or wrong key type", "invalid_token");
    case "role_refused":
      return refuseToken(403, "42501", refusal.message, "insufficient_scope");
  }
}

function refuseToken(status: number, code: string, message: string, error: string): Response {
  return Response.json({ code, message, details: null, hint: null }, {
    status,
    headers: { "www-authenticate": `Bearer error="${error}", error_description="${message}"` },
  });
}

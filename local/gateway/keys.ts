import { createLocalJWKSet, errors, exportJWK, importJWK, type JWTPayload, jwtVerify } from "jose";

/** Roles the Data API and Storage may act as, the ones `authenticator` is a member of. */
const requestRoles = ["anon", "authenticated", "service_role"] as const;
export type RequestRole = typeof requestRoles[number];

/** Who a request to /rest/v1 or /storage/v1 acts as. `claims` become `request.jwt.claims`. */
export interface Caller {
  role: RequestRole;
  claims: JWTPayload;
}

export type Refusal =
  | { reason: "key_missing" }
  | { reason: "key_invalid" }
  | { reason: "token_expired"; message: string }
  | { reason: "token_invalid"; message: string }
  | { reason: "role_refused"; message: string };

export type Identified = { caller: Caller } | { refusal: Refusal };

export interface IdentifyOptions {
  publishableKey: string;
  secretKey: string;
  signingKey: JsonWebKey;
}

export interface Identifier {
  /** Any known key, or a token in its place: what every route behind the gateway asks for. */
  checkKey(request: Request): Refusal | null;
  /** Data API: the apikey is required, the bearer token decides when it is one. */
  identify(request: Request): Promise<Identified>;
  /** Storage: the same, but a request that brings nothing at all is anon. */
  identifyOptional(request: Request): Promise<Identified | { nobody: true }>;
}

/**
 * The gateway's rule for keys and tokens: a bearer token that is a JWT wins; otherwise the secret
 * key is service_role, the publishable key is anon, and an apikey that is a JWT counts as bearer.
 */
export async function createIdentifier(options: IdentifyOptions): Promise<Identifier> {
  const verify = await createVerifier(options.signingKey);
  const ownKeys = new Map<string, RequestRole>([
    [options.publishableKey, "anon"],
    [options.secretKey, "service_role"],
  ]);

  async function decide(apikey: string | null, bearer: string | null): Promise<Identified> {
    const keyRole = apikey === null ? undefined : ownKeys.get(apikey);
    if (apikey !== null && keyRole === undefined && !looksLikeToken(apikey)) {
      return { refusal: { reason: "key_invalid" } };
    }
    if (bearer !== null && !bearer.startsWith("sb_")) return await verify(bearer);
    const bearerRole = bearer === null ? undefined : ownKeys.get(bearer);
    if (bearer !== null && bearerRole === undefined) return { refusal: { reason: "key_invalid" } };
    const role = keyRole ?? bearerRole;
    return role === undefined ? await verify(apikey ?? "") : { caller: callerOfKey(role) };
  }

  async function identifyOptional(request: Request): Promise<Identified | { nobody: true }> {
    const { apikey, bearer } = readCredentials(request);
    if (apikey === null && bearer === null) return { nobody: true };
    return await decide(apikey, bearer);
  }

  async function identify(request: Request): Promise<Identified> {
    const { apikey, bearer } = readCredentials(request);
    if (apikey === null) return { refusal: { reason: "key_missing" } };
    return await decide(apikey, bearer);
  }

  function checkKey(request: Request): Refusal | null {
    const { apikey } = readCredentials(request);
    if (apikey === null) return { reason: "key_missing" };
    return ownKeys.has(apikey) || looksLikeToken(apikey) ? null : { reason: "key_invalid" };
  }

  return { checkKey, identify, identifyOptional };
}

function readCredentials(request: Request): { apikey: string | null; bearer: string | null } {
  const header = request.headers.get("authorization");
  const bearer = header === null ? null : header.replace(/^Bearer\s+/i, "").trim();
  const apikey = request.headers.get("apikey") ?? new URL(request.url).searchParams.get("apikey");
  return { apikey: apikey === "" ? null : apikey, bearer: bearer === "" ? null : bearer };
}

function looksLikeToken(text: string): boolean {
  return text.split(".").length === 3;
}

function callerOfKey(role: RequestRole): Caller {
  const issuedAt = Math.floor(Date.now() / 1000);
  return { role, claims: { iss: "supabase", role, iat: issuedAt, exp: issuedAt + 3600 } };
}

async function createVerifier(
  signingKey: JsonWebKey,
): Promise<(token: string) => Promise<Identified>> {
  const keySet = createLocalJWKSet({ keys: [await publicPart(signingKey)] });
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keySet, { algorithms: ["ES256"] });
      return callerOfToken(payload);
    } catch (error) {
      if (error instanceof errors.JWTExpired) {
        return { refusal: { reason: "token_expired", message: error.message } };
      }
      const message = error instanceof Error ? error.message : "Invalid JWT";
      return { refusal: { reason: "token_invalid", message } };
    }
  };
}

function callerOfToken(claims: JWTPayload): Identified {
  const role = claims["role"] ?? "anon";
  const known = requestRoles.find((each) => each === role);
  if (known !== undefined) return { caller: { role: known, claims } };
  return {
    refusal: { reason: "role_refused", message: `permission denied to set role "${role}"` },
  };
}

async function publicPart(signingKey: JsonWebKey) {
  const { d: _private, key_ops: _operations, ...rest } = signingKey;
  const jwk = await exportJWK(await importJWK({ ...rest, kty: rest.kty ?? "EC" }, "ES256"));
  const kid = "kid" in signingKey && typeof signingKey.kid === "string"
    ? { kid: signingKey.kid }
    : {};
  return { ...jwk, alg: "ES256", ...kid };
}

import {
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyGetKey,
} from "jose";
import type { Env } from "../env.ts";
import { AppError } from "../errors/app-error.ts";
import { isRecord, parseJson } from "../json.ts";

/** How long keys are trusted and how often they are asked for; milliseconds unless named otherwise. */
export const keyTimes = Object.freeze({
  /** From this age on the next request has the keys fetched again, and does not wait for it. */
  refreshAfter: 150_000,
  /** Keys of this age are used no more while Supabase Auth can be asked. */
  maxAge: 300_000,
  /** Keys of this age are used no more at all. */
  maxStale: 3_600_000,
  /** Pause after an answer, whatever key ids tokens name meanwhile. */
  cooldown: 30_000,
  /** Pause after a failure. */
  failureCooldown: 5_000,
  /** One fetch, its body included. */
  timeout: 3_000,
  /** Octets read of an answer; a key set of ten RSA keys has 5,000. */
  maxBytes: 65_536,
});

type KeySet = ReturnType<typeof createLocalJWKSet>;

interface KeyState {
  /** The keys in use; null before the first ones are known. */
  keys: KeySet | null;
  /** When Supabase Auth, or SUPABASE_JWKS at the start, last said so. */
  confirmedAt: number;
  answeredAt: number;
  failedAt: number;
  failure: unknown;
  pending: Promise<void> | null;
}

/**
 * Finds the public key of a token among those of the project. SUPABASE_JWKS is where it starts, so
 * that a new process fetches nothing; from then on `<SUPABASE_URL>/auth/v1/.well-known/jwks.json`
 * decides: a key id it does not know makes it ask (at most once in {@link keyTimes}.cooldown), and a
 * key removed there is refused after {@link keyTimes}.maxAge. While Supabase Auth does not answer,
 * known keys go on until {@link keyTimes}.maxStale. A token with a known key waits for no fetch
 * another token caused.
 *
 * The finder throws JOSEError JWKSNoMatchingKey, JWKSMultipleMatchingKeys or JOSENotSupported for a
 * fault of the token, AppError keys_unavailable (503) when the keys cannot be known.
 */
export function createPublicKeyFinder(env: Env): JWTVerifyGetKey {
  const url = `${env.supabaseUrl}/auth/v1/.well-known/jwks.json`;
  const state = startState(env.jwks);
  return async (header, jws) => {
    const keys = await currentKeys(state, url);
    try {
      return await keys(header, jws);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw toFinderError(error);
    }
    await refresh(state, url);
    if (state.failedAt > state.answeredAt) throw keysUnavailable(state.failure);
    return await (state.keys ?? keys)(header, jws).catch((error) => {
      throw toFinderError(error);
    });
  };
}

function startState(jwks: JSONWebKeySet | undefined): KeyState {
  const seed = publicKeys(jwks?.keys ?? []);
  const known = seed.length > 0;
  return {
    keys: known ? createLocalJWKSet({ keys: seed }) : null,
    confirmedAt: known ? Date.now() : -Infinity,
    answeredAt: -Infinity,
    failedAt: -Infinity,
    failure: undefined,
    pending: null,
  };
}

async function currentKeys(state: KeyState, url: string): Promise<KeySet> {
  const age = Date.now() - state.confirmedAt;
  if (state.keys && age < keyTimes.refreshAfter) return state.keys;
  const refreshed = refresh(state, url);
  const isDown = Date.now() - state.failedAt < keyTimes.maxAge;
  const isUsable = age < keyTimes.maxAge || (isDown && age < keyTimes.maxStale);
  if (!isUsable) await refreshed;
  if (state.keys && Date.now() - state.confirmedAt < keyTimes.maxStale) return state.keys;
  throw keysUnavailable(state.failure);
}

/** Asks at most once at a time and never within the pause; says by the state how it went. */
function refresh(state: KeyState, url: string): Promise<void> {
  if (state.pending) return state.pending;
  const now = Date.now();
  const isPausing = now - state.answeredAt < keyTimes.cooldown ||
    now - state.failedAt < keyTimes.failureCooldown;
  if (isPausing) return Promise.resolve();
  state.pending = fetchKeys(url).then((keys) => {
    state.keys = createLocalJWKSet({ keys });
    state.confirmedAt = state.answeredAt = Date.now();
    state.failedAt = -Infinity;
  }).catch((error: unknown) => {
    state.failedAt = Date.now();
    state.failure = error;
  }).finally(() => {
    state.pending = null;
  });
  return state.pending;
}

async function fetchKeys(url: string): Promise<JWK[]> {
  const response = await fetch(url, {
    headers: { accept: "application/json" },
    redirect: "manual",
    signal: AbortSignal.timeout(keyTimes.timeout),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`The key set was answered with status ${response.status}`);
  }
  const set = parseJson(await readText(response));
  const keys = isRecord(set) ? set["keys"] : undefined;
  if (!Array.isArray(keys) || keys.length > maxKeys) {
    throw new Error("What was answered is not a JSON Web Key Set");
  }
  return publicKeys(keys);
}

/** Reads no more than the limit, whatever `Content-Length` says. */
async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > keyTimes.maxBytes) throw new Error("The key set is too large");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Text members of a public key; the private ones of a set that should not hold any stay behind. */
const textMembers = ["kid", "alg", "use", "crv", "x", "y", "n", "e"] as const;
const maxText = 2048;
const maxKeys = 100;

/**
 * The keys of a set that can verify: a local `supabase start` lists its HMAC secret too. Read
 * without a schema, as SUPABASE_JWKS is read before the first request.
 */
function publicKeys(keys: readonly unknown[]): JWK[] {
  return keys.flatMap((key) => isRecord(key) ? readKey(key) ?? [] : []);
}

function readKey(source: Record<string, unknown>): JWK | undefined {
  const { kty, key_ops: operations } = source;
  if (kty !== "EC" && kty !== "RSA") return undefined;
  const key: JWK = { kty };
  for (const name of textMembers) {
    const value = source[name];
    if (value === undefined) continue;
    if (!isText(value)) return undefined;
    key[name] = value;
  }
  if (operations === undefined) return key;
  return Array.isArray(operations) && operations.every(isText)
    ? { ...key, key_ops: operations }
    : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= maxText;
}

/** The token names a key or a kind of key we do not have; anything else is a fault of the keys. */
function toFinderError(error: unknown): unknown {
  const isTokenFault = error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys || error instanceof errors.JOSENotSupported;
  return isTokenFault ? error : keysUnavailable(error);
}

function keysUnavailable(cause: unknown): AppError {
  return new AppError(
    "keys_unavailable",
    "The keys that verify tokens cannot be fetched, try again shortly",
    { cause },
  );
}

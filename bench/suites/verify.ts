import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { createTokenVerifier } from "../../shared/auth/verify-token.ts";
import { readEnv } from "../../shared/env.ts";
import { type BenchCase, type BenchSuite, operationsPerSecond } from "../harness.ts";

const SUPABASE_URL = "http://127.0.0.1:54321";
const TOKENS = 100;

/** A bearer token to an AuthUser, against the bare signature check no verifier can do without. */
export const verifySuite: BenchSuite = {
  description: "token verification: ours against crypto.subtle.verify alone",
  async open() {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = { ...await exportJWK(publicKey), kid: "bench", alg: "ES256", use: "sig" };
    const verifier = createTokenVerifier(readEnv({
      SUPABASE_URL,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: "sb_publishable_bench" }),
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: "bench" }),
      SUPABASE_DB_URL: "postgresql://postgres@127.0.0.1:5432/postgres",
      SUPABASE_JWKS: JSON.stringify({ keys: [jwk] }),
    }));
    const small = await mintTokens(privateKey, {});
    const full = await mintTokens(privateKey, fullProfile);
    const compare = (title: string, tokens: string[]): BenchCase => ({
      name: "verify",
      case: title,
      unit: "tokens/s",
      better: "higher",
      baselineName: "crypto.subtle.verify alone",
      ours: () => operationsPerSecond(TOKENS, (index) => verifier.verify(tokens[index] ?? "")),
      baseline: () =>
        operationsPerSecond(TOKENS, (index) => checkSignature(publicKey, tokens[index] ?? "")),
    });
    return {
      cases: [
        compare("new tokens without metadata", small),
        compare("new tokens with a full profile", full),
      ],
      close: () => Promise.resolve(),
    };
  },
};

const fullProfile = {
  user_metadata: {
    display_name: "Kim Minji",
    onboarding_completed: true,
    industry: "Broadcasting",
    job_title: "Archive editor",
    email_consent: true,
    pref_language: "ko",
    pref_theme: "dark",
  },
  app_metadata: {
    tier: "pro",
    permissions: ["videos.write", "people.write"],
    organization_id: "6a0c6a53-0f0b-4d5f-9a7b-0c5bd7e0b9a1",
    role: "admin",
  },
};

/** Tokens that all differ, so that nothing kept from an earlier one helps. */
async function mintTokens(key: CryptoKey, metadata: Record<string, unknown>): Promise<string[]> {
  const mint = () =>
    new SignJWT({
      email: "bench@example.test",
      role: "authenticated",
      aal: "aal1",
      session_id: crypto.randomUUID(),
      is_anonymous: false,
      app_metadata: {},
      user_metadata: {},
      ...metadata,
    })
      .setProtectedHeader({ alg: "ES256", kid: "bench", typ: "JWT" })
      .setIssuer(`${SUPABASE_URL}/auth/v1`)
      .setAudience("authenticated")
      .setSubject(crypto.randomUUID())
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(key);
  return await Promise.all(Array.from({ length: TOKENS }, mint));
}

async function checkSignature(key: CryptoKey, token: string): Promise<void> {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const signed = new TextEncoder().encode(`${header}.${payload}`);
  const bytes = Uint8Array.fromBase64(signature, { alphabet: "base64url" });
  const algorithm = { name: "ECDSA", hash: "SHA-256" };
  const valid = await crypto.subtle.verify(algorithm, key, bytes, signed);
  if (!valid) throw new Error("The baseline refused a token it signed itself");
}

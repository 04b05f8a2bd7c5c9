// Brings distinct tokens to a token cache, one after the other, and prints {peakRss, heap, entries,
// bytes}: octets of the process at its highest, of the heap when all is done, tokens kept and what the
// cache takes them for. Takes the kind of tokens and their number.

import process from "node:process";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { toAuthUser } from "../../../shared/auth/auth-user.ts";
import { createTokenCache } from "../../../shared/auth/token-cache.ts";
import { createTokenVerifier, type TokenVerifier } from "../../../shared/auth/verify-token.ts";
import { readEnv } from "../../../shared/env.ts";
import { fixedEnvironment } from "../cold-start/environment.ts";

/** How tokens are made and who checks them. */
interface Source {
  verifier: TokenVerifier;
  make(number: number): string | Promise<string>;
}

const lifetimeSeconds = 3600;
const sampleEvery = 5_000;
const [kind, count] = [Deno.args[0], Number(Deno.args[1])];
const claims = {
  sub: crypto.randomUUID(),
  session_id: crypto.randomUUID(),
  email: "editor@studio.example.test",
  role: "authenticated",
  user_metadata: { display_name: "Kim Minji", industry: "Broadcasting", pref_theme: "dark" },
  app_metadata: { tier: "pro", permissions: ["videos.write"], role: "admin" },
};

/** Tokens of a usual length that are not signed; what is read out of each is made anew. */
function stubSource(): Source {
  const text = JSON.stringify(claims);
  const user = toAuthUser(claims);
  const filling = "x".repeat(800);
  return {
    make: (number) => `${filling}.${number}`,
    verifier: {
      verify: (token) => {
        const exp = Math.floor(Date.now() / 1000) + lifetimeSeconds;
        return Promise.resolve({ user, claims: { ...JSON.parse(text), exp }, token });
      },
    },
  };
}

async function realSource(): Promise<Source> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...await exportJWK(publicKey), kid: "soak", alg: "ES256", use: "sig" };
  const env = readEnv({ ...fixedEnvironment, SUPABASE_JWKS: JSON.stringify({ keys: [jwk] }) });
  return {
    verifier: createTokenVerifier(env),
    make: (number) =>
      new SignJWT({ ...claims, aal: "aal1", amr: [{ method: "password", timestamp: number }] })
        .setProtectedHeader({ alg: "ES256", kid: "soak", typ: "JWT" })
        .setIssuer(env.jwtIssuer)
        .setAudience("authenticated")
        .setSubject(claims.sub)
        .setIssuedAt()
        .setExpirationTime("1h")
        .sign(privateKey),
  };
}

const source = kind === "real" ? await realSource() : stubSource();
const cache = createTokenCache(source.verifier);
let peakRss = 0;
for (let number = 0; number < count; number++) {
  await cache.verify(await source.make(number));
  if (number % sampleEvery === 0) peakRss = Math.max(peakRss, Deno.memoryUsage().rss);
}
Reflect.get(globalThis, "gc")?.();
const { heapUsed, external } = Deno.memoryUsage();
const { entries, bytes } = cache;
process.stdout.write(
  `${JSON.stringify({ peakRss, heap: heapUsed + external, entries, bytes })}\n`,
);
process.exit(0);

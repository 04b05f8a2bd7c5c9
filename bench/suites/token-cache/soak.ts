// Brings distinct tokens to a token cache and prints {peak, early, verified, entries, bytes}: octets
// of the process at its highest, and within the first quarter of the tokens; tokens that the verifier
// behind the cache accepted, tokens kept and what the cache takes them for. Takes the number of tokens,
// and a file of real ones (write-tokens.ts); without it they are not signed.

import { createReadStream } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { toAuthUser } from "../../../shared/auth/auth-user.ts";
import { createTokenCache } from "../../../shared/auth/token-cache.ts";
import { createTokenVerifier, type TokenVerifier } from "../../../shared/auth/verify-token.ts";
import { readEnv } from "../../../shared/env.ts";
import { fixedEnvironment } from "../cold-start/environment.ts";
import { sampleClaims } from "./claims.ts";

/** Tokens, who checks them, and how many are under way at once. */
interface Source {
  tokens: Iterable<string> | AsyncIterable<string>;
  verifier: TokenVerifier;
  atOnce: number;
}

const lifetimeSeconds = 3600;
const sampleEvery = 1_000;
const [count, file] = [Number(Deno.args[0]), Deno.args[1]];

/** Tokens of a usual length that are not signed; what is read out of each is made anew. */
function stubSource(): Source {
  const text = JSON.stringify(sampleClaims);
  const user = toAuthUser(sampleClaims);
  const filling = "x".repeat(800);
  function* tokens() {
    for (let number = 0;; number++) yield `${filling}.${number}`;
  }
  return {
    tokens: tokens(),
    atOnce: 1,
    verifier: {
      verify: (token) => {
        const exp = Math.floor(Date.now() / 1000) + lifetimeSeconds;
        return Promise.resolve({ user, claims: { ...JSON.parse(text), exp }, token });
      },
    },
  };
}

/** Tokens of a file, as many under way as keep every core at work on signatures. */
async function fileSource(path: string): Promise<Source> {
  const tokens = createInterface({ input: createReadStream(path) })[Symbol.asyncIterator]();
  const { value: jwk } = await tokens.next();
  const env = readEnv({ ...fixedEnvironment, SUPABASE_JWKS: `{"keys":[${jwk}]}` });
  return { tokens, verifier: createTokenVerifier(env), atOnce: 16 };
}

const { tokens, verifier, atOnce } = file ? await fileSource(file) : stubSource();
let verified = 0;
const cache = createTokenCache({
  verify: async (token) => {
    const answer = await verifier.verify(token);
    verified++;
    return answer;
  },
});
let brought = 0;
let peak = 0;
let early = 0;

function sample(): void {
  peak = Math.max(peak, Deno.memoryUsage().rss);
  if (brought <= count / 4) early = peak;
}

async function bring(): Promise<void> {
  for await (const token of tokens) {
    if (brought === count) return;
    if (brought++ % sampleEvery === 0) sample();
    await cache.verify(token);
  }
}

await Promise.all(Array.from({ length: atOnce }, bring));
const { entries, bytes } = cache;
process.stdout.write(`${JSON.stringify({ peak, early, verified, entries, bytes })}\n`);
process.exit(0);

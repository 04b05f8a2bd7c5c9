import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { sampleClaims, tokenIssuer } from "./claims.ts";

/** Signatures under way at once: they leave the event loop, so that every core has some. */
const batch = 64;

/**
 * Writes a file of ES256 tokens that all differ and are good for an hour, one a line, behind a line
 * with the public key (a JWK) that they are verified with.
 */
export async function writeTokens(path: string, count: number): Promise<void> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...await exportJWK(publicKey), kid: "soak", alg: "ES256", use: "sig" };
  async function* lines() {
    yield `${JSON.stringify(jwk)}\n`;
    for (let first = 0; first < count; first += batch) {
      const numbers = Array.from({ length: Math.min(batch, count - first) }, (_, i) => first + i);
      const tokens = await Promise.all(numbers.map((number) => sign(privateKey, number)));
      yield `${tokens.join("\n")}\n`;
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(path));
}

function sign(key: CryptoKey, number: number): Promise<string> {
  return new SignJWT({ ...sampleClaims, amr: [{ method: "password", timestamp: number }] })
    .setProtectedHeader({ alg: "ES256", kid: "soak", typ: "JWT" })
    .setIssuer(tokenIssuer)
    .setAudience("authenticated")
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(key);
}

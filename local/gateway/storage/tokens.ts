import { createHmac } from "node:crypto";
import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { refuse } from "./errors.ts";

export interface UrlSigner {
  /** A token that opens exactly `path` (bucket/key) for `seconds`. */
  sign(purpose: Purpose, path: string, seconds: number, extra?: JWTPayload): Promise<string>;
  /** The token's claims; refused when it is expired, forged, for another path or purpose. */
  verify(purpose: Purpose, path: string, token: string): Promise<JWTPayload>;
}

type Purpose = "download" | "upload";

export function createUrlSigner(secret: string): UrlSigner {
  // Keys of their own, so that no URL token is ever a login token nor a download token an upload's.
  const keyOf = (purpose: Purpose) =>
    createHmac("sha256", secret).update(`storage url ${purpose}`).digest();

  return {
    sign: (purpose, path, seconds, extra = {}) =>
      new SignJWT({ ...extra, url: path })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setIssuedAt()
        .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
        .sign(keyOf(purpose)),
    verify: async (purpose, path, token) => {
      const claims = await readToken(token, keyOf(purpose));
      if (claims["url"] !== path) throw refuse.signatureMismatch();
      return claims;
    },
  };
}

async function readToken(token: string, key: Uint8Array): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, key, { algorithms: ["HS256"] })).payload;
  } catch (error) {
    if (error instanceof errors.JOSEError) throw refuse.invalidSignature(error.message);
    throw error;
  }
}

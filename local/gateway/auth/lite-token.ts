import { type JWTPayload, SignJWT } from "jose";

/** HS256 over the same claims: the only signature lite reads. */
export async function signLiteToken(claims: JWTPayload, secret: string): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .sign(new TextEncoder().encode(secret));
}

import { exportJWK, generateKeyPair, SignJWT } from "jose";

type Environment = Readonly<Record<string, string>>;

const id = "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11";

/** A token of a user, and the environment of a function that knows the key which signed it. */
export async function signIn(env: Environment): Promise<{ token: string; env: Environment }> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const claims = {
    iss: `${env["SUPABASE_URL"]}/auth/v1`,
    aud: "authenticated",
    role: "authenticated",
    sub: id,
    session_id: id,
    email: "mina@example.com",
    app_metadata: { tier: "pro" },
    user_metadata: { display_name: "Mina Park", onboarding_completed: true },
  };
  const token = await new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: id })
    .setIssuedAt().setExpirationTime("1h").sign(privateKey);
  const key = { ...await exportJWK(publicKey), kid: id, alg: "ES256", use: "sig" };
  return { token, env: { ...env, SUPABASE_JWKS: JSON.stringify({ keys: [key] }) } };
}

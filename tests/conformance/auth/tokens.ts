import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from "jose";
import { SignJWT } from "jose";
import { expect } from "vitest";
import { claimsOf } from "../../support/sql.ts";
import { useStack } from "../../support/stack.ts";
import { createForeignKey, mintToken, unsignedToken, userClaims } from "../../support/tokens.ts";
import { anonymousClient } from "../../support/users.ts";
import { createPerson, createSignedIn, getUser, logIn, PASSWORD, refresh } from "./people.ts";
import { fromClient, observed, type Row, send } from "./row.ts";

const anyText = expect.any(String);
const anyNumber = expect.any(Number);

async function readJwks(): Promise<JSONWebKeySet> {
  const { body } = await send("/.well-known/jwks.json", { key: null });
  return { keys: body.keys as JSONWebKeySet["keys"] };
}

/** Access tokens, keys, bearer checks and key translation: facts 1.1 to 1.4. */
export const tokenRows: Row[] = [
  {
    name: "an access token carries the whole claim set",
    facts: "1.1",
    run: async () => {
      const { accessToken } = await createSignedIn({ app_metadata: { tier: "pro" } });
      return observed(claimsOf(accessToken));
    },
    expected: {
      status: 200,
      body: {
        iss: anyText,
        sub: anyText,
        aud: "authenticated",
        iat: anyNumber,
        exp: anyNumber,
        email: anyText,
        phone: "",
        app_metadata: { tier: "pro" },
        user_metadata: expect.any(Object),
        role: "authenticated",
        aal: "aal1",
        session_id: anyText,
        is_anonymous: false,
      },
      without: ["jti", "nbf", "email_confirmed_at", "created_at"],
    },
  },
  {
    name: "exp lies an hour after iat, both in seconds",
    facts: "1.1",
    run: async () => {
      const claims = claimsOf((await createSignedIn()).accessToken);
      return observed({ life: Number(claims.exp) - Number(claims.iat) });
    },
    expected: { status: 200, body: { life: 3600 } },
  },
  {
    name: "iss is the address of Auth",
    facts: "1.1",
    run: async () => observed(claimsOf((await createSignedIn()).accessToken)),
    get expected() {
      return { status: 200, body: { iss: useStack().jwtIssuer } };
    },
  },
  {
    name: "amr tells the password with its time in whole seconds",
    facts: "1.1",
    run: async () => {
      const { amr } = claimsOf((await createSignedIn()).accessToken);
      const [entry] = amr as { method: string; timestamp: number }[];
      return observed({ method: entry?.method, whole: Number.isInteger(entry?.timestamp) });
    },
    expected: { status: 200, body: { method: "password", whole: true } },
  },
  {
    name: "a refresh keeps session and amr and issues a new token",
    facts: "1.1, 2.4",
    run: async () => {
      const { accessToken, refreshToken } = await createSignedIn();
      const { body } = await refresh(refreshToken);
      const [before, after] = [claimsOf(accessToken), claimsOf(body.access_token)];
      return observed({
        sameSession: before.session_id === after.session_id,
        sameAmr: JSON.stringify(before.amr) === JSON.stringify(after.amr),
        rotated: body.refresh_token !== refreshToken,
      });
    },
    expected: { status: 200, body: { sameSession: true, sameAmr: true, rotated: true } },
  },
  {
    name: "the token is signed by a key of the key set",
    facts: "1.2",
    run: async () => {
      const { accessToken } = await createSignedIn();
      const jwks = await readJwks();
      await jwtVerify(accessToken, createLocalJWKSet(jwks), { algorithms: ["ES256", "RS256"] });
      const { kid } = decodeProtectedHeader(accessToken);
      return observed({ known: jwks.keys.some((key) => key.kid === kid) });
    },
    expected: { status: 200, body: { known: true } },
  },
  {
    name: "getClaims checks the signature without asking the server",
    facts: "1.4",
    run: async () => {
      const { email } = await createPerson();
      const client = anonymousClient();
      await client.auth.signInWithPassword({ email, password: PASSWORD });
      const { data, error } = await client.auth.getClaims();
      return fromClient({ data: data?.header ?? {}, error });
    },
    expected: { status: 200, body: { alg: "ES256", kid: anyText } },
  },
  {
    name: "the key set may be cached for ten minutes",
    facts: "1.2",
    run: () => send("/.well-known/jwks.json", { key: null }),
    expected: { status: 200, headers: { "cache-control": /max-age=600/ } },
  },
  {
    name: "the key set holds public halves only and no shared secret",
    facts: "1.2",
    run: async () => {
      const { keys } = await readJwks();
      const secrets = keys.filter((key) => key.kty === "oct" || "d" in key);
      return observed({ keys: keys.length > 0, secrets: secrets.length });
    },
    expected: { status: 200, body: { keys: true, secrets: 0 } },
  },
  {
    name: "the discovery document is served",
    facts: "1.2",
    run: () => send("/.well-known/openid-configuration", { key: null }),
    expected: { status: 200, body: { jwks_uri: anyText } },
  },
  {
    name: "a token of a foreign key with our key id is refused",
    facts: "1.2, 3",
    run: async () => {
      const key = await createForeignKey();
      const token = await new SignJWT(userClaims())
        .setProtectedHeader({ alg: "ES256", kid: key.kid })
        .sign(
          await crypto.subtle.importKey(
            "jwk",
            key,
            { name: "ECDSA", namedCurve: "P-256" },
            false,
            ["sign"],
          ),
        );
      return await getUser(token);
    },
    expected: { status: 403, code: "bad_jwt" },
  },
  {
    name: "a token without a signature is refused",
    facts: "1.2, 3",
    run: () => getUser(unsignedToken()),
    expected: { status: 403, code: "bad_jwt" },
  },
  {
    name: "garbage as a bearer token is refused",
    facts: "1.2, 3",
    run: () => getUser("not-a-token"),
    expected: { status: 403, code: "bad_jwt" },
  },
  {
    name: "an expired token is refused",
    facts: "1.2, 3",
    needs: ["signing key"],
    run: async () => {
      const { id, accessToken } = await createSignedIn();
      const { session_id } = claimsOf(accessToken);
      const past = Math.floor(Date.now() / 1000) - 600;
      return await getUser(await mintToken({ sub: id, session_id, exp: past }));
    },
    expected: { status: 403, code: "bad_jwt" },
  },
  {
    name: "a token for another audience cannot read the user",
    facts: "1.2",
    needs: ["signing key"],
    run: async () => {
      const { id, accessToken } = await createSignedIn();
      const { session_id } = claimsOf(accessToken);
      return await getUser(await mintToken({ sub: id, session_id, aud: "elsewhere" }));
    },
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "the scheme of the bearer header is case-insensitive",
    facts: "6 (auth_test.go:48)",
    run: async () => {
      const { accessToken } = await createSignedIn();
      return await send("/user", { headers: { authorization: `bearer ${accessToken}` } });
    },
    expected: { status: 200, body: { aud: "authenticated" } },
  },
  {
    name: "another scheme than Bearer is no authorization",
    facts: "1.4, 3",
    run: () => send("/user", { headers: { authorization: "Basic abc" } }),
    expected: { status: 401, code: "no_authorization" },
  },
  {
    name: "the publishable key stands for a token without a subject",
    facts: "1.4",
    run: () => send("/user"),
    expected: { status: 403, code: "bad_jwt" },
  },
  {
    name: "the secret key in both headers is the service role",
    facts: "1.4",
    run: () => send("/admin/users?per_page=1", { key: "secret", token: useStack().secretKey }),
    expected: { status: 200, body: { aud: "authenticated" } },
  },
  {
    name: "a user's token beside the secret key stays the user's",
    facts: "1.4",
    run: async () => {
      const { accessToken } = await createSignedIn();
      return await send("/admin/users", { key: "secret", token: accessToken });
    },
    expected: { status: 403, code: "not_admin" },
  },
  {
    name: "the publishable key is no administrator",
    facts: "1.3, 3",
    run: () => send("/admin/users"),
    expected: { status: 403, code: "not_admin" },
  },
  {
    name: "a user whose role is service_role has the Admin API",
    facts: "1.3",
    run: async () => {
      const { accessToken } = await createSignedIn({ role: "service_role" });
      return await send("/admin/users?per_page=1", { token: accessToken });
    },
    expected: { status: 200, body: { aud: "authenticated" } },
  },
  {
    name: "an administrator's token of an ended session is refused",
    facts: "1.3",
    run: async () => {
      const { accessToken } = await createSignedIn({ role: "service_role" });
      await send("/logout", { method: "POST", token: accessToken });
      return await send("/admin/users?per_page=1", { token: accessToken });
    },
    expected: { status: 403, code: "session_not_found" },
  },
  {
    name: "a user may overwrite what sign-up wrote into the metadata",
    facts: "1.1",
    run: async () => {
      const { email } = await createPerson();
      const { body } = await logIn(email);
      const data = { email_verified: "says the user" };
      return await send("/user", { method: "PUT", token: body.access_token, json: { data } });
    },
    expected: { status: 200, body: { user_metadata: { email_verified: "says the user" } } },
  },
];

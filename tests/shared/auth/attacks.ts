import { Buffer } from "node:buffer";
import {
  type Attack,
  bringsKey,
  claimed,
  dataUrl,
  emptySecret,
  encryptedToken,
  flipBit,
  foreignKey,
  forged,
  headerText,
  hmacSecrets,
  issuers,
  join,
  nested,
  nextLetter,
  odd,
  orderHex,
  payload,
  show,
  signed,
  someone,
  spelled,
  strangeIds,
  twice,
  withText,
} from "./attack-rows.ts";
import {
  base64url,
  changed,
  claimsOf,
  hmac,
  mint,
  mirrorSignature,
  newEdKey,
  newKey,
  newRsaKey,
  now,
  octets,
  publicJwk,
  signEd,
  signWith,
  toDer,
} from "./forge.ts";

export type { Attack, Verdict } from "./attack-rows.ts";

/**
 * The attack suite on access tokens, as data. `attacks.test.ts` runs it against the verifier,
 * `attacks-stack.test.ts` against GET /me of the running stack. In a row without a signature of its
 * own the deployment's real key has signed, so that nothing but what the row says is at fault.
 */
export const attacks: Readonly<Record<string, readonly Attack[]>> = {
  "algorithm": [
    ...["none", "None", "NONE", "nOnE", "none ", " none", "none\u0000"].flatMap((alg) => [
      forged(`alg ${JSON.stringify(alg)} without a signature`, { alg }, () => Buffer.alloc(0)),
      forged(`alg ${JSON.stringify(alg)} with a good ES256 signature`, { alg }),
    ]),
    ...[undefined, null, "", 7, true, ["ES256"], ["none"], { alg: "ES256" }].map((alg) =>
      forged(`alg ${JSON.stringify(alg)}`, { alg })
    ),
    ...["es256", "Es256", "ES256 ", "ES 256", "ES256K", "ES384", "ES512", "PS256", "EdDSA"].map(
      (alg) => forged(`alg ${JSON.stringify(alg)} over an ES256 signature`, { alg }),
    ),
    forged("alg RS256 over an ES256 signature", { alg: "RS256" }),
    forged("alg HS256 over an ES256 signature", { alg: "HS256" }),
    forged("alg dir", { alg: "dir", enc: "A256GCM" }),
    ...["__proto__", "constructor", "toString", "hasOwnProperty"].map((alg) =>
      forged(`alg ${alg}`, { alg })
    ),
  ],
  "public key as HMAC secret": ["HS256", "HS384", "HS512"].flatMap((alg) =>
    hmacSecrets.map(([what, secret]) =>
      forged(`${alg} with ${what}`, { alg }, hmac(secret, `sha${alg.slice(2)}`))
    )
  ),
  "keys a token brings along": [
    ...bringsKey("jwk", (key) => publicJwk(key)),
    ...bringsKey("jwk with our kid", (key, { kid }) => ({ ...publicJwk(key), kid }), "jwk"),
    ...bringsKey("jku", () => "https://attacker.test/.well-known/jwks.json"),
    ...bringsKey("jku on our own host", (_key, { issuer }) => `${issuer}/../../jwks.json`, "jku"),
    ...bringsKey("jku as data address", (key) => dataUrl({ keys: [publicJwk(key)] }), "jku"),
    ...bringsKey("x5u", () => "https://attacker.test/chain.pem"),
    ...bringsKey("x5c", () => ["MIIBszCCAVmgAwIBAgIUAAAA"]),
    ...bringsKey("x5t", () => "AAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    forged(
      "a jwk that is an HMAC key",
      { alg: "HS256", jwk: { kty: "oct", k: "AA" } },
      emptySecret,
    ),
    {
      what: "a real signature with a jku, which is not followed",
      expected: "accepted",
      token: (forge) => mint(forge, { header: { jku: "http://127.0.0.1:9/jwks.json" } }),
    },
  ],
  "header": [
    forged("crit of an unknown extension", { crit: ["exp"], exp: 1 }),
    forged("crit that is empty", { crit: [] }),
    forged("crit that is a text", { crit: "b64" }),
    forged("crit naming what is not there", { crit: ["nothing"] }),
    forged("crit naming alg", { crit: ["alg"] }),
    forged("b64 false and critical", { b64: false, crit: ["b64"] }),
    forged("b64 that is a text and critical", { b64: "false", crit: ["b64"] }),
    headerText("that is a list", "[]"),
    headerText("that is null", "null"),
    headerText("that is a number", "7"),
    headerText("that is empty", ""),
    headerText("that is no JSON", "{alg:ES256}"),
    headerText("that ends early", '{"alg":"ES256"'),
    headerText("followed by another", '{"alg":"ES256"}{"alg":"ES256"}'),
    headerText("in UTF-16", "\u0000{\u0000}"),
    headerText("with a byte order mark twice", '\ufeff\ufeff{"alg":"ES256"}'),
    headerText(
      "with alg none after ES256",
      ({ kid }) => `{"alg":"ES256","kid":"${kid}","alg":"none"}`,
    ),
    headerText(
      "with alg HS256 after ES256",
      ({ kid }) => `{"alg":"ES256","kid":"${kid}","alg":"HS256"}`,
    ),
    headerText(
      "with a foreign kid after ours",
      ({ kid }) => `{"alg":"ES256","kid":"${kid}","kid":"other"}`,
    ),
    headerText(
      "with alg under __proto__",
      ({ kid }) => `{"__proto__":{"alg":"ES256"},"kid":"${kid}"}`,
    ),
    forged("nested 2,000 deep", { deep: nested(2000) }, foreignKey),
    forged("typ of a nested token", { cty: "JWT" }, foreignKey),
    forged("zip", { zip: "DEF" }, foreignKey),
  ],
  "key id": [
    ...[
      "unknown",
      "",
      " ",
      "../../../../dev/null",
      "/dev/null",
      "../../.well-known/jwks.json",
      "file:///etc/passwd",
      "https://attacker.test/key",
      "' or '1'='1",
      "'; drop table users; --",
      "| whoami",
      "$(whoami)",
      "__proto__",
      "constructor",
      "toString",
      "0",
      "*",
      "<script>alert(1)</script>",
      "kid\u0000",
      "k".repeat(2000),
    ].map((kid) => forged(`kid ${JSON.stringify(kid).slice(0, 40)}`, { kid })),
    ...[null, 7, true, [], {}].map((kid) => forged(`kid ${JSON.stringify(kid)}`, { kid })),
    {
      what: "our kid in a list",
      expected: "token_invalid",
      token: (forge) => mint(forge, { header: { kid: [forge.kid] } }),
    },
    {
      what: "our kid with a blank behind",
      expected: "token_invalid",
      token: (forge) => mint(forge, { header: { kid: `${forge.kid} ` } }),
    },
    forged("kid ../../../../dev/null, HMAC with nothing", {
      alg: "HS256",
      kid: "../../../../dev/null",
    }, emptySecret),
    forged("another's key under our kid", {}, foreignKey),
    forged("another's key without kid", { kid: undefined }, foreignKey),
  ],
  "signature": [
    signed("none", () => Buffer.alloc(0)),
    signed("64 zero octets (r = s = 0)", octets(64)),
    signed("64 octets of 0xff", octets(64, 0xff)),
    signed("one zero octet", octets(1)),
    signed("r = s = 1", () => Buffer.from(`${"00".repeat(31)}01`.repeat(2), "hex")),
    signed("r = s = the order of the curve", () => Buffer.from(orderHex.repeat(2), "hex")),
    signed("r = 0", changed((s) => Buffer.concat([Buffer.alloc(32), s.subarray(32)]))),
    signed("s = 0", changed((s) => Buffer.concat([s.subarray(0, 32), Buffer.alloc(32)]))),
    signed("r and s exchanged", changed((s) => Buffer.concat([s.subarray(32), s.subarray(0, 32)]))),
    signed("in DER", changed(toDer)),
    signed("in hex", changed((s) => Buffer.from(s.toString("hex")))),
    signed("in base64 twice", changed((s) => Buffer.from(s.toString("base64url")))),
    ...[1, 2, 31, 32, 63].map((length) =>
      signed(`cut to ${length} octets`, changed((s) => s.subarray(0, length)))
    ),
    ...[1, 2, 64].map((length) =>
      signed(
        `with ${length} octets behind`,
        changed((s) => Buffer.concat([s, Buffer.alloc(length)])),
      )
    ),
    signed("with a zero octet before", changed((s) => Buffer.concat([Buffer.alloc(1), s]))),
    signed("with one bit changed", changed(flipBit)),
    signed(
      "of the header alone",
      (input, forge) => signWith(forge.key)(input.split(".")[0] ?? "", forge),
    ),
    signed(
      "of the payload alone",
      (input, forge) => signWith(forge.key)(input.split(".")[1] ?? "", forge),
    ),
    signed("of the decoded parts", (input, forge) => signWith(forge.key)(decoded(input), forge)),
    signed("over SHA-384", (input, forge) => signWith(forge.key, "sha384")(input, forge)),
    signed("over SHA-1", (input, forge) => signWith(forge.key, "sha1")(input, forge)),
    signed("of another key", foreignKey),
    signed("of a key on secp256k1", (input, forge) => signWith(newKey("secp256k1"))(input, forge)),
    forged(
      "of P-384 as ES384 under our kid",
      { alg: "ES384" },
      (input, forge) => signWith(newKey("P-384"), "sha384")(input, forge),
    ),
    forged(
      "of Ed25519 under our kid",
      { alg: "EdDSA" },
      (input, forge) => signEd(newEdKey())(input, forge),
    ),
    forged(
      "of a foreign RSA key under our kid",
      { alg: "RS256" },
      (input, forge) => signWith(newRsaKey())(input, forge),
    ),
    {
      what: "moved from one payload to another",
      expected: "token_invalid",
      token(forge) {
        const [header, , signature] = mint(forge).split(".");
        const payload = base64url(JSON.stringify(claimsOf(forge, { sub: someone })));
        return `${header}.${payload}.${signature}`;
      },
    },
    {
      what: "the mirrored one (r, n - s): ECDSA allows both and the claims are the same",
      expected: "accepted",
      token: (forge) => mint(forge, { signature: changed(mirrorSignature) }),
    },
  ],
  "spelling": [
    spelled("an empty text", () => ""),
    spelled("two dots", () => ".."),
    spelled("a null text", () => "null"),
    spelled("an object's text", () => "[object Object]"),
    spelled("one part", ({ header }) => header),
    spelled("two parts", ({ header, payload }) => `${header}.${payload}`),
    spelled("an empty signature", ({ header, payload }) => `${header}.${payload}.`),
    spelled(
      "a fourth part",
      ({ header, payload, signature }) => `${header}.${payload}.${signature}.${signature}`,
    ),
    spelled("an empty fourth part", (parts) => `${join(parts)}.`),
    spelled("a dot before", (parts) => `.${join(parts)}`),
    spelled("an empty header", ({ payload, signature }) => `.${payload}.${signature}`),
    spelled("an empty payload", ({ header, signature }) => `${header}..${signature}`),
    spelled("padding behind the signature", (parts) => `${join(parts)}==`),
    spelled("one = behind the signature", (parts) => `${join(parts)}=`),
    spelled(
      "padding behind the header",
      ({ header, payload, signature }) => `${header}=.${payload}.${signature}`,
    ),
    spelled("a blank before", (parts) => ` ${join(parts)}`),
    spelled(
      "a blank within",
      ({ header, payload, signature }) => `${header}. ${payload}.${signature}`,
    ),
    spelled(
      "a blank in the signature",
      ({ header, payload, signature }) =>
        `${header}.${payload}.${signature.slice(0, 40)} ${signature.slice(40)}`,
    ),
    spelled("a tab behind", (parts) => `${join(parts)}\t`),
    spelled("a line feed behind", (parts) => `${join(parts)}\n`),
    spelled(
      "a line feed in the signature",
      ({ header, payload, signature }) =>
        `${header}.${payload}.${signature.slice(0, 40)}\n${signature.slice(40)}`,
    ),
    spelled("a NUL behind", (parts) => `${join(parts)}\u0000`),
    spelled("a no-break space behind", (parts) => `${join(parts)}\u00a0`),
    spelled("a zero-width space behind", (parts) => `${join(parts)}\u200b`),
    spelled(
      "full-width dots",
      ({ header, payload, signature }) => `${header}\uff0e${payload}\uff0e${signature}`,
    ),
    spelled(
      "percent-encoded dots",
      ({ header, payload, signature }) => `${header}%2e${payload}%2e${signature}`,
    ),
    spelled(
      "spare bits set in the signature",
      ({ header, payload, signature }) =>
        `${header}.${payload}.${signature.slice(0, -1)}${nextLetter(signature.slice(-1))}`,
    ),
    spelled("a quoted token", (parts) => `"${join(parts)}"`),
    spelled("the token twice, with a comma", (parts) => `${join(parts)},${join(parts)}`),
    spelled(
      "the JSON serialization",
      ({ header, payload, signature }) => JSON.stringify({ protected: header, payload, signature }),
    ),
    spelled(
      "header in base64 of the other alphabet",
      ({ header, payload, signature }) => `+${header.slice(1)}.${payload}.${signature}`,
    ),
    spelled("a megabyte", () => "a".repeat(1_000_000)),
    spelled("a megabyte of dots", () => ".".repeat(1_000_000)),
    spelled("8,193 characters", (parts) => `${join(parts)}${"A".repeat(8193)}`.slice(0, 8193)),
    spelled("a JWE", () => encryptedToken()),
  ],
  "nested tokens": [
    {
      what: "a good token as payload of an unsecured one",
      expected: "token_invalid",
      token: (forge) => `${base64url('{"alg":"none","cty":"JWT"}')}.${base64url(mint(forge))}.`,
    },
    {
      what: "a good token as payload, signed by another",
      expected: "token_invalid",
      token: (forge) =>
        mint(forge, { header: { cty: "JWT" }, claims: mint(forge), signature: foreignKey }),
    },
    {
      what: "a token as payload of one of ours, whose payload then is no JSON",
      expected: "token_invalid",
      token: (forge) => mint(forge, { header: { cty: "JWT" }, claims: mint(forge) }),
    },
  ],
  "payload": [
    payload("that is empty", ""),
    payload("that is null", "null"),
    payload("that is a list of claims", (forge) => `[${JSON.stringify(claimsOf(forge))}]`),
    payload("that is a text", '"authenticated"'),
    payload("that is a number", "1"),
    payload("that ends early", (forge) => JSON.stringify(claimsOf(forge)).slice(0, -1)),
    payload("with something behind", (forge) => `${JSON.stringify(claimsOf(forge))}}`),
    payload("with a NUL behind", (forge) => `${JSON.stringify(claimsOf(forge))}\u0000`),
    payload("with single quotes", "{'role':'authenticated'}"),
    payload("with NaN as exp", (forge) => withText(forge, "exp", "NaN")),
    payload("with Infinity as exp", (forge) => withText(forge, "exp", "Infinity")),
    payload("with exp in hex", (forge) => withText(forge, "exp", "0x7fffffff")),
    payload("with role anon after authenticated", (forge) => twice(forge, "role", '"anon"')),
    payload(
      "with role service_role after authenticated",
      (forge) => twice(forge, "role", '"service_role"'),
    ),
    payload("with another sub that is no UUID after ours", (forge) => twice(forge, "sub", '"x"')),
    payload("with another aud after ours", (forge) => twice(forge, "aud", '"other"')),
    payload("with another iss after ours", (forge) => twice(forge, "iss", '"https://x.test"')),
    payload(
      "with an exp of the past after ours",
      (forge) => twice(forge, "exp", "1"),
      "token_expired",
    ),
    payload(
      "with an exp of the past before ours: the last counts (RFC 7519, 4)",
      (forge) => `{"exp":1,${JSON.stringify(claimsOf(forge)).slice(1)}`,
      "accepted",
    ),
    payload(
      "with the claims under __proto__",
      (forge) => `{"__proto__":${JSON.stringify(claimsOf(forge))}}`,
    ),
    payload(
      "with role under __proto__",
      (forge) =>
        JSON.stringify(claimsOf(forge, { role: undefined })).replace(
          /^\{/,
          '{"__proto__":{"role":"authenticated"},',
        ),
    ),
    payload(
      "with exp under constructor.prototype",
      (forge) =>
        JSON.stringify(claimsOf(forge, { exp: undefined })).replace(
          /^\{/,
          '{"constructor":{"prototype":{"exp":9999999999}},',
        ),
    ),
    payload("with claim names in capitals", (forge) =>
      JSON.stringify(Object.fromEntries(
        Object.entries(claimsOf(forge)).map(([name, value]) => [name.toUpperCase(), value]),
      ))),
  ],
  "times": [
    claimed("exp missing", { exp: undefined }),
    claimed("exp a minute ago", () => ({ exp: now() - 60 }), "token_expired"),
    claimed("exp 6 s ago", () => ({ exp: now() - 6 }), "token_expired"),
    claimed("exp 3 s ago, within the tolerance", () => ({ exp: now() - 3 }), "accepted"),
    claimed("exp 0", { exp: 0 }, "token_expired"),
    claimed("exp -1", { exp: -1 }, "token_expired"),
    claimed("exp -1e308", { exp: -1e308 }, "token_expired"),
    ...odd("exp", ["9999999999", "", "never", null, true, [9_999_999_999], {}]),
    claimed("exp as text of an hour from now", () => ({ exp: String(now() + 3600) })),
    claimed("exp with a fraction", () => ({ exp: now() + 3600.5 })),
    claimed("exp in milliseconds", () => ({ exp: (now() + 3600) * 1000 })),
    claimed("exp 1e21", { exp: 1e21 }),
    claimed("exp 1e308", { exp: 1e308 }),
    payload("with exp 1e999, which is Infinity", (forge) => withText(forge, "exp", "1e999")),
    claimed("exp 2^53", { exp: 2 ** 53 }),
    claimed("exp 8 days from now", () => ({ exp: now() + 8 * 86_400 })),
    claimed("exp 7 days from now", () => ({ exp: now() + 7 * 86_400 }), "accepted"),
    claimed("nbf in 10 minutes", () => ({ nbf: now() + 600 })),
    claimed("nbf in 3 s, within the tolerance", () => ({ nbf: now() + 3 }), "accepted"),
    claimed("nbf 1e308", { nbf: 1e308 }),
    ...odd("nbf", ["0", null, true, [0], {}]),
    claimed("nbf -1e308", { nbf: -1e308 }, "accepted"),
    claimed("iat missing", { iat: undefined }),
    claimed("iat in an hour", () => ({ iat: now() + 3600 })),
    claimed("iat in 30 s, a clock ahead", () => ({ iat: now() + 30 }), "accepted"),
    claimed("iat 1e308", { iat: 1e308 }),
    claimed("iat -1", { iat: -1 }),
    claimed("iat 0, a token of 50 years", { iat: 0 }),
    claimed("iat with a fraction", () => ({ iat: now() - 0.5 })),
    ...odd("iat", ["0", "", null, true, [0], {}]),
  ],
  "issuer": [
    claimed("iss missing", { iss: undefined }),
    ...issuers.map(([what, iss]): Attack => ({
      what: `iss ${what}`,
      expected: "token_invalid",
      token: (forge) => mint(forge, { claims: { iss: iss(forge.issuer) } }),
    })),
    ...odd("iss", ["", "supabase", null, 7, true, {}]),
  ],
  "audience": [
    claimed("aud missing", { aud: undefined }),
    ...odd("aud", [
      "",
      "anon",
      "service_role",
      "Authenticated",
      "AUTHENTICATED",
      "authenticated ",
      " authenticated",
      "authenticated/",
      "authenticated,other",
      "authenticatéd",
      [],
      ["other"],
      ["authenticated"],
      ["authenticated", "other"],
      [["authenticated"]],
      { 0: "authenticated" },
      null,
      7,
      true,
    ]),
  ],
  "role": [
    claimed("role missing", { role: undefined }),
    ...odd("role", [
      "",
      "anon",
      "service_role",
      "supabase_admin",
      "postgres",
      "admin",
      "Authenticated",
      "AUTHENTICATED",
      "authenticated ",
      "authenticated\u0000",
      ["authenticated"],
      { role: "authenticated" },
      null,
      1,
      true,
    ]),
    claimed("role missing, but in user_metadata", {
      role: undefined,
      user_metadata: { role: "authenticated" },
    }),
    claimed("of the anon key: role anon, no sub, ten years", () => ({
      role: "anon",
      sub: undefined,
      session_id: undefined,
      exp: now() + 315_360_000,
    })),
    claimed("of the service key: role service_role, no sub, ten years", () => ({
      role: "service_role",
      sub: undefined,
      session_id: undefined,
      exp: now() + 315_360_000,
    })),
    claimed("of the service key with a sub and a session", { role: "service_role" }),
    claimed("an identity token: aud is a client, no role", { aud: someone, role: undefined }),
  ],
  "subject": [claimed("sub missing", { sub: undefined }), ...odd("sub", strangeIds)],
  "session": [
    claimed("session_id missing", { session_id: undefined }),
    ...odd("session_id", strangeIds),
  ],
  "claims of no consequence": [
    ...([
      ["user_metadata", [null, [], ["tier", "pro"], "text", 7, true, "x".repeat(3000)]],
      ["app_metadata", [null, [], ["tier", "pro"], "enterprise", 7, true, "x".repeat(3000)]],
      ["email", [null, [], 7, {}, "<script>alert(1)</script>", "x".repeat(3000), "a@b\r\nX: y"]],
      ["aal", [null, [], 7, "aal9", "x".repeat(1000)]],
      ["amr", [null, "password", 7, nested(1000)]],
      ["is_anonymous", [null, "true", 1, []]],
      ["user_created_at", [null, "yesterday", -1e308, 1e308, [], {}]],
      ["email_verified", ["true", 1, null, []]],
    ] as const).flatMap(([name, values]) =>
      values.map((value) =>
        claimed(`${name} ${show(value)}, clamped`, { [name]: value }, "accepted")
      )
    ),
    payload(
      "with prototype keys in user_metadata, left out",
      (forge) =>
        withText(
          forge,
          "user_metadata",
          '{"__proto__":{"tier":"enterprise"},"constructor":{"prototype":{"tier":"pro"}},' +
            '"pref___proto__":1,"pref_constructor":"x","pref_to_string":7}',
        ),
      "accepted",
    ),
    payload(
      "with prototype keys in app_metadata, left out",
      (forge) =>
        withText(forge, "app_metadata", '{"__proto__":{"tier":"enterprise","role":"owner"}}'),
      "accepted",
    ),
    claimed("authority in user_metadata, left out", {
      user_metadata: { tier: "enterprise", role: "owner", permissions: ["all"] },
    }, "accepted"),
    claimed("HTML in the name, kept as text", {
      user_metadata: { display_name: "<img src=x onerror=alert(1)>" },
    }, "accepted"),
    claimed("metadata nested 1,000 deep, left out", {
      user_metadata: { pref_deep: nested(1000), display_name: nested(1000) },
    }, "accepted"),
    claimed("a megabyte of metadata", { user_metadata: { display_name: "x".repeat(1_000_000) } }),
    claimed("a megabyte of e-mail", { email: "x".repeat(1_000_000) }),
  ],
};

/** How many tokens the suite tries. */
export const attackCount = Object.values(attacks).flat().length;

/** Header and payload as JSON, where the standard signs their base64url. */
function decoded(input: string): string {
  return input.split(".").map((part) => Buffer.from(part, "base64url").toString()).join(".");
}

import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { profileSchema, toProfile } from "../../../shared/auth/profile.ts";
import { tiers } from "../../../shared/auth/tiers.ts";
import { createTokenVerifier } from "../../../shared/auth/verify-token.ts";
import { deadPort } from "../../support/app.ts";
import { testSize } from "../../support/size.ts";
import { deploymentEnv, projectIssuer, verdictOf } from "./deployment.ts";
import {
  claimsOf,
  createForge,
  hmac,
  mint,
  newKey,
  newRsaKey,
  now,
  publicJwk,
  signWith,
} from "./forge.ts";

const legacySecret = "a-legacy-secret-of-32-characters";
const rsa = newRsaKey();
const forge = createForge(projectIssuer, newKey(), "ec-1");
const keys = [forge.publicKey, { ...publicJwk(rsa), kid: "rsa-1", alg: "RS256" }];
const common = {
  // Nobody listens there: whatever is not told by SUPABASE_JWKS cannot be known.
  SUPABASE_URL: `http://127.0.0.1:${deadPort}`,
  HEIMDEX_JWT_ISSUER: projectIssuer,
  SUPABASE_JWKS: JSON.stringify({ keys }),
};
const verifier = createTokenVerifier(deploymentEnv(common));
const byLegacySecret = (secret: string, kid?: string) =>
  mint(forge, { header: { alg: "HS256", kid }, signature: hmac(() => secret) });

describe("createTokenVerifier()", () => {
  it("answers user, claims and token of an ES256 token, frozen", async () => {
    const token = mint(forge);
    const verified = await verifier.verify(token);
    const { sub, session_id, email } = claimsOf(forge);
    expect(verified.user).toMatchObject({ supabaseUserId: sub, sessionId: session_id, email });
    expect(verified).toMatchObject({ token, claims: { sub, iss: projectIssuer } });
    expect(Object.isFrozen(verified)).toBe(true);
  });

  it("takes RS256 and ES256 without a kid, as a server without key ids signs", async () => {
    const header = { alg: "RS256", kid: "rsa-1" };
    const signature = signWith(rsa);
    expect(await verdictOf(verifier.verify(mint(forge, { header, signature })))).toBe("accepted");
    const anonymousKey = mint(forge, { header: { kid: undefined } });
    expect(await verdictOf(verifier.verify(anonymousKey))).toBe("accepted");
  });

  it.each(["RS384", "RS512"])("refuses %s of a key that names no algorithm", async (alg) => {
    const jwks = { keys: [{ ...publicJwk(rsa), kid: "rsa-1" }] };
    const lenient = createTokenVerifier(
      deploymentEnv({ ...common, SUPABASE_JWKS: JSON.stringify(jwks) }),
    );
    const tokenOf = (name: string) =>
      mint(forge, {
        header: { alg: name, kid: "rsa-1" },
        signature: signWith(rsa, `sha${name.slice(2)}`),
      });
    expect(await verdictOf(lenient.verify(tokenOf("RS256")))).toBe("accepted");
    expect(await verdictOf(lenient.verify(tokenOf(alg)))).toBe("token_invalid");
  });

  it("refuses HS256 where no legacy secret is configured, and asks nobody for a key", async () => {
    expect(await verdictOf(verifier.verify(byLegacySecret(legacySecret)))).toBe("token_invalid");
  });

  it("takes HS256 with the configured legacy secret alone, and ES256 beside it", async () => {
    const legacy = createTokenVerifier(deploymentEnv({
      ...common,
      HEIMDEX_LEGACY_JWT_SECRET: legacySecret,
    }));
    const verdict = (token: string) => verdictOf(legacy.verify(token));
    expect(await verdict(byLegacySecret(legacySecret))).toBe("accepted");
    expect(await verdict(byLegacySecret(legacySecret, "any"))).toBe("accepted");
    expect(await verdict(byLegacySecret(`${legacySecret}!`))).toBe("token_invalid");
    expect(await verdict(mint(forge))).toBe("accepted");
  });
});

/** Where and how a token is changed; positions are parts of its length. */
const mutation = fc.oneof(
  fc.record({ kind: fc.constant("replace" as const), at: fc.nat(), text: fc.string() }),
  fc.record({ kind: fc.constant("insert" as const), at: fc.nat(), text: fc.string() }),
  fc.record({ kind: fc.constant("cut" as const), at: fc.nat(), length: fc.nat(200) }),
  fc.record({ kind: fc.constant("double" as const), at: fc.nat(), length: fc.nat(200) }),
  fc.record({ kind: fc.constant("flip" as const), at: fc.nat(), bit: fc.nat(7) }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(token: string, change: Mutation): string {
  const at = change.at % token.length;
  const before = token.slice(0, at);
  const behind = token.slice(at);
  switch (change.kind) {
    case "replace":
      return before + change.text + behind.slice(change.text.length);
    case "insert":
      return before + change.text + behind;
    case "cut":
      return before + behind.slice(change.length + 1);
    case "double":
      return before + behind.slice(0, change.length + 1) + behind;
    case "flip":
      return flipDecoded(token, change.at, change.bit);
  }
}

/** Flips one bit of what a part decodes to, so that the spelling stays good. */
function flipDecoded(token: string, at: number, bit: number): string {
  const parts = token.split(".");
  const index = at % parts.length;
  const octets = Buffer.from(parts[index] ?? "", "base64url");
  const position = at % octets.length;
  octets[position] = (octets[position] ?? 0) ^ (1 << bit);
  return parts.with(index, octets.toString("base64url")).join(".");
}

/** A token can only be wrong or late; 503 where it names a key nobody here can know. */
const refusals = ["token_invalid", "token_expired", "keys_unavailable"];

describe("every token but the one that was signed", () => {
  it("is refused, with a documented error", async () => {
    const token = mint(forge);
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (changes) => {
        const mutated = changes.reduce(mutate, token);
        fc.pre(mutated !== token && mutated.length > 0);
        expect(refusals).toContain(await verdictOf(verifier.verify(mutated)));
      }),
      { numRuns: testSize({ sampled: 300, long: 20_000 }) },
    );
  });

  it("is refused when its claims are changed under the old signature", async () => {
    const [header, , signature] = mint(forge).split(".");
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(claimsOf(forge))),
        fc.jsonValue(),
        async (name, value) => {
          const claims = { ...claimsOf(forge), [name]: value, exp: now() + 7200 };
          const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
          const verdict = await verdictOf(verifier.verify(`${header}.${payload}.${signature}`));
          expect(verdict).toBe("token_invalid");
        },
      ),
      { numRuns: testSize({ sampled: 100, long: 10_000 }) },
    );
  });
});

describe("every token that was signed", () => {
  const anyClaims = fc.dictionary(
    fc.constantFrom(...Object.keys(claimsOf(forge)), "nbf", "email_verified", "user_created_at"),
    fc.oneof(fc.jsonValue(), fc.double(), fc.constantFrom(undefined, "x".repeat(500))),
    { maxKeys: 3 },
  );

  it("makes a whole user or is refused, whatever its claims hold", async () => {
    await fc.assert(
      fc.asyncProperty(anyClaims, async (claims) => {
        const token = mint(forge, { claims });
        const user = await verifier.verify(token).then((verified) => verified.user, () => null);
        if (user === null) {
          expect(refusals).toContain(await verdictOf(verifier.verify(token)));
          return;
        }
        profileSchema.parse(toProfile(user));
        expect(tiers).toContain(user.tier);
        expect([user.supabaseUserId, user.sessionId].every((id) => /^[0-9a-f-]{36}$/.test(id)))
          .toBe(true);
      }),
      { numRuns: testSize({ sampled: 300, long: 20_000 }) },
    );
  });

  it("is refused under any header but its own", async () => {
    const anyHeader = fc.dictionary(
      fc.constantFrom("alg", "kid", "crit", "b64", "jwk", "jku", "x5c", "zip"),
      fc.jsonValue(),
      { minKeys: 1, maxKeys: 3 },
    );
    await fc.assert(
      fc.asyncProperty(anyHeader, async (header) => {
        const good = mint(forge).split(".");
        const other = mint(forge, { header }).split(".");
        fc.pre(good[0] !== other[0]);
        const moved = [other[0], good[1], good[2]].join(".");
        expect(refusals).toContain(await verdictOf(verifier.verify(moved)));
      }),
      { numRuns: testSize({ sampled: 100, long: 10_000 }) },
    );
  });
});

/** A check taken out of the source, and the tests that have to notice. */
export interface SourcePatch {
  what: string;
  file: string;
  /** Stands there exactly once. */
  find: string;
  replace: string;
  tests: { files: readonly string[]; only?: string };
}

const verifier = "shared/auth/verify-token.ts";
const attacks = {
  files: ["tests/shared/auth/verify-token.test.ts", "tests/shared/auth/attacks.test.ts"],
};
const cache = { files: ["tests/shared/auth/token-cache.test.ts"] };
const knownProfile = { files: ["tests/functions/me/known-profile.test.ts"] };
/** On a stack of the copy, with functions that lack the check. */
const revocation = {
  files: ["tests/security/revocation.test.ts"],
  only: "after a local sign-out",
};

/** The checks of a token and of its session. */
export const checkPatches: readonly SourcePatch[] = [
  {
    what: "issuer",
    file: verifier,
    find: "        issuer: env.jwtIssuer,\n",
    replace: "",
    tests: attacks,
  },
  {
    what: "audience",
    file: verifier,
    find: '        audience: "authenticated",\n',
    replace: "",
    tests: attacks,
  },
  {
    what: "audience of this service alone",
    file: verifier,
    find: 'if (typeof claims.aud !== "string") {',
    replace: "if (false) {",
    tests: attacks,
  },
  {
    what: "algorithm",
    file: verifier,
    find: "        algorithms,\n",
    replace: "",
    tests: attacks,
  },
  {
    what: "role",
    file: verifier,
    find: 'if (claims["role"] !== "authenticated") {',
    replace: "if (false) {",
    tests: attacks,
  },
  {
    what: "expiry",
    file: verifier,
    find: "}).then(({ payload }) => payload, (error) => {\n",
    replace:
      "}).then(({ payload }) => payload, (error) => {\n        if (error instanceof errors.JWTExpired) return error.payload;\n",
    tests: attacks,
  },
  {
    what: "clock tolerance of seconds",
    file: verifier,
    find: "const clockTolerance = 5;",
    replace: "const clockTolerance = 5000;",
    tests: attacks,
  },
  {
    what: "user id",
    file: "shared/auth/claims.ts",
    find: "if (!isId(sub) || ",
    replace: "if (",
    tests: attacks,
  },
  {
    what: "session id",
    file: "shared/auth/claims.ts",
    find: " || !isId(sessionId)) throw",
    replace: ") throw",
    tests: attacks,
  },
  {
    what: "lifetime",
    file: verifier,
    find: "      assertLifetime(claims);\n",
    replace: "",
    tests: attacks,
  },
  {
    what: "length",
    file: verifier,
    find: "if (token.length > maxTokenLength) ",
    replace: "if (false) ",
    tests: attacks,
  },
  {
    what: "one spelling",
    file: verifier,
    find: "if (!canonicalToken.test(token)) ",
    replace: "if (false) ",
    tests: attacks,
  },
  {
    what: "expiry of a kept token",
    file: "shared/auth/token-cache.ts",
    find: "Math.min(startedAt + maxAge, exp * 1000)",
    replace: "startedAt + maxAge",
    tests: cache,
  },
  {
    what: "age of a kept token",
    file: "shared/auth/token-cache.ts",
    find: "Math.min(startedAt + maxAge, exp * 1000)",
    replace: "exp * 1000",
    tests: cache,
  },
  {
    what: "whole token of a kept one",
    file: "shared/auth/token-cache.ts",
    find: " || entry.verified.token !== token",
    replace: "",
    tests: knownProfile,
  },
  {
    what: "session, at the user door",
    file: "shared/database/doors.ts",
    find: "private.open_request(${id}::uuid, ${session}::uuid, ${charge})",
    replace: "null",
    tests: revocation,
  },
];

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toAuthUser } from "../../../../shared/auth/auth-user.ts";
import type { VerifiedToken } from "../../../../shared/auth/verify-token.ts";
import {
  hasSecondFactor,
  isFreshSignIn,
  maxDelayDays,
  readDeletionTime,
  requiredConfirmation,
} from "../../../../shared/erasure/account/rules.ts";
import {
  createStatusToken,
  hashStatusToken,
  isStatusToken,
} from "../../../../shared/erasure/account/status-token.ts";
import { AppError } from "../../../../shared/errors/app-error.ts";

const now = new Date("2026-11-22T12:00:00Z");
const inSeconds = (seconds: number) => new Date(now.getTime() + seconds * 1000);

function tokenWith(claims: Record<string, unknown>): VerifiedToken {
  const all = { sub: crypto.randomUUID(), session_id: crypto.randomUUID(), ...claims };
  return { user: toAuthUser(all), claims: all, token: "" };
}

const signedIn = (method: string, secondsAgo: number) =>
  tokenWith({ amr: [{ method, timestamp: inSeconds(-secondsAgo).getTime() / 1000 }] });

describe("readDeletionTime", () => {
  const read = (effectiveAt: string) => readDeletionTime({ effectiveAt }, now);
  const refused = (work: () => unknown): string | undefined => {
    try {
      work();
    } catch (error) {
      if (error instanceof AppError && error.code === "validation_failed") {
        return error.errors?.[0]?.path;
      }
      throw error;
    }
    return undefined;
  };

  it("is now without a time, and for a time that has just come", () => {
    expect(readDeletionTime({}, now)).toBeNull();
    expect(readDeletionTime({ immediate: true }, now)).toBeNull();
    expect(read(now.toISOString())).toBeNull();
    expect(read(inSeconds(-4).toISOString())).toBeNull();
  });

  it("takes every time of the next 30 days and no other", () => {
    const day = 86_400;
    fc.assert(fc.property(fc.integer({ min: -40 * day, max: 40 * day }), (seconds) => {
      const time = inSeconds(seconds).toISOString();
      if (seconds < -5 || seconds > maxDelayDays * day + 5) {
        expect(refused(() => read(time))).toBe("effective_at");
      } else {
        expect(read(time)?.toISOString() ?? null).toBe(seconds <= 0 ? null : time);
      }
    }));
  });

  it("refuses what contradicts itself, and what is no time", () => {
    const effectiveAt = inSeconds(100).toISOString();
    expect(refused(() => readDeletionTime({ effectiveAt, immediate: true }, now))).toBe(
      "immediate",
    );
    expect(refused(() => readDeletionTime({ immediate: false }, now))).toBe("effective_at");
    expect(refused(() => read("soon"))).toBe("effective_at");
  });
});

describe("isFreshSignIn", () => {
  it.each([[0, true], [299, true], [305, true], [306, false], [4000, false], [-5, true], [
    -6,
    false,
  ]])("of a sign-in %d seconds ago is %s", (secondsAgo, fresh) => {
    expect(isFreshSignIn(signedIn("otp", secondsAgo), now)).toBe(fresh);
  });

  it.each(["token_refresh", "anonymous", "totp", "mfa/phone", "mfa/webauthn", "", "OTP"])(
    "does not take %j for a sign-in",
    (method) => {
      expect(isFreshSignIn(signedIn(method, 1), now)).toBe(false);
    },
  );

  it("never fails on what stands in amr, and never takes it for fresh by mistake", () => {
    fc.assert(fc.property(fc.jsonValue(), (amr) => {
      expect(isFreshSignIn(tokenWith({ amr }), now)).toBe(false);
    }));
  });
});

describe("requiredConfirmation", () => {
  it("is the password where the session was opened with one", () => {
    const known = { anonymous: false };
    expect(requiredConfirmation(signedIn("password", 1), known)).toBe("password");
    expect(requiredConfirmation(signedIn("oauth", 1), known)).toBe("sign_in");
    expect(requiredConfirmation(tokenWith({}), known)).toBe("sign_in");
    expect(requiredConfirmation(tokenWith({}), { anonymous: true })).toBe("none");
  });

  it("is not told by the token whether the user is anonymous", () => {
    const token = tokenWith({ is_anonymous: true, amr: [{ method: "anonymous", timestamp: 0 }] });
    expect(requiredConfirmation(token, { anonymous: false })).toBe("sign_in");
  });
});

it.each([["aal1", false], ["aal2", true], ["aal3", true], [undefined, false]])(
  "hasSecondFactor of %s is %s",
  (aal, expected) => {
    expect(hasSecondFactor(tokenWith(aal === undefined ? {} : { aal }))).toBe(expected);
  },
);

describe("status tokens", () => {
  it("are never alike and are told from access tokens", () => {
    const tokens = Array.from({ length: 50 }, createStatusToken);
    expect(new Set(tokens).size).toBe(50);
    expect(tokens.every(isStatusToken)).toBe(true);
    for (const text of ["", "erasure_", "eyJhbGciOiJFUzI1NiJ9.e30.sig", `${tokens[0]}x`]) {
      expect(isStatusToken(text)).toBe(false);
    }
  });

  it("are stored as hex SHA-256", async () => {
    expect(await hashStatusToken("abc")).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});

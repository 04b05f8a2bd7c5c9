import fc from "fast-check";
import type { LegacyUser } from "../../../shared/legacy/target.ts";

export const ann = "aaaaaaaa-0000-4000-8000-000000000001";
export const supabaseAnn = "5aaaaaaa-0000-4000-8000-000000000001";

/** A legacy user about whom nothing is odd, with changes. */
export function legacyUser(changes: Partial<LegacyUser> = {}): LegacyUser {
  return {
    userId: ann,
    supabaseUserId: null,
    email: "ann@example.test",
    emailVerified: true,
    passwordHash:
      "$argon2id$v=19$m=65536,t=3,p=4$SMl5z1lr7f1fa20thTCG8A$XwKTQO7H9JRUNBGGdLnhUZ7hgvzwq0hPUXmMr6Y0zWU",
    displayName: "Ann",
    avatarUrl: "https://images.example.test/ann.png",
    tier: "pro",
    createdAt: new Date("2024-01-02T03:04:05.678Z"),
    updatedAt: new Date("2025-01-02T03:04:05.678Z"),
    lastLoginAt: new Date("2025-01-02T03:04:05.678Z"),
    industry: "Film",
    jobTitle: "Editor",
    emailConsent: false,
    onboardingCompleted: true,
    ...changes,
  };
}

const text = (maxLength: number) =>
  fc.option(fc.oneof(
    fc.string({ unit: "grapheme", maxLength }),
    fc.nat(maxLength).map((length) => "🎬".repeat(length)),
  ));

/** Any user the legacy columns can hold, as far as metadata are concerned. */
export const anyLegacyUser: fc.Arbitrary<LegacyUser> = fc.record({
  supabaseUserId: fc.constantFrom(null, supabaseAnn),
  emailVerified: fc.boolean(),
  displayName: text(255),
  industry: text(100),
  jobTitle: text(100),
  avatarUrl: text(512),
  tier: fc.constantFrom("free", "pro", "enterprise"),
  lastLoginAt: fc.option(fc.date()),
  emailConsent: fc.boolean(),
  onboardingCompleted: fc.boolean(),
}).map((changes) => legacyUser(changes));

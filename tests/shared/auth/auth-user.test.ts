import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toAuthUser } from "../../../shared/auth/auth-user.ts";
import { profileSchema, toProfile } from "../../../shared/auth/profile.ts";
import { AppError } from "../../../shared/errors/app-error.ts";

const ids = {
  sub: "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
  session_id: "0b6f6a3e-95a5-4a4b-8f9e-1f9a52d5a001",
};
const full = {
  ...ids,
  email: "mina@example.com",
  email_verified: true,
  user_created_at: "2026-11-22T10:00:00.000Z",
  is_anonymous: false,
  aal: "aal2",
  user_metadata: {
    display_name: "Mina",
    onboarding_completed: true,
    industry: "Film",
    job_title: "Editor",
    email_consent: true,
    pref_theme: "dark",
    pref_size: 20,
  },
  app_metadata: {
    tier: "pro",
    permissions: ["upload"],
    organization_id: "9a0f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
    role: "admin",
  },
};

describe("toAuthUser()", () => {
  it("maps every claim", () => {
    const user = toAuthUser(full);
    expect(user).toMatchObject({
      supabaseUserId: ids.sub,
      sessionId: ids.session_id,
      email: "mina@example.com",
      emailVerified: true,
      displayName: "Mina",
      onboardingCompleted: true,
      industry: "Film",
      jobTitle: "Editor",
      emailConsent: true,
      preferences: { theme: "dark", size: 20 },
      tier: "pro",
      permissions: ["upload"],
      organizationId: full.app_metadata.organization_id,
      role: "admin",
      isAnonymous: false,
      aal: "aal2",
      createdAt: "2026-11-22T10:00:00.000Z",
    });
    expect([user.isProUser(), user.isOrgAdmin(), user.hasPermission("upload")]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it("grants least where claims are absent, as without the token hook", () => {
    const user = toAuthUser(ids);
    expect(user).toMatchObject({
      email: "",
      emailVerified: false,
      createdAt: null,
      tier: "free",
      permissions: [],
      organizationId: null,
    });
    expect([user.isProUser(), user.isOrgAdmin(), user.hasPermission("upload")]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it("takes nothing that decides access from user_metadata", () => {
    const forged = {
      tier: "enterprise",
      role: "admin",
      permissions: ["all"],
      organization_id: full.app_metadata.organization_id,
      email_verified: true,
      email: "ceo@example.com",
    };
    const user = toAuthUser({ ...ids, ...{ user_metadata: forged, app_metadata: {} } });
    expect(user).toMatchObject({ tier: "free", role: null, emailVerified: false, email: "" });
    expect(user.permissions).toEqual([]);
  });

  it("clamps what does not fit in user_metadata", () => {
    const user = toAuthUser({
      ...ids,
      user_metadata: {
        display_name: `\u0000 ${"é".repeat(500)}`,
        onboarding_completed: "yes",
        industry: ["Film"],
        job_title: "   ",
        email_consent: 1,
        pref_theme: { deep: true },
        "pref_Bad Name": 1,
        pref_long: "x".repeat(201),
        pref_ok: false,
      },
    });
    expect(user.displayName).toBe("é".repeat(100));
    expect(user).toMatchObject({
      onboardingCompleted: false,
      industry: null,
      jobTitle: null,
      emailConsent: false,
      preferences: { ok: false },
    });
  });

  it("never fails on any user_metadata, app_metadata or optional claim", () => {
    fc.assert(fc.property(
      fc.anything(),
      fc.anything(),
      fc.jsonValue(),
      (user_metadata, app_metadata, other) => {
        const user = toAuthUser({
          ...ids,
          user_metadata,
          app_metadata,
          email: other,
          user_created_at: other,
          aal: other,
        });
        profileSchema.parse(toProfile(user));
      },
    ));
  });

  it.each([["sub", "not-a-uuid"], ["session_id", undefined], ["sub", 7]])(
    "refuses a token whose %s is %j",
    (name, value) => {
      const read = () => toAuthUser({ ...full, [name]: value });
      expect(read).toThrow(AppError);
      expect(read).toThrow(name);
    },
  );

  it("freezes the user, its preferences and its permissions", () => {
    const user = toAuthUser(full);
    expect([user, user.preferences, user.permissions].every(Object.isFrozen)).toBe(true);
  });
});

describe("AuthUser.canUploadVideo()", () => {
  it("ends at the limit of the tier", () => {
    const free = toAuthUser(ids);
    expect(free.canUploadVideo({ uploadsToday: 2 })).toBe(true);
    expect(free.canUploadVideo({ uploadsToday: 3 })).toBe(false);
    expect(toAuthUser(full).canUploadVideo({ uploadsToday: 3 })).toBe(true);
  });
});

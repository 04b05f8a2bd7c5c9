import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeMetadata, metadataBudget } from "../../../shared/auth/metadata.ts";
import type { UserDecisions } from "../../../shared/legacy/decisions.ts";
import {
  type AuthRecord,
  deriveId,
  diffTarget,
  targetBytes,
  type TargetUser,
  toTarget,
} from "../../../shared/legacy/target.ts";
import { ann, anyLegacyUser, legacyUser, supabaseAnn } from "./people.ts";

const account: AuthRecord = {
  id: ann,
  email: "ann@example.test",
  emailConfirmed: true,
  passwordHash: "$2a$04$",
  userMetadata: {},
  appMetadata: { provider: "email", providers: ["email"] },
  deleted: false,
};
const trim: UserDecisions = {
  metadata_over_budget: { kind: "metadata_over_budget", subject: "*", action: "trim" },
};

/** What stands in Supabase Auth after an update by these changes. */
function apply(target: TargetUser, current: AuthRecord): AuthRecord {
  const changes = diffTarget(target, current) ?? {};
  return {
    ...current,
    emailConfirmed: current.emailConfirmed || changes.emailConfirm === true,
    userMetadata: mergeMetadata(current.userMetadata, changes.userMetadata ?? {}),
    appMetadata: mergeMetadata(current.appMetadata, changes.appMetadata ?? {}),
  };
}

describe("toTarget", () => {
  it("creates an unlinked user under the legacy id, with the password and everything known", () => {
    const user = legacyUser({ email: "Ann@Example.test" });
    expect(toTarget(user)).toEqual({
      legacyUserId: ann,
      supabaseUserId: ann,
      origin: "created",
      email: "ann@example.test",
      emailConfirm: true,
      passwordHash: user.passwordHash,
      userMetadata: {
        display_name: "Ann",
        industry: "Film",
        job_title: "Editor",
        onboarding_completed: true,
        email_consent: false,
        avatar_url: "https://images.example.test/ann.png",
      },
      appMetadata: {
        tier: "pro",
        legacy_created_at: "2024-01-02T03:04:05.678Z",
        legacy_last_login_at: "2025-01-02T03:04:05.678Z",
      },
    });
  });

  it("leaves out what is null, and times that no calendar holds", () => {
    const target = toTarget(legacyUser({
      displayName: null,
      industry: null,
      jobTitle: null,
      avatarUrl: null,
      lastLoginAt: null,
      createdAt: new Date(NaN),
    }));
    expect(target.userMetadata).toEqual({ onboarding_completed: true, email_consent: false });
    expect(target.appMetadata).toEqual({ tier: "pro" });
  });

  it("keeps a linked account and its password", () => {
    const target = toTarget(legacyUser({ supabaseUserId: supabaseAnn }));
    expect(target).toMatchObject({
      supabaseUserId: supabaseAnn,
      origin: "kept",
      passwordHash: null,
    });
  });

  it("carries out what was decided", () => {
    const unreadable = toTarget(legacyUser({ passwordHash: "md5" }));
    expect(unreadable.passwordHash).toBeNull();
    const moved = toTarget(legacyUser({}), {
      id_taken: { kind: "id_taken", subject: ann, action: "new_id" },
      email_case: { kind: "email_case", subject: ann, action: "use_email", value: "b@x.test" },
    });
    expect(moved).toMatchObject({ supabaseUserId: deriveId(ann), email: "b@x.test" });
    const linked = toTarget(legacyUser({}), {
      email_taken: { kind: "email_taken", subject: ann, action: "link", value: supabaseAnn },
    });
    expect(linked).toMatchObject({
      supabaseUserId: supabaseAnn,
      origin: "linked",
      passwordHash: null,
    });
    const anew = toTarget(legacyUser({ supabaseUserId: supabaseAnn }), {
      missing_account: { kind: "missing_account", subject: "*", action: "create" },
    });
    expect(anew).toMatchObject({ supabaseUserId: supabaseAnn, origin: "created" });
    expect(anew.passwordHash).not.toBeNull();
  });

  it("trims optional keys in the hook's order, and no more than it must", () => {
    const long = legacyUser({ displayName: "🎬".repeat(200), industry: "🎬".repeat(80) });
    expect(targetBytes(toTarget(long))).toBeGreaterThan(metadataBudget);
    const { userMetadata } = toTarget(long, trim);
    expect(Object.keys(userMetadata).sort())
      .toEqual(["avatar_url", "display_name", "email_consent", "onboarding_completed"]);
    const short = legacyUser({});
    expect(toTarget(short, trim)).toEqual(toTarget(short));
  });
});

describe("deriveId", () => {
  it("gives every id another UUID of version 5, always the same", () => {
    fc.assert(fc.property(fc.uuid(), (id) => {
      const derived = deriveId(id);
      expect(derived).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      expect(deriveId(id.toUpperCase())).toBe(derived);
    }));
    expect(deriveId(ann)).not.toBe(deriveId(supabaseAnn));
  });
});

describe("diffTarget", () => {
  it("answers changed keys only, and null when there are none", () => {
    const target = toTarget(legacyUser({ supabaseUserId: supabaseAnn }));
    const current = {
      ...account,
      userMetadata: { ...target.userMetadata, display_name: "Anna", pref_theme: "dark" },
      appMetadata: { ...account.appMetadata, ...target.appMetadata, tier: "free" },
    };
    expect(diffTarget(target, current)).toEqual({
      userMetadata: { display_name: "Ann" },
      appMetadata: { tier: "pro" },
    });
    expect(diffTarget(target, apply(target, current))).toBeNull();
  });

  it("confirms an address that is the same one, and never takes a confirmation back", () => {
    const target = toTarget(legacyUser({}));
    const current = apply(target, account);
    expect(diffTarget(target, { ...current, emailConfirmed: false }))
      .toEqual({ emailConfirm: true });
    expect(diffTarget(target, { ...current, emailConfirmed: false, email: "other@x.test" }))
      .toBeNull();
    expect(diffTarget(toTarget(legacyUser({ emailVerified: false })), current)).toBeNull();
  });

  it("deletes what a legacy user cleared from an account of ours, and nothing from another", () => {
    const cleared = { displayName: null, lastLoginAt: null };
    const before = apply(toTarget(legacyUser({})), account);
    expect(diffTarget(toTarget(legacyUser(cleared)), before)).toEqual({
      userMetadata: { display_name: null },
      appMetadata: { legacy_last_login_at: null },
    });
    expect(diffTarget(toTarget(legacyUser({ ...cleared, supabaseUserId: ann })), before))
      .toBeNull();
  });

  const metadata = fc.record({
    display_name: fc.string({ unit: "grapheme", maxLength: 300 }),
    industry: fc.string({ maxLength: 100 }),
    job_title: fc.constantFrom("Editor", null),
    pref_theme: fc.constantFrom("dark", "light"),
    pref_note: fc.string({ maxLength: 200 }),
    full_name: fc.string(),
  }, { requiredKeys: [] });
  const anyDecisions = fc.constantFrom<UserDecisions>({}, trim);

  it("leaves nothing to do after it was applied, whatever stood there", () => {
    fc.assert(fc.property(anyLegacyUser, metadata, anyDecisions, (user, userMetadata, decided) => {
      const current = { ...account, userMetadata };
      const after = apply(toTarget(user, decided, current), current);
      expect(diffTarget(toTarget(user, decided, after), after)).toBeNull();
      for (const [key, value] of Object.entries(userMetadata)) {
        if (key.startsWith("pref_") || key === "full_name") {
          expect(after.userMetadata[key]).toBe(value);
        }
      }
    }));
  });

  it("fits into tokens after a trim, where nothing else fills them", () => {
    fc.assert(fc.property(anyLegacyUser, (user) => {
      const target = toTarget(user, trim, account);
      expect(targetBytes(target, account)).toBeLessThanOrEqual(metadataBudget);
    }));
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDatabase, type TestDatabase, type Transaction } from "./support/database.ts";
import { addPerson, asAuthAdmin, refusalOf, within } from "./support/people.ts";

type Claims = Record<string, unknown> & {
  user_metadata: Record<string, unknown>;
  app_metadata: Record<string, unknown>;
};

/** Claims that Supabase Auth refuses to do without. */
const required = {
  aud: "authenticated",
  exp: 2_000_000_000,
  iat: 1_999_996_400,
  email: "ann@example.test",
  phone: "",
  role: "authenticated",
  aal: "aal1",
  session_id: "3f0c1a52-0000-4000-8000-000000000001",
  is_anonymous: false,
};

const ann = "5a1d2b90-0000-4000-8000-00000000000a";
let db: TestDatabase;

beforeAll(async () => {
  db = await startDatabase();
  await addPerson(db, { id: ann });
});
afterAll(() => db.stop());

/** As Supabase Auth calls it: as supabase_auth_admin, with its search path and its time limit. */
async function callHook(event: unknown, prepare?: (sql: Transaction) => Promise<unknown>) {
  return await asAuthAdmin(db.admin, async (sql) => {
    await sql`select set_config('search_path', 'auth', true), set_config('statement_timeout', '2000', true)`;
    await prepare?.(sql);
    const [row] = await sql<{ output: { claims: Claims } }[]>`
      select public.custom_access_token_hook(${JSON.stringify(event)}::text::jsonb) as output`;
    if (!row) throw new Error("The hook answered nothing");
    return row.output.claims;
  });
}

function eventOf(claims: Record<string, unknown>, userId: unknown = ann) {
  return {
    user_id: userId,
    claims: { sub: ann, ...required, ...claims },
    authentication_method: "password",
  };
}

/** Size as PostgreSQL stores the text: ": " after each key, ", " between the pairs. */
async function sizeOf({ user_metadata, app_metadata }: Claims): Promise<number> {
  const [row] = await db.sql<{ size: number }[]>`
    select octet_length(${JSON.stringify(user_metadata)}::text::jsonb::text)
      + octet_length(${JSON.stringify(app_metadata)}::text::jsonb::text) as size`;
  return row?.size ?? Infinity;
}

describe("custom_access_token_hook", () => {
  test("adds email_verified and user_created_at from auth.users", async () => {
    const claims = await callHook(eventOf({ user_metadata: {}, app_metadata: {} }));
    expect(claims).toMatchObject({ email_verified: true, ...required, sub: ann });
    expect(claims.user_created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test("calls an address that nobody confirmed not verified, whatever user_metadata says", async () => {
    const bob = await addPerson(db, { confirmed: false });
    const claims = await callHook(eventOf({ user_metadata: { email_verified: true } }, bob.id));
    expect(claims.email_verified).toBe(false);
    expect(claims.user_metadata).toEqual({});
  });

  test("keeps our keys of both objects and drops the rest", async () => {
    const user = {
      display_name: "Ann",
      onboarding_completed: true,
      industry: "Film",
      job_title: "Editor",
      email_consent: false,
      pref_theme: "dark",
      pref_volume: 7,
    };
    const app = {
      tier: "pro",
      permissions: ["videos:write"],
      organization_id: ann,
      role: "admin",
      provider: "email",
      providers: ["email"],
    };
    const claims = await callHook(eventOf({
      user_metadata: { ...user, sub: "x", email_verified: true, avatar: "y", preferences: {} },
      app_metadata: { ...app, stripe_customer: "z" },
    }));
    expect(claims.user_metadata).toEqual(user);
    expect(claims.app_metadata).toEqual(app);
  });

  test.each([
    ["a display name that is a list", { display_name: ["a"] }],
    ["a consent that is a text", { email_consent: "yes" }],
    ["a preference that is an object", { pref_theme: { a: 1 } }],
    ["a preference that is null", { pref_theme: null }],
    ["a preference name in capitals", { pref_Theme: "dark" }],
    ["a preference name without letters", { pref_: "dark" }],
    ["a preference name of 41 characters", { [`pref_${"a".repeat(41)}`]: "dark" }],
    ["a preference of 201 characters", { pref_theme: "한".repeat(201) }],
  ])("drops %s", async (_, user_metadata) => {
    expect((await callHook(eventOf({ user_metadata }))).user_metadata).toEqual({});
  });

  test.each([
    ["null", null],
    ["missing", undefined],
    ["an array", ["tier"]],
    ["a text", "tier"],
    ["a number", 7],
  ])("takes metadata that is %s for an empty object", async (_, metadata) => {
    const claims = await callHook(eventOf({ user_metadata: metadata, app_metadata: metadata }));
    expect(claims).toMatchObject({ user_metadata: {}, app_metadata: {}, email_verified: true });
  });

  test("drops preferences from the last name to the first until 1,024 bytes hold the rest", async () => {
    const preferences = Object.fromEntries(
      ["a", "b", "c", "d", "e", "f"].map((name) => [`pref_${name}`, name.repeat(200)]),
    );
    const claims = await callHook(eventOf({
      user_metadata: { display_name: "Ann", ...preferences },
      app_metadata: { tier: "pro" },
    }));
    expect(Object.keys(claims.user_metadata).sort())
      .toEqual(["display_name", "pref_a", "pref_b", "pref_c", "pref_d"]);
    expect(claims.app_metadata).toEqual({ tier: "pro" });
    expect(await sizeOf(claims)).toBeLessThanOrEqual(1024);
  });

  test("answers in its time when a user has stored a megabyte of preferences or names", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 40_000 }, (_, n) => [`pref_p${String(n).padStart(5, "0")}`, n]),
    );
    const kept = (await callHook(eventOf({
      user_metadata: { ...many, onboarding_completed: true },
      app_metadata: { tier: "pro" },
    }))).user_metadata;
    const names = Object.keys(kept).filter((name) => name.startsWith("pref_")).sort();
    expect(names).toEqual(Object.keys(many).slice(0, names.length));
    expect(names.length).toBeGreaterThan(40);
    const few = Object.fromEntries(Object.entries(many).slice(0, 100));
    const large = await callHook(eventOf({
      user_metadata: { ...few, display_name: "d".repeat(1_000_000), onboarding_completed: true },
    }));
    expect(large.user_metadata).toEqual({ onboarding_completed: true });
  });

  test("keeps the tier when names and permissions do not fit", async () => {
    const claims = await callHook(eventOf({
      user_metadata: { display_name: "d".repeat(5000), onboarding_completed: true },
      app_metadata: { tier: "pro", permissions: Array.from({ length: 300 }, (_, i) => `p${i}`) },
    }));
    expect(claims.user_metadata).toEqual({ onboarding_completed: true });
    expect(claims.app_metadata).toEqual({ tier: "pro" });
  });

  test("holds the budget when every value is too large", async () => {
    const large = "한".repeat(2000);
    const claims = await callHook(eventOf({
      user_metadata: { display_name: large, industry: large, job_title: large },
      app_metadata: { tier: large, role: large, provider: large, organization_id: large },
    }));
    expect(claims).toMatchObject({ user_metadata: {}, app_metadata: {} });
  });

  test("counts bytes, not characters: exactly 1,024 stay, 1,025 do not", async () => {
    const overhead = `{"display_name": ""}{}`.length;
    const fits = "é".repeat((1024 - overhead) / 2);
    const kept = await callHook(eventOf({ user_metadata: { display_name: fits } }));
    expect(await sizeOf(kept)).toBe(1024);
    const dropped = await callHook(eventOf({ user_metadata: { display_name: `${fits}x` } }));
    expect(dropped.user_metadata).toEqual({});
  });

  test("answers for a user it does not find", async () => {
    const claims = await callHook(
      eventOf({ app_metadata: { tier: "pro" } }, crypto.randomUUID()),
    );
    expect(claims).toMatchObject({
      ...required,
      email_verified: false,
      user_created_at: null,
      app_metadata: { tier: "pro" },
    });
  });

  test.each([
    ["a user id that is no UUID", eventOf({ app_metadata: { tier: "pro" } }, "nobody")],
    ["claims that are an array", { user_id: "x", claims: [] }],
    ["no claims", { user_id: "x" }],
    ["a text", "event"],
    ["null", null],
  ])("never fails on %s", async (_, event) => {
    const claims = await callHook(event);
    expect(claims).toMatchObject({
      user_metadata: {},
      email_verified: false,
      user_created_at: null,
    });
  });

  test("keeps the login claims and the tier when its helper is broken", async () => {
    const event = eventOf({
      user_metadata: { display_name: "Ann" },
      app_metadata: { tier: "pro", junk: "x".repeat(3000) },
    });
    await db.sql`alter function private.fit_metadata(jsonb, jsonb) rename to broken_fit_metadata`;
    try {
      expect(await callHook(event)).toMatchObject({
        ...required,
        sub: ann,
        user_metadata: {},
        app_metadata: { tier: "pro" },
        email_verified: false,
      });
      const oversized = eventOf({ app_metadata: { tier: "x".repeat(2000) } });
      expect((await callHook(oversized)).app_metadata).toEqual({});
    } finally {
      await db.sql`alter function private.broken_fit_metadata(jsonb, jsonb) rename to fit_metadata`;
    }
  });

  test.each(["anon", "authenticated", "service_role"])("cannot be called by %s", async (role) => {
    const refused = within(
      db.sql,
      role,
      {},
      (sql) => sql`select public.custom_access_token_hook('{}'::jsonb)`,
    );
    expect(await refusalOf(refused)).toMatchObject({ code: "42501" });
  });
});

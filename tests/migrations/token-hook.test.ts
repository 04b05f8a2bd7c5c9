import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assertClaims } from "../../local/gateway/auth/claims.ts";
import { testSize } from "../support/size.ts";
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
    const { user_metadata } = await callHook(eventOf({
      user_metadata: { ...few, display_name: "d".repeat(1_000_000), onboarding_completed: true },
    }));
    expect(user_metadata).toMatchObject({ onboarding_completed: true, pref_p00000: 0 });
    expect(user_metadata).not.toHaveProperty("display_name");
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

/** What Supabase Auth asks of every answer, and what we do: required claims, types and budget. */
async function assertUsable(claims: Claims, sent: Record<string, unknown> = required) {
  assertClaims(claims);
  expect(claims).toMatchObject(sent);
  expect(await sizeOf(claims)).toBeLessThanOrEqual(1024);
}

const large = "x".repeat(1_000_000);
const long = "x".repeat(20_000);
const wideOf = (length: number) =>
  Object.fromEntries(Array.from({ length }, (_, n) => [`k${n}`, n]));
const deep = JSON.parse("[".repeat(1000) + "]".repeat(1000));
const ownKeys = [
  ...["display_name", "industry", "job_title", "onboarding_completed", "email_consent", "pref_a"],
  ...["tier", "permissions", "organization_id", "role", "provider", "providers"],
];
const oversized: [what: string, metadata: unknown][] = [
  ...ownKeys.flatMap((key): [string, unknown][] => [
    [`20,000 characters in ${key}`, { [key]: long }],
    [`2,000 members in ${key}`, { [key]: wideOf(2000) }],
    [`2,000 items in ${key}`, { [key]: Object.values(wideOf(2000)) }],
    [`a list 1,000 deep in ${key}`, { [key]: deep }],
  ]),
  ["too much in every key", Object.fromEntries(ownKeys.map((key) => [key, long]))],
  ["a megabyte of display name", { display_name: large }],
  ["a megabyte of tier", { tier: large }],
  // jsonb_object_agg takes quadratic time for such a value: seven seconds, and the limit is two.
  ["60,000 members in tier", { tier: wideOf(60_000) }],
  ["60,000 keys", wideOf(60_000)],
  ["a key of a megabyte", { [large]: 1 }],
  ["a preference with a name of a megabyte", { [`pref_${large}`]: 1 }],
  [
    "500 preferences of 200 characters",
    Object.fromEntries(
      Array.from({ length: 500 }, (_, n) => [`pref_p${n}`, "한".repeat(200)]),
    ),
  ],
  [
    "a number of 300 digits in each of 10 preferences",
    Object.fromEntries(
      Array.from({ length: 10 }, (_, n) => [`pref_p${n}`, 1e300]),
    ),
  ],
  ["escapes that triple in size", { display_name: "\u0001".repeat(900), pref_a: "\\".repeat(200) }],
  ["prototype keys", JSON.parse('{"__proto__": {"tier": "pro"}, "constructor": 1, "tier": "pro"}')],
  ["HTML", { display_name: "<script>alert(1)</script>" }],
];

describe(`custom_access_token_hook with ${oversized.length} kinds of metadata`, () => {
  test.each(oversized)("answers a token in budget for %s", async (_what, metadata) => {
    await assertUsable(
      await callHook(eventOf({ user_metadata: metadata, app_metadata: metadata })),
    );
  });
});

const withoutMethod = { amr: null, iss: null, nbf: null };
const malformed: [what: string, claims: Record<string, unknown>][] = [
  ["amr, iss and nbf that are null", withoutMethod],
  ["an e-mail and a phone that are null", { email: null, phone: null }],
  ["no e-mail and no phone", { email: undefined, phone: undefined }],
  ["our own claims set by somebody else", { email_verified: "yes", user_created_at: 7 }],
  ["claims of the future", { client_id: "x", scope: "openid", another: { deep } }],
  ["a megabyte beside the metadata", { another: large }],
];

describe("custom_access_token_hook with malformed claims", () => {
  test.each(malformed)("answers required claims for %s", async (_what, given) => {
    const claims = await callHook(eventOf(given));
    const { email: _email, phone: _phone, ...sent } = required;
    await assertUsable(claims, sent);
    expect(claims.email_verified).toBe(true);
  });

  test.each([
    ["missing", undefined],
    ["null", null],
    ["a number", 7],
    ["an object", { id: ann }],
    ["a list", [ann]],
    ["no UUID", "me"],
    ["a megabyte", large],
    ["of nobody", crypto.randomUUID()],
    ["in capitals", ann.toUpperCase()],
  ])("answers them for a user id that is %s", async (_what, userId) => {
    const event = { ...eventOf({ app_metadata: { tier: "pro" } }), user_id: userId };
    const claims = await callHook(event);
    await assertUsable(claims, { ...required, sub: ann, app_metadata: { tier: "pro" } });
  });
});

/** Calls the hook in a transaction that a superuser has broken before, and undoes it all. */
async function callBroken(breakage: string, event: unknown): Promise<Claims> {
  const undone = new Error("undone");
  const outcome: { claims?: Claims } = {};
  await db.admin.begin(async (sql) => {
    await sql.unsafe(breakage);
    await sql`select set_config('role', 'supabase_auth_admin', true), set_config('search_path', 'auth', true)`;
    const [row] = await sql<{ output: { claims: Claims } }[]>`
      select public.custom_access_token_hook(${JSON.stringify(event)}::text::jsonb) as output`;
    if (row) outcome.claims = row.output.claims;
    throw undone;
  }).catch((error: unknown) => {
    if (error !== undone) throw error;
  });
  if (!outcome.claims) throw new Error("The hook answered nothing");
  return outcome.claims;
}

const helper = "private.fit_metadata(jsonb, jsonb)";
const helperThat = (body: string) => `
  create or replace function private.fit_metadata(user_meta jsonb, app_meta jsonb) returns jsonb
  language plpgsql as $$ begin ${body} end $$`;
const breakages: [what: string, sql: string][] = [
  ["the helper is missing", `drop function ${helper}`],
  [
    "the helper may not be called",
    `revoke execute on function ${helper} from supabase_auth_admin, public`,
  ],
  [
    "the schema of the helper may not be used",
    "revoke usage on schema private from supabase_auth_admin, public",
  ],
  ["the helper raises", helperThat("raise exception 'broken';")],
  [
    "the helper raises with a code of ours",
    helperThat("raise exception using errcode = 'HD000', message = 'x';"),
  ],
  ["the helper divides by zero", helperThat("return to_jsonb(1 / 0);")],
  [
    "the helper overflows the stack",
    helperThat("return private.fit_metadata(user_meta, app_meta);"),
  ],
  [
    "the users may not be read",
    "revoke all on auth.users from supabase_auth_admin; alter table auth.users owner to postgres",
  ],
  [
    "the users have lost a column",
    "alter table auth.users rename column email_confirmed_at to gone",
  ],
  ["the users have another name", "alter table auth.users rename to gone"],
];

describe("custom_access_token_hook with an SQL error inside", () => {
  test.each(breakages)("signs in with the tier and nothing else when %s", async (_what, sql) => {
    const claims = await callBroken(
      sql,
      eventOf({
        ...withoutMethod,
        user_metadata: { display_name: "Ann" },
        app_metadata: { tier: "pro", junk: large },
      }),
    );
    await assertUsable(claims, {
      ...required,
      sub: ann,
      user_metadata: {},
      app_metadata: { tier: "pro" },
      email_verified: false,
      user_created_at: null,
    });
  });

  test.each(breakages)("stays in budget with oversized authority when %s", async (_what, sql) => {
    const claims = await callBroken(sql, eventOf({ app_metadata: { tier: large, role: large } }));
    await assertUsable(claims, { ...required, user_metadata: {}, app_metadata: {} });
  });
});

describe("custom_access_token_hook, whatever is sent", () => {
  // jsonb holds no NUL and no half of a pair; Supabase Auth could not have stored them either.
  const text = fc.string({ unit: "grapheme", maxLength: 300 })
    .filter((value) => !value.includes("\u0000") && value.isWellFormed());
  const value = fc.oneof(
    text,
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.array(text, { maxLength: 20 }),
    fc.dictionary(text, text, { maxKeys: 5 }),
  );
  const key = fc.oneof(
    text,
    fc.constantFrom("display_name", "industry", "job_title", "onboarding_completed"),
    fc.constantFrom("tier", "permissions", "organization_id", "role", "provider", "providers"),
    fc.stringMatching(/^pref_[a-z][a-z0-9_]{0,39}$/),
  );
  const metadata = fc.oneof(fc.dictionary(key, value, { maxKeys: 30 }), value);
  const event = fc.record({
    user_metadata: metadata,
    app_metadata: metadata,
    amr: fc.constantFrom(null, undefined, [{ method: "password", timestamp: 1 }]),
    another: value,
  });

  test("answers every claim that was sent, the required ones, and a token in budget", async () => {
    const count = testSize({ sampled: 300, long: 10_000 });
    const events = fc.sample(event, { numRuns: count, seed: 20261122 }).map((claims) =>
      eventOf(claims)
    );
    const rows = await asAuthAdmin(db.admin, (sql) =>
      sql<{ claims: Claims; size: number }[]>`
        select hook.output -> 'claims' as claims,
          octet_length((hook.output #> '{claims,user_metadata}')::text)
            + octet_length((hook.output #> '{claims,app_metadata}')::text) as size
        from jsonb_array_elements(${
        JSON.stringify(events)
      }::text::jsonb) with ordinality as e (event, n),
          lateral (select public.custom_access_token_hook(e.event) as output) as hook
        order by e.n`);
    expect(rows).toHaveLength(count);
    for (const [n, { claims, size }] of rows.entries()) {
      assertClaims(claims);
      expect(size).toBeLessThanOrEqual(1024);
      const { user_metadata: _user, app_metadata: _app, amr, ...sent }: Record<string, unknown> =
        events[n]?.claims ?? {};
      expect(claims).toMatchObject(amr ? { ...sent, amr } : sent);
      expect(claims.email_verified).toBe(true);
    }
  });
});

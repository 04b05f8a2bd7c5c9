import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  assertWithinBudget,
  flattenPreferences,
  keepOwnKeys,
  mergeMetadata,
  type Metadata,
  metadataBudget,
  metadataBytes,
  readPreferences,
  toJsonbText,
} from "../../../shared/auth/metadata.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { adminSql } from "../../support/sql.ts";

// jsonb stores neither a NUL nor half a surrogate pair.
const text = fc.string({ unit: "binary", maxLength: 40 })
  .map((value) => value.replaceAll("\u0000", "").toWellFormed());
const scalar = fc.oneof(
  text,
  fc.boolean(),
  fc.constant(null),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(1e21, 1.5e-7, -0, 5e-324, 1.7976931348623157e308, 123456789012345680000),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(text, tie("value"), { maxKeys: 4 }),
  ),
})).value;

const shortText = fc.string({ unit: "grapheme", maxLength: 210, size: "max" })
  .map((value) => value.replaceAll("\u0000", "").toWellFormed());
const userMetadata = fc.dictionary(
  fc.oneof(
    fc.constantFrom(
      "display_name",
      "industry",
      "job_title",
      "onboarding_completed",
      "email_consent",
    ),
    fc.stringMatching(/^pref_[a-z][a-z0-9_]{0,12}$/),
    fc.constantFrom("pref_", "avatar_url", "sub", "PREF_x"),
  ),
  fc.oneof({ weight: 4, arbitrary: shortText }, fc.boolean(), fc.integer(), json),
  { maxKeys: 14 },
);
const appMetadata = fc.dictionary(
  fc.constantFrom(
    "tier",
    "permissions",
    "organization_id",
    "role",
    "provider",
    "providers",
    "other",
  ),
  fc.oneof(shortText, fc.array(shortText, { maxLength: 6 })),
  { maxKeys: 6 },
);

describe("toJsonbText()", () => {
  it.each([
    [{ b: 1, a: 2, aa: 3 }, '{"a": 2, "b": 1, "aa": 3}'],
    [{ ü: 1, zz: 2, abc: 3 }, '{"zz": 2, "ü": 1, "abc": 3}'],
    [[1, "x", null, true, {}], '[1, "x", null, true, {}]'],
    [1e21, "1000000000000000000000"],
    [1.5e-7, "0.00000015"],
    [-1.25e22, "-12500000000000000000000"],
    ['a"\\\n\u0001\u2028😀', '"a\\"\\\\\\n\\u0001\u2028😀"'],
  ])("renders %j as PostgreSQL does", (value, expected) => {
    expect(toJsonbText(value)).toBe(expected);
  });

  it("equals jsonb::text for any JSON value", async () => {
    const sql = adminSql();
    const values = fc.sample(json, { numRuns: 600, seed: 20261122 });
    const rows = await sql<{ text: string }[]>`
      select value::text as text from jsonb_array_elements(${JSON.stringify(values)}::text::jsonb)`;
    expect(rows).toHaveLength(values.length);
    for (const [i, row] of rows.entries()) expect(toJsonbText(values[i])).toBe(row.text);
  });
});

describe("assertWithinBudget()", () => {
  const fits = (user: Metadata, app: Metadata) => {
    try {
      assertWithinBudget(user, app);
      return true;
    } catch (error) {
      if (error instanceof AppError && error.code === "metadata_too_large") return false;
      throw error;
    }
  };

  it("accepts 1,024 octets and refuses one more", () => {
    const base = metadataBytes({ industry: "" }, {});
    const industry = "x".repeat(metadataBudget - base);
    expect(metadataBytes({ industry }, {})).toBe(1024);
    expect(fits({ industry }, {})).toBe(true);
    expect(fits({ industry: `${industry}x` }, {})).toBe(false);
    expect(fits({ industry: `${industry.slice(2)}é` }, {})).toBe(true);
  });

  it("lets a profile that is over the budget shrink, and not grow", () => {
    const long = "x".repeat(200);
    const present = Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((i) => [`pref_p${i}`, long]));
    const { pref_p1: _1, ...smaller } = present;
    expect(() => assertWithinBudget(smaller, {}, present)).not.toThrow();
    expect(() => assertWithinBudget(present, {}, present)).toThrow(AppError);
    expect(() => assertWithinBudget({ ...present, industry: "Film" }, {}, present)).toThrow(
      AppError,
    );
  });

  it("does not count what no token carries", () => {
    expect(fits({ avatar_url: "x".repeat(5000) }, { other: "x".repeat(5000) })).toBe(true);
  });

  it("agrees with the token hook: what it accepts the hook keeps whole, and only that", async () => {
    const sql = adminSql();
    const cases = fc.sample(fc.tuple(userMetadata, appMetadata), { numRuns: 600, seed: 7 });
    const rows = await sql<{ fitted: { user_metadata: Metadata; app_metadata: Metadata } }[]>`
      select private.fit_metadata(value -> 0, value -> 1) as fitted
      from jsonb_array_elements(${JSON.stringify(cases)}::text::jsonb)`;
    const accepted = cases.map(([user, app], i) => {
      const fitted = rows[i]?.fitted;
      if (!fitted) throw new Error(`No row for case ${i}`);
      const kept = keepOwnKeys(user, app);
      const whole = toJsonbText(fitted.user_metadata) === toJsonbText(kept.user) &&
        toJsonbText(fitted.app_metadata) === toJsonbText(kept.app);
      expect(metadataBytes(fitted.user_metadata, fitted.app_metadata)).toBeLessThanOrEqual(1024);
      expect(fits(user, app), JSON.stringify([user, app])).toBe(whole);
      return whole;
    });
    expect(new Set(accepted)).toEqual(new Set([true, false]));
  });
});

describe("mergeMetadata()", () => {
  it("merges as Supabase Auth does", () => {
    const merged = mergeMetadata({ a: 1, b: { x: 1 }, c: 3 }, {
      b: { y: 2 },
      c: null,
      d: undefined,
    });
    expect(merged).toEqual({ a: 1, b: { y: 2 } });
  });
});

describe("flattenPreferences()", () => {
  it("spreads over flat keys that readPreferences() reads back; null deletes", () => {
    const flat = flattenPreferences({ theme: "dark", size: 20, old: null });
    expect(flat).toEqual({ pref_theme: "dark", pref_size: 20, pref_old: null });
    expect(readPreferences(flat)).toEqual({ theme: "dark", size: 20 });
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fuseRanks, fusionK } from "../../../shared/search/rank-fusion.ts";
import { normalizeQuery } from "../../../shared/search/search-query.ts";
import { formatTimecode } from "../../../shared/search/timecode.ts";

describe("time code", () => {
  test.each([
    [0, "00:00:00.000"],
    [1.5, "00:00:01.500"],
    [61.0004, "00:01:01.000"],
    [59.9996, "00:01:00.000"],
    [3661.25, "01:01:01.250"],
    [360_000, "100:00:00.000"],
  ])("of %d s is %s", (seconds, timecode) => {
    expect(formatTimecode(seconds)).toBe(timecode);
  });

  test("refuses what is no position", () => {
    expect(() => formatTimecode(-1)).toThrow(RangeError);
    expect(() => formatTimecode(Number.NaN)).toThrow(RangeError);
  });

  test("grows with the position", () => {
    fc.assert(
      fc.property(fc.nat(359_999_000), fc.nat(999), (ms, more) => {
        expect(formatTimecode((ms + more) / 1000) >= formatTimecode(ms / 1000)).toBe(true);
      }),
    );
  });
});

describe("query normalisation", () => {
  test("trims, joins white space, composes and drops control characters", () => {
    expect(normalizeQuery("  red\u0000\t car\n ")).toBe("red car");
    expect(normalizeQuery("cafe\u0301")).toBe("café");
    expect(normalizeQuery("\ue000x\ue001")).toBe("x");
    expect(normalizeQuery(" \u0000 ")).toBe("");
  });

  test("leaves operators alone", () => {
    expect(normalizeQuery(`"red car" or -bus & | ! :* '`)).toBe(`"red car" or -bus & | ! :* '`);
  });

  test("is stable and well formed for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const once = normalizeQuery(text);
        expect(normalizeQuery(once)).toBe(once);
        expect(once.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe("rank fusion", () => {
  test("adds weight / (k + rank) for each branch that holds the scene", () => {
    expect(fuseRanks({ text: 1, people: null })).toBe(0.3 / (fusionK + 1));
    expect(fuseRanks({ text: 1, vector: 2 })).toBeCloseTo(0.3 / 61 + 0.7 / 62, 15);
    expect(fuseRanks({ metadata: 3 }, { text: 0, metadata: 1, people: 0, vector: 0 })).toBe(1 / 63);
    expect(fuseRanks({})).toBe(0);
  });

  test("prefers two branches over the first rank of one", () => {
    expect(fuseRanks({ text: 40, metadata: 40 })).toBeGreaterThan(fuseRanks({ text: 1 }));
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readHighlights } from "../../../shared/search/highlights.ts";
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
  test("adds 1 / (k + rank) for each branch that holds the scene", () => {
    expect(fuseRanks([1, null])).toBe(1 / (fusionK + 1));
    expect(fuseRanks([1, 2])).toBeCloseTo(1 / 61 + 1 / 62, 15);
    expect(fuseRanks([null, null])).toBe(0);
  });

  test("prefers two branches over the first rank of one", () => {
    expect(fuseRanks([40, 40])).toBeGreaterThan(fuseRanks([1, null]));
  });
});

describe("highlights", () => {
  test("marks matches and escapes everything else", () => {
    expect(readHighlights(`<b>\ue000a&b\ue001 "x"\ue002 no match here \ue002\ue000c\ue001 d`))
      .toEqual(["&lt;b&gt;<mark>a&amp;b</mark> &quot;x&quot;", "<mark>c</mark> d"]);
  });

  test("are empty without a match", () => {
    expect(readHighlights(null)).toEqual([]);
    expect(readHighlights("plain text")).toEqual([]);
  });

  test("hold no tag but mark, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const clean = text.replace(/[\ue000-\ue002]/g, "");
        const [fragment = ""] = readHighlights(`${clean}\ue000${clean}\ue001`);
        expect(fragment.replaceAll("<mark>", "").replaceAll("</mark>", "")).not.toMatch(/[<>"']/);
      }),
    );
  });
});

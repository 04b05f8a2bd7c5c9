import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readHighlights } from "../../../shared/search/highlights.ts";
import { toPairedText } from "../../../shared/search/paired-text.ts";
import { normalizeQuery } from "../../../shared/search/search-query.ts";
import { parseQuery, queryLimits } from "../../../shared/search/text-query.ts";

const termsOf = (text: string) => parseQuery(text).query?.terms;

describe("a search text", () => {
  test.each([
    ["red kettle", "'red' & 'kettle'"],
    ['"red kettle"', "'red kettle'"],
    ["red or blue kettle", "'red' | 'blue' & 'kettle'"],
    ["red OR blue", "'red' | 'blue'"],
    ["red -night", "'red' & !'night'"],
    ['red -"at night"', "'red' & !'at night'"],
    ["red red RED red", "'red' & 'RED'"],
    ['red"car"', "'red' & 'car'"],
    ['"unclosed phrase', "'unclosed phrase'"],
    ["high-speed", "'high-speed'"],
    ["don't", "'don''t'"],
    ["a\\b", "'a\\\\b'"],
    ["ＡＢＣ", "'ABC'"],
  ])("%s reads %s", (text, terms) => {
    expect(termsOf(text)).toBe(terms);
  });

  test.each([
    ["주전자", "('주전 전자' | '주 전 전자' | '주전 전 자')"],
    ['"주전자"', "'주전 전자'"],
    ["-주전자 바다", "!('주전 전자' | '주 전 전자' | '주전 전 자') & '바다'"],
    ["바다", "'바다'"],
    ["물", "'물':*"],
    ["K팝 스타", "'K 팝' & '스타'"],
    ["팝K", "'팝 K'"],
    ['"빨간 주전자"', "'빨간 간 주 주전 전자'"],
    ["-물 바다", "!'물':* & '바다'"],
    ["ｹﾄﾙ", "'ケト トル'"],
    ["赤いケトル", "'赤い いケ ケト トル'"],
  ])("of pairs: %s reads %s", (text, terms) => {
    expect(termsOf(text)).toBe(terms);
  });

  test.each(["", "!!!", "-", "- -", "or", "or or", "-night", '""', '"', "-a or -b", "%_*"])(
    "has nothing to look for in %j",
    (text) => {
      expect(parseQuery(text)).toEqual({ query: null, marks: { terms: null, runs: [] } });
    },
  );

  test("leaves out an alternative that only says what must not be there", () => {
    expect(termsOf("kettle or -red")).toBe("'kettle'");
  });

  test("names its words when it is a plain list of words", () => {
    expect(parseQuery("Ada's 주전자").query?.parts).toEqual([
      { word: "Ada's", term: "'Ada''s'" },
      { word: "주전자", term: "('주전 전자' | '주 전 전자' | '주전 전 자')" },
    ]);
    for (const text of ["a or b", "a -b", '"a b"']) {
      expect(parseQuery(text).query).not.toHaveProperty("parts");
    }
  });

  test("says what to mark: words by their stems, runs where they stand", () => {
    expect(parseQuery('"red 주전자" or K팝 -blue').marks).toEqual({
      terms: "'red' | 'K'",
      runs: ["주전자", "팝"],
    });
  });

  test("counts a bounded number of words", () => {
    const many = Array.from({ length: 3000 }, (_, n) => `w${n}`).join(" ");
    expect(termsOf(many)?.split(" & ")).toHaveLength(queryLimits.terms);
    expect(termsOf(`"${many}"`)?.split(" ")).toHaveLength(queryLimits.words);
    const phrases = Array.from({ length: 60 }, (_, n) => `"${`w${n} `.repeat(50)}"`).join(" or ");
    expect(termsOf(phrases)?.length).toBeLessThan(queryLimits.size + 300);
    expect(termsOf("a-".repeat(5000))).toHaveLength(queryLimits.wordLength + 2);
    expect(termsOf("가".repeat(10_000))?.split(" ")).toHaveLength(queryLimits.words);
  });

  test("marks a bounded number of words and runs, each no longer than what was looked for", () => {
    const phrases = Array.from({ length: 60 }, (_, n) => `"${`w${n}a 가${n}나 `.repeat(30)}"`);
    const words = Array.from({ length: 60 }, (_, n) => n)
      .map((n) => `"${Array.from({ length: 30 }, (_, m) => `w${n}x${m}`).join(" ")}"`);
    expect(parseQuery(words.join(" ")).marks.terms?.split(" | ")).toHaveLength(queryLimits.marks);
    expect(parseQuery(phrases.join(" ")).marks.runs).toEqual(["가", "나"]);
    const [run = ""] = parseQuery("가나".repeat(5000)).marks.runs;
    expect(readHighlights(run, [run])).toEqual([`<mark>${run}</mark>`]);
    expect(run).toHaveLength(queryLimits.runLength);
  });

  test("never leaves an operand open, whatever the text", () => {
    const texts = fc.string({
      unit: fc.oneof(
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
        fc.constantFrom("주", "전", "물", "猫", '"', "'", "\\", " ", "-", " or "),
      ),
      maxLength: 200,
    });
    fc.assert(
      fc.property(texts, (text) => {
        const terms = termsOf(normalizeQuery(text)) ?? "";
        const operand = /!?'(?:[^'\\]|''|\\\\)+'(?::\*)?/gu;
        const shape = terms.replace(operand, "x").replace(/!?\(x( \| x)*\)/g, "x");
        expect(shape).toMatch(/^(x( [&|] x)*)?$/);
      }),
    );
  });
});

describe("paired text", () => {
  test("closes each run off from its neighbours", () => {
    expect(toPairedText("K팝송 is 물").split(/ +/)).toEqual(
      ["K", "팝", "팝송", "송", "is", "물", "물", ""],
    );
  });

  test("leaves other text alone", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-ascii" }), (text) => {
        expect(toPairedText(text)).toBe(text);
      }),
    );
  });
});

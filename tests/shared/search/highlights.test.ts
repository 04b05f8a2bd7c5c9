import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { highlightMarks, readHighlights } from "../../../shared/search/highlights.ts";

const mark = (text: string) => `${highlightMarks.start}${text}${highlightMarks.stop}`;
const bare = (fragment: string) => fragment.replaceAll("<mark>", "").replaceAll("</mark>", "");

describe("highlights", () => {
  test("mark matches and escape everything else", () => {
    expect(readHighlights(`<b>${mark("a&b")} "x" and ${mark("c")} d`)).toEqual([
      "&lt;b&gt;<mark>a&amp;b</mark> &quot;x&quot; and <mark>c</mark> d",
    ]);
  });

  test("are empty without a match", () => {
    expect(readHighlights(null, ["주전자"])).toEqual([]);
    expect(readHighlights("plain text", ["주전자"])).toEqual([]);
  });

  test("mark runs of characters inside a word, longest first, with what the database marked", () => {
    expect(readHighlights(`${mark("red")} 빨간 주전자를`, ["주전자", "전자"])).toEqual([
      "<mark>red</mark> 빨간 <mark>주전자</mark>를",
    ]);
  });

  test("are at most three, each between words, from a long text", () => {
    const filler = "some words that nobody looked for ".repeat(12).trim();
    const text = [1, 2, 3, 4, 5].map((n) => `${filler} ${mark(`match${n}`)}`).join(" ");
    const fragments = readHighlights(text);
    expect(fragments.map((one) => one.match(/match\d/)?.[0])).toEqual([
      "match1",
      "match2",
      "match3",
    ]);
    for (const fragment of fragments) {
      expect(bare(fragment).length).toBeLessThan(180);
      for (const word of bare(fragment).split(" ")) {
        expect(`${filler} match1 match2 match3`.split(" ")).toContain(word);
      }
    }
  });

  test("that are close together are one", () => {
    expect(readHighlights(`${mark("a")} b ${mark("c")}`)).toHaveLength(1);
  });

  test("never cut a character in two", () => {
    const text = "😀".repeat(200);
    const [fragment = ""] = readHighlights(text + mark("x") + text);
    expect(fragment.isWellFormed()).toBe(true);
    expect(fragment).toContain("<mark>x</mark>");
  });

  test("hold no tag but mark and nothing that the text lacks, whatever it is", () => {
    const texts = fc.string({ unit: "grapheme", maxLength: 400 });
    fc.assert(
      fc.property(
        texts,
        texts,
        fc.array(fc.string({ minLength: 1, maxLength: 3 })),
        (a, b, runs) => {
          const clean = (text: string) => text.replace(/[\ue000\ue001]/g, "");
          const fragments = readHighlights(clean(a) + mark(`${clean(b)}x`), runs);
          expect(fragments.length).toBeGreaterThan(0);
          for (const fragment of fragments) {
            expect(bare(fragment)).not.toMatch(/[<>"']/);
            expect(fragment.split("<mark>").length).toBe(fragment.split("</mark>").length);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

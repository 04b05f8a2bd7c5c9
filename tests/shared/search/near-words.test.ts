import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findNearWords, isNear } from "../../../shared/search/near-words.ts";

describe("a near word", () => {
  test.each([
    ["kitchen", "kitchen"],
    ["kitchen", "Kitchen"],
    ["kichen", "kitchen"],
    ["kiitchen", "kitchen"],
    ["kitxhen", "kitchen"],
    ["kithcen", "kitchen"],
    ["itchen", "kitchen"],
    ["kitche", "kitchen"],
    ["tou", "tour"],
    ["cafe", "café"],
    ["주전차", "주전자"],
    ["바디", "바다"],
  ])("%s of %s", (word, other) => {
    expect(isNear(word, other)).toBe(true);
    expect(isNear(other, word)).toBe(true);
  });

  test.each([
    ["kitten", "kitchen"],
    ["cat", "car"],
    ["abcd", "acxd"],
    ["2025", "2026"],
    ["take1", "take2"],
    ["ab", "abcd"],
    ["", "abcd"],
  ])("is not %s of %s", (word, other) => {
    expect(isNear(word, other)).toBe(false);
    expect(isNear(other, word)).toBe(false);
  });

  test("is what any one slip makes of a word", () => {
    const letters = fc.string({
      unit: fc.constantFrom(..."abcdefgh"),
      minLength: 5,
      maxLength: 12,
    });
    const slip = (word: string, at: number, kind: number) =>
      [
        word.slice(0, at) + word.slice(at + 1),
        word.slice(0, at) + "z" + word.slice(at),
        word.slice(0, at) + "z" + word.slice(at + 1),
        word.slice(0, at) + (word[at + 1] ?? "") + (word[at] ?? "") + word.slice(at + 2),
      ][kind] ?? word;
    fc.assert(fc.property(letters, fc.nat(4), fc.nat(3), (word, at, kind) => {
      expect(isNear(word, slip(word, at, kind))).toBe(true);
    }));
  });

  test("is found in a title as it is written there", () => {
    expect(findNearWords("Kitchen tour, Café", "tuor cafe")).toEqual(["tour", "Café"]);
    expect(findNearWords("Kitchen", "")).toEqual([]);
  });
});

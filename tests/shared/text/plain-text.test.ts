import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanLine, cleanText, isPlainName } from "../../../shared/text/plain-text.ts";

describe("names", () => {
  test.each([
    "Mina Park",
    "\u00e9\u00e8",
    "\uBBF8\uB098",
    "\u05d0\u200f\u05d1",
    "\u{1F468}\u200d\u{1F469}",
  ])(
    "%j may stand",
    (name) => expect(isPlainName(name)).toBe(true),
  );

  test.each([
    ["a NUL", "a\0b"],
    ["a line break", "a\nb"],
    ["an escape", "\u001b[31m"],
    ["a C1 control", "a\u0085b"],
    ["an override", "exe.\u202egpj"],
    ["an embedding", "a\u202ab"],
    ["an isolate", "a\u2066b"],
    ["a paragraph separator", "a\u2029b"],
    ["half a surrogate pair", "a\ud800"],
  ])("%s is refused", (_, name) => expect(isPlainName(name)).toBe(false));
});

describe("texts", () => {
  test.each([
    ["  a \r\n b ", "a   b"],
    ["cafe\u0301", "caf\u00e9"],
    ["a\0b\u001b\u202ec", "abc"],
    ["a\ud800", "a\ufffd"],
  ])("the line %j becomes %j", (given, clean) => expect(cleanLine(given)).toBe(clean));

  test.each([
    ["a\r\nb\rc\u2028d", "a\nb\nc\nd"],
    ["a\tb\u0007\u2067c\n", "a\tbc"],
  ])("the text %j becomes %j", (given, clean) => expect(cleanText(given)).toBe(clean));

  test("marks without end are cut before they are ordered", () => {
    const text = "a" + "\u0301\u0323".repeat(500_000) + "b\u0301";
    const started = performance.now();
    expect([...cleanLine(text)]).toHaveLength(1 + 29 + 2);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test("what was cleaned is clean", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (given) => {
      const line = cleanLine(given);
      const text = cleanText(given);
      expect(isPlainName(line)).toBe(true);
      expect(text).not.toMatch(/[^\P{Cc}\n\t]|[\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
      for (const clean of [line, text]) expect(clean.isWellFormed()).toBe(true);
    }));
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sanitizeFileName } from "../../../shared/text/file-name.ts";

describe("file name", () => {
  test.each([
    ["clip.mp4", "clip.mp4"],
    ["/home/ada/clip.mp4", "clip.mp4"],
    ["C:\\videos\\clip.mp4", "clip.mp4"],
    ["../../etc/passwd", "passwd"],
    [" a \t b.mov ", "a b.mov"],
    ["부엌.mp4", "부엌.mp4"],
    ["..", "video"],
    ["dir/", "video"],
    ["\u0000\u202e", "video"],
    ["photo\u202egpj.mp4", "photogpj.mp4"],
    ["..\\..\\windows\\system32", "system32"],
    ["a/b\\..\\..", "video"],
    ["CON", "_CON"],
    ["nul.mp4", "_nul.mp4"],
    ["com1.tar.mp4", "_com1.tar.mp4"],
    ["console.mp4", "console.mp4"],
    ["holiday. . .", "holiday"],
    ["a:b*c?.mp4", "abc.mp4"],
    ["cafe\u0301.mp4", "caf\u00e9.mp4"],
    ["half\ud800.mp4", "half\ufffd.mp4"],
  ])("%j becomes %j", (given, clean) => {
    expect(sanitizeFileName(given)).toBe(clean);
  });

  test("keeps its extension when it is cut", () => {
    const name = sanitizeFileName(`${"x".repeat(400)}.mp4`);
    expect(name).toHaveLength(255);
    expect(name.endsWith("x.mp4")).toBe(true);
  });

  test("is never empty, never a path, never too long", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (given) => {
        const name = sanitizeFileName(given);
        expect(name.length).toBeGreaterThan(0);
        expect(name.length).toBeLessThanOrEqual(255);
        expect(name).not.toMatch(/[/\\\p{Cc}]/u);
        expect(name.isWellFormed()).toBe(true);
      }),
    );
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findUploadFault, sanitizeFileName } from "../../../supabase/functions/videos/videos.ts";

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

describe("upload check", () => {
  const announced = { mime_type: "video/mp4", size_bytes: 10 };

  test("passes what was announced", () => {
    expect(findUploadFault({ size: 10, contentType: "video/mp4" }, announced)).toBeUndefined();
  });

  test("names every difference", () => {
    expect(findUploadFault({ size: 9, contentType: "" }, announced)).toMatch(
      /9 bytes.*and its type is ""/,
    );
  });
});

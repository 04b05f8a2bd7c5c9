import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "../../../shared/errors/app-error.ts";
import {
  maxCaptionBytes,
  parseCaptions,
  readCaptionFormat,
} from "../../../supabase/functions/videos/captions.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const vtt = (...lines: string[]) =>
  parseCaptions(encode(["WEBVTT", "", ...lines].join("\n")), "vtt");
const srt = (...lines: string[]) => parseCaptions(encode(lines.join("\n")), "srt");

async function faultsOf(parsing: Promise<unknown>) {
  const error = await parsing.then(() => undefined, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({ code: "captions_invalid" });
  return (error as AppError).errors;
}

describe("WebVTT", () => {
  test("gives one scene for each cue, in the order of the file", async () => {
    expect(
      await vtt(
        "NOTE made by hand",
        "",
        "intro",
        "00:01.000 --> 00:02.500 align:start position:0%",
        "<v Ada>Hello &amp; <i>welcome</i></v>",
        "to the kitchen",
        "",
        "01:00:00.000 --> 01:00:01.250",
        "다시 만나요",
      ),
    ).toEqual([
      { startS: 1, endS: 2.5, text: "Hello & welcome to the kitchen" },
      { startS: 3600, endS: 3601.25, text: "다시 만나요" },
    ]);
  });

  test("takes a byte order mark, CRLF, a header comment and unknown settings", async () => {
    const bytes = encode(
      "\ufeffWEBVTT - kitchen\r\nKind: captions\r\n\r\n00:00.000 --> 00:01.000 shape:round\r\nHi\r\n",
    );
    expect(await parseCaptions(bytes, "vtt")).toEqual([{ startS: 0, endS: 1, text: "Hi" }]);
  });

  test("leaves comparison signs in the text", async () => {
    expect(await vtt("00:00.000 --> 00:01.000", "if 2 &lt; 3 and a<5")).toEqual([
      { startS: 0, endS: 1, text: "if 2 < 3 and a<5" },
    ]);
  });

  test("names the line of every bad time", async () => {
    expect(
      await faultsOf(
        vtt(
          "00:01.000 --> 00:02.000",
          "one",
          "",
          "00:aa.000 --> 00:09.000",
          "two",
          "",
          "0:1 --> 7",
        ),
      ),
    ).toEqual([
      { path: "line 6", message: 'Cue times "00:aa.000 --> 00:09.000" are not valid' },
      { path: "line 9", message: 'Cue times "0:1 --> 7" are not valid' },
    ]);
  });

  test.each([
    ["a cue that ends before it starts", ["00:05.000 --> 00:04.000", "x"], 3, "must end after"],
    ["a cue that ends as it starts", ["00:05.000 --> 00:05.000", "x"], 3, "must end after"],
    [
      "two cues without a blank line",
      ["00:01.000 --> 00:02.000", "x", "00:02.000 --> 00:03.000", "y"],
      5,
      "A blank line is missing",
    ],
    ["text outside a cue", ["00:01.000 --> 00:02.000", "x", "", "lost"], 6, "outside a cue"],
    ["a cue inside a note", ["NOTE", "00:01.000 --> 00:02.000", "x"], 4, "A blank line is missing"],
  ])("refuses %s", async (_, lines, line, message) => {
    const faults = await faultsOf(vtt(...lines));
    expect(faults).toEqual([{
      path: `line ${line}`,
      message: expect.stringContaining(message),
    }]);
  });

  test("refuses a cue in the header, a missing header, no cue and bytes that are no text", async () => {
    const header = encode("WEBVTT\n00:01.000 --> 00:02.000\nHi");
    expect(await faultsOf(parseCaptions(header, "vtt"))).toMatchObject([{ path: "line 2" }]);
    const headless = encode("00:01.000 --> 00:02.000\nHi");
    expect(await faultsOf(parseCaptions(headless, "vtt"))).toMatchObject([{ path: "line 1" }]);
    expect(await faultsOf(vtt())).toMatchObject([{ message: "There is no cue with text" }]);
    expect(await faultsOf(parseCaptions(new Uint8Array([0xff, 0xfe, 0x41]), "vtt")))
      .toMatchObject([{ message: "The file is not UTF-8 text" }]);
  });

  test.each([
    ["unclosed tags", "<c.".repeat(1_600_000), "line 3", "more than 10000 characters"],
    ["unclosed braces", "{\\".repeat(2_400_000), "line 3", "more than 10000 characters"],
    ["blank lines", "\n".repeat(5_000_000), "line 250001", "more than 250000 lines"],
    ["cues", "\n\n00:00.000 --> 00:01.000\nx".repeat(20_000), "line 60003", "more than 20000 cues"],
  ])("refuses a file full of %s in short time", async (_, text, path, message) => {
    const started = performance.now();
    const faults = await faultsOf(vtt("00:00.000 --> 00:01.000", text));
    expect(faults).toEqual([{ path, message: expect.stringContaining(message) }]);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test("lists at most twenty faults", async () => {
    const lines = Array.from({ length: 50 }, () => ["x --> y", ""]).flat();
    expect(await faultsOf(vtt(...lines))).toHaveLength(20);
  });
});

describe("SRT", () => {
  test("gives one scene for each numbered cue", async () => {
    expect(
      await srt(
        "1",
        "00:00:01,000 --> 00:00:02,500",
        "{\\an8}<b>First</b>",
        "line",
        "",
        "2",
        "00:00:03,000 --> 00:00:04,000",
        "Second",
      ),
    ).toEqual([
      { startS: 1, endS: 2.5, text: "First line" },
      { startS: 3, endS: 4, text: "Second" },
    ]);
  });

  test("names the line of a bad time and of a cue that never ends", async () => {
    expect(
      await faultsOf(
        srt("1", "00:00:01,000 --> soon", "x", "", "2", "00:00:09,000 --> 00:00:03,000", "y"),
      ),
    ).toMatchObject([{ path: "line 2" }, { path: "line 6" }]);
  });

  test("refuses text that is no caption file", async () => {
    expect(await faultsOf(srt("hello", "world"))).toMatchObject([{ path: "line 1" }]);
  });
});

test("any cues written as WebVTT come back with their times and words", async () => {
  const word = fc.stringMatching(/^[a-zA-Z가-힣]{1,12}$/);
  const cue = fc.record({
    start: fc.integer({ min: 0, max: 3_500_000 }),
    length: fc.integer({ min: 1, max: 99_999 }),
    words: fc.array(word, { minLength: 1, maxLength: 6 }),
  });
  const time = (ms: number) => new Date(ms).toISOString().slice(11, 23);
  await fc.assert(
    fc.asyncProperty(fc.array(cue, { minLength: 1, maxLength: 10 }), async (cues) => {
      const lines = cues.flatMap(({ start, length, words }) => [
        `${time(start)} --> ${time(start + length)}`,
        words.join(" "),
        "",
      ]);
      expect(await vtt(...lines)).toEqual(
        cues.map(({ start, length, words }) => ({
          startS: start / 1000,
          endS: (start + length) / 1000,
          text: words.join(" "),
        })),
      );
    }),
    { numRuns: 50 },
  );
});

test("any bytes either parse or are refused with a line", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom("vtt" as const, "srt" as const),
      async (bytes, format) => {
        try {
          expect((await parseCaptions(new Uint8Array(bytes), format)).length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toMatchObject({ code: "captions_invalid", errors: expect.any(Array) });
        }
      },
    ),
    { numRuns: 200 },
  );
});

describe("a file made to take long", () => {
  // Milliseconds; alone on a core each takes less than one second of the two that a function has.
  const longest = 8000;
  const vtt = (blocks: string[]) => ["WEBVTT"].concat(blocks).join("\n\n");
  const cue = (text: string, times = "00:00.000 --> 59:59.000") => `${times}\n${text}`;
  const repeat = (count: number, block: string) => Array.from({ length: count }, () => block);
  const bytesOf = (text: string) => encode(text).slice(0, maxCaptionBytes);

  test.each([
    ["as many cues as fit", vtt(repeat(150_000, cue("a")))],
    ["empty lines", `WEBVTT${"\n".repeat(5_000_000)}`],
    ["one endless line", vtt([cue("a".repeat(5_000_000))])],
    ["a giant cue of short lines", vtt([cue("a\n".repeat(200_000))])],
    ["a giant cue of tags", vtt([cue("<b>".repeat(1_600_000))])],
    ["times that overflow", vtt([cue("a", `${"9".repeat(400)}:00:00.000 --> 1:00:00.000`)])],
  ])("is refused within its time: %s", async (_, text) => {
    const started = performance.now();
    await expect(parseCaptions(bytesOf(text), "vtt")).rejects.toThrow(AppError);
    expect(performance.now() - started).toBeLessThan(longest);
  });

  test.each([
    ["cues that all overlap", vtt(repeat(20_000, cue("word ".repeat(40))))],
    ["nested tags", vtt(repeat(500, cue("<b><i><u>".repeat(1000) + "a")))],
    ["open brackets", vtt(repeat(500, cue("<b <".repeat(2000) + "a")))],
    ["braces", vtt(repeat(500, cue("{\\".repeat(4000) + "a")))],
    ["entities", vtt(repeat(500, cue("&amp;".repeat(1900))))],
    ["blanks", vtt(repeat(500, cue(`a${" ".repeat(9000)}b`)))],
    ["marks that pile up", vtt(repeat(300, cue("a" + "\u0301\u0323".repeat(2000))))],
  ])("is read within its time: %s", async (_, text) => {
    const bytes = bytesOf(text);
    expect(bytes.length).toBeLessThanOrEqual(maxCaptionBytes);
    const started = performance.now();
    const scenes = await parseCaptions(bytes, "vtt").catch((error) => {
      expect(error).toBeInstanceOf(AppError);
      return [];
    });
    expect(performance.now() - started).toBeLessThan(longest);
    for (const { text } of scenes) expect(text.length).toBeLessThanOrEqual(10_000);
  });

  test("leaves out what a scene may not hold", async () => {
    const text = vtt([cue("a\u202eb\u0007 cafe\u0301")]);
    expect(await parseCaptions(bytesOf(text), "vtt")).toEqual([
      { startS: 0, endS: 3599, text: "ab caf\u00e9" },
    ]);
  });
});

describe("content type", () => {
  test("is read without parameters and in any case", () => {
    expect(readCaptionFormat("Text/VTT; charset=utf-8")).toBe("vtt");
    expect(readCaptionFormat("application/x-subrip")).toBe("srt");
  });

  test.each([undefined, "", "text/plain", "application/json"])("%s is refused", (type) => {
    expect(() => readCaptionFormat(type)).toThrowError(
      expect.objectContaining({ code: "unsupported_media_type" }),
    );
  });
});

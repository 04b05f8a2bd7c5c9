import { describe, expect, it } from "vitest";
import { AppError } from "../../../shared/errors/app-error.ts";
import { hashQuery, readCursor, signCursor } from "../../../shared/http/cursor.ts";

const key = "a-cursor-key-of-some-length";
const query = await hashQuery({ route: "videos", user: "u1", state: undefined });
const values = ["2026-11-22T10:00:00.123456Z", "5c1f0a52", 7, null, true];

async function refusal(reading: Promise<unknown>): Promise<unknown> {
  return await reading.then(() => null, (error) => error instanceof AppError ? error.code : error);
}

describe("readCursor()", () => {
  it("reads back what signCursor() wrote", async () => {
    expect(await readCursor(key, query, await signCursor(key, query, values))).toEqual(values);
  });

  it("refuses a cursor in which any single character was changed", async () => {
    const cursor = await signCursor(key, query, values);
    for (let i = 0; i < cursor.length; i++) {
      const changed = cursor.slice(0, i) + (cursor[i] === "A" ? "B" : "A") + cursor.slice(i + 1);
      // The last character of base64url carries bits that no byte holds.
      if (i === cursor.length - 1) continue;
      expect(await refusal(readCursor(key, query, changed)), `character ${i}`).toBe(
        "invalid_cursor",
      );
    }
  });

  it("refuses a cursor of another query, user or key", async () => {
    const cursor = await signCursor(key, query, values);
    const other = await hashQuery({ route: "videos", user: "u2" });
    expect(await refusal(readCursor(key, other, cursor))).toBe("invalid_cursor");
    expect(await refusal(readCursor(`${key}!`, query, cursor))).toBe("invalid_cursor");
  });

  it.each(["", ".", "a", "a.b", "a.b.c", "%%%.%%%", "é.é", "x".repeat(2000), "e30.e30"])(
    "refuses %j as a cursor",
    async (cursor) => {
      expect(await refusal(readCursor(key, query, cursor))).toBe("invalid_cursor");
    },
  );
});

describe("hashQuery()", () => {
  it("depends on members and not on their order or on undefined ones", async () => {
    expect(await hashQuery({ b: 1, a: 2 })).toBe(await hashQuery({ a: 2, b: 1, c: undefined }));
    expect(await hashQuery({ a: 1 })).not.toBe(await hashQuery({ a: 2 }));
  });
});

import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite/vector";
import { afterAll, describe, expect, test } from "vitest";
import { base64VectorSchema } from "../../../shared/http/vector-schema.ts";

const schema = base64VectorSchema(4);
const encode = (numbers: number[]) => new Uint8Array(new Float32Array(numbers).buffer).toBase64();

describe("base64VectorSchema", () => {
  const open = PGlite.create({ extensions: { vector } });
  afterAll(async () => (await open).close());

  test("writes what pgvector reads back as exactly the same numbers", async () => {
    const db = await open;
    await db.exec("create extension if not exists vector");
    const lists = [
      [0.1, -0.2, 1 / 3, 1e-7],
      [3.4028234663852886e38, -1.1754943508222875e-38, 1e-45, 0],
      [16_777_217, -0, 123_456.789, 1],
    ];
    for (const numbers of lists) {
      const { rows } = await db.query<{ numbers: number[] }>(
        "select $1::text::vector(4)::real[] as numbers",
        [schema.parse(encode(numbers))],
      );
      const sent = numbers.map((number) => Math.fround(number) + 0);
      expect(rows[0]?.numbers.map((number) => Math.fround(number) + 0)).toEqual(sent);
    }
  });

  test.each([
    ["", "Expected 4 numbers, there are 0"],
    ["AAAA", "Expected base64"],
    [`${encode([1, 2, 3, 4])}\n`, "Expected base64"],
    [encode([1, 2, 3, 4]).replace("==", "-_"), "Expected base64"],
    [encode([1, 2, 3]), "Expected 4 numbers, there are 3"],
    [encode([1, NaN, 3, 4]), "Number 2 is not finite"],
    [encode([1, 2, Infinity, 4]), "Number 3 is not finite"],
    [encode([0, -0, 0, 0]), "All numbers are zero"],
  ])("refuses %j", (text, message) => {
    const parsed = schema.safeParse(text);
    expect(parsed.error?.issues.map((issue) => issue.message)).toEqual([
      expect.stringContaining(message),
    ]);
  });
});

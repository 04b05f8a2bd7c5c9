import fc from "fast-check";
import { expect, it } from "vitest";
import { quoteLiteral } from "../../../shared/database/quote-literal.ts";
import { postgresSql } from "../../support/sql.ts";

it.each(["on", "off"])(
  "is one constant that reads as the text, with standard_conforming_strings %s",
  async (setting) => {
    const texts = fc.sample(fc.string({ unit: "binary", maxLength: 40 }), 200)
      .map((text) => text.replaceAll("\0", "").toWellFormed())
      .concat("'", "\\", "\\'", "'; select 1; --", "$1", "E'", "\\x41", "\\u0041");
    const read = await postgresSql().begin(async (sql) => {
      await sql.unsafe(`set local standard_conforming_strings = ${setting}`);
      const list = texts.map(quoteLiteral).join(", ");
      const [row] = await sql.unsafe<[{ texts: string[] }]>(
        `select array[${list}]::text[] as texts`,
      );
      return row.texts;
    });
    expect(read).toEqual(texts);
  },
);

it("refuses what PostgreSQL cannot hold", () => {
  expect(() => quoteLiteral("a\0b")).toThrow(RangeError);
});

import { describe, expect, it } from "vitest";
import * as z from "zod";
import { later } from "../../shared/later.ts";
import { projectFiles, read } from "../house-rules/project.ts";

describe("later()", () => {
  it("makes a schema when it is first used, and once", async () => {
    let made = 0;
    const schema = later(() => {
      made++;
      return z.object({ name: z.string().min(1) });
    });
    expect(made).toBe(0);
    expect(schema.parse({ name: "a" })).toEqual({ name: "a" });
    expect((await schema.safeParseAsync({ name: "" })).success).toBe(false);
    expect(made).toBe(1);
  });

  it("makes what stands in other schemas and can be built on", () => {
    const word = later(() => z.string().max(3));
    const pair = later(() => z.object({ first: word, second: word.optional() }));
    const triple = later(() => pair.extend({ third: word.nullable() }));
    expect(triple.parse({ first: "a", third: null })).toEqual({ first: "a", third: null });
    expect(triple.safeParse({ first: "long", third: null }).error?.issues).toMatchObject([
      { path: ["first"], code: "too_big" },
    ]);
    expect(Object.keys(triple.shape)).toEqual(["first", "second", "third"]);
  });

  it("looks like the schema", () => {
    const schema = later(() => z.array(z.number()));
    expect(schema instanceof z.ZodArray).toBe(true);
    expect("parse" in schema).toBe(true);
  });

  it("makes every schema of functions that stands in a module", () => {
    const functionFiles = projectFiles().filter((path) =>
      /^(shared|supabase\/functions)\/.*\.ts$/.test(path) && !path.startsWith("shared/legacy/")
    );
    const atOnce = functionFiles.flatMap((path) =>
      read(path).match(/^(?:export )?const \w+ =\s+(?:z|\w+Schema)\b\s*[.(].*/gm) ?? []
    );
    expect(atOnce).toEqual([]);
  });
});

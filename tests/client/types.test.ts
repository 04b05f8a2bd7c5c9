import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import {
  operationsFile,
  renderOperations,
  renderSchemaTypes,
  schemaFile,
} from "../../tools/write-client-types.ts";

describe("the client's types", () => {
  it("are what npm run client:types would write", async () => {
    const advice = "Run npm run client:types";
    expect(await readFile(schemaFile, "utf8"), advice).toBe(await renderSchemaTypes());
    expect(await readFile(operationsFile, "utf8"), advice).toBe(await renderOperations());
  });
});

import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { buildOpenApi, openApiFile, renderOpenApi } from "../../tools/write-openapi.ts";
import { routes } from "../support/routes.ts";

const operationSchema = z.looseObject({
  operationId: z.string().optional(),
  summary: z.string().min(1),
  tags: z.array(z.string()).length(1),
  responses: z.record(z.string(), z.unknown()),
});
const document = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.record(z.string(), z.record(z.string(), z.unknown())),
}).parse(buildOpenApi("0.0.0"));

const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ method, path, operation }))
);

describe("docs/openapi.json", () => {
  it("is what npm run openapi would write", async () => {
    expect(await readFile(openApiFile, "utf8"), "Run npm run openapi").toBe(await renderOpenApi());
  });

  it("has every route of every function under its address", () => {
    const known = Object.entries(routes).flatMap(([name, cases]) =>
      cases.map(({ method, path }) => {
        const inside = path === "/" ? "" : path.replace(/:(\w+)/g, "{$1}");
        return `${method.toLowerCase()} /functions/v1/${name}${inside}`;
      })
    );
    expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(known.sort());
  });

  it("documents a problem for every operation and names each operation once", () => {
    const without = operations.filter(({ operation }) => !("default" in operation.responses));
    expect(without.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
    const ids = operations.flatMap(({ operation }) => operation.operationId ?? []);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("refers only to what it contains", () => {
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/(\w+)\/([^"]+)"/g)];
    const missing = references.filter(([, kind = "", name = ""]) =>
      !(name in (document.components[kind] ?? {}))
    );
    expect(missing.map(([reference]) => reference)).toEqual([]);
  });
});

import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { lintOpenApi } from "../../tools/lint-openapi.ts";
import { renderErrorPage } from "../../tools/openapi/error-table.ts";
import { buildOpenApi, errorsFile, openApiFile, renderOpenApi } from "../../tools/write-openapi.ts";
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

  it("passes the linter, its examples too", async () => {
    expect(await lintOpenApi()).toEqual([]);
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

  it("shows an example of every body", () => {
    const without = operations.flatMap(({ operation }) =>
      bodiesOf(operation)
        .filter(([, media]) => !("example" in media || "examples" in media))
        .map(([where]) => `${operation.operationId} ${where}`)
    );
    expect(without).toEqual([]);
  });

  it("refers only to what it contains", () => {
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/(\w+)\/([^"]+)"/g)];
    const missing = references.filter(([, kind = "", name = ""]) =>
      !(name in (document.components[kind] ?? {}))
    );
    expect(missing.map(([reference]) => reference)).toEqual([]);
  });
});

describe("docs/errors.md", () => {
  it("is what npm run openapi would write", async () => {
    expect(await readFile(errorsFile, "utf8"), "Run npm run openapi").toBe(renderErrorPage());
  });
});

const contentSchema = z.looseObject({
  content: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
});

/** Every body of an operation, by where it stands. */
function bodiesOf({ requestBody, responses }: z.infer<typeof operationSchema>) {
  const parts = Object.entries({ ...responses, ...requestBody ? { requestBody } : {} });
  return parts.flatMap(([where, part]) =>
    Object.entries(contentSchema.parse(part).content ?? {}).map(([type, media]) =>
      [`${where} ${type}`, media] as const
    )
  );
}

import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";
import { type Members, membersOf } from "./openapi/members.ts";
import { openApiFile } from "./write-openapi.ts";

/** Functions that no app calls: workers, webhooks and the minute's work have keys of their own. */
const appSchemes = new Set(["bearer", "statusToken"]);

export const schemaFile = new URL("../client/src/schema.ts", import.meta.url);
export const operationsFile = new URL("../client/src/operations.ts", import.meta.url);

/** The types of every operation and schema of docs/openapi.json that apps use. */
export async function renderSchemaTypes(): Promise<string> {
  const document = pruneDocument(await readAppDocument());
  const nodes = await openapiTS(document as unknown as OpenAPI3, {
    defaultNonNullable: false,
  });
  const kept = nodes.filter((node) =>
    /\binterface (components|operations)\b/.test(astToString(node))
  );
  return `${header}\n${astToString(kept)}`;
}

/** Where each operation is: method and path below /functions/v1. */
export async function renderOperations(): Promise<string> {
  const { paths } = await readAppDocument();
  const rows = Object.entries(membersOf(paths)).flatMap(([path, item]) =>
    Object.entries(membersOf(item)).map(([method, operation]) => {
      const place = path.replace("/functions/v1/", "");
      const id = String(membersOf(operation).operationId);
      return `  ${id}: { method: "${method.toUpperCase()}", path: "${place}" },`;
    })
  );
  return `${header}
/** Where each operation is: its method, and its path as functions.invoke takes it. */
export const operationPlaces = {
${rows.join("\n")}
} as const;
`;
}

const header = "// Written by npm run client:types from docs/openapi.json\n";

async function readAppDocument(): Promise<Members> {
  const document: Members = JSON.parse(await readFile(openApiFile, "utf8"));
  const paths = Object.entries(membersOf(document.paths)).map(([path, item]) => [
    path,
    Object.fromEntries(Object.entries(membersOf(item)).filter(([, one]) => isForApps(one))),
  ]);
  return { ...document, paths: Object.fromEntries(paths) };
}

/** Without failures, which all look the same, and without schemas that nothing else refers to. */
function pruneDocument(document: Members): Members {
  const paths = mapMembers(document.paths, (item) =>
    mapMembers(item, (operation) => ({
      ...membersOf(operation),
      responses: Object.fromEntries(
        Object.entries(membersOf(membersOf(operation).responses)).filter(([status]) =>
          status.startsWith("2")
        ),
      ),
    })));
  const { schemas, parameters } = membersOf(document.components);
  const used = collectSchemas(JSON.stringify([paths, parameters]), membersOf(schemas));
  return { ...document, paths, components: { parameters, schemas: used } };
}

function collectSchemas(text: string, schemas: Members, found: Set<string> = new Set(["Problem"])) {
  const texts = [text];
  for (const one of texts) {
    for (const [, name = ""] of one.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (found.has(name)) continue;
      found.add(name);
      texts.push(JSON.stringify(schemas[name]));
    }
  }
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => found.has(name)));
}

function mapMembers(value: unknown, change: (member: unknown) => unknown): Members {
  return Object.fromEntries(
    Object.entries(membersOf(value)).map(([name, member]) => [name, change(member)]),
  );
}

function isForApps(operation: unknown): boolean {
  const { security } = membersOf(operation);
  const schemes = Array.isArray(security)
    ? security.flatMap((one) => Object.keys(membersOf(one)))
    : [];
  return schemes.every((scheme) => appSchemes.has(scheme));
}

if (import.meta.main) {
  await writeFile(schemaFile, await renderSchemaTypes());
  await writeFile(operationsFile, await renderOperations());
  process.stdout.write("Wrote client/src/schema.ts and client/src/operations.ts\n");
}

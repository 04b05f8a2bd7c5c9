import { escapeHtml } from "./html.ts";

const documentUrl = new URL("../../docs/openapi.json", import.meta.url);

/** GET /docs: the routes of docs/openapi.json as one plain page. */
export async function serveDocs(request: Request): Promise<Response> {
  const document = await readDocument();
  if (new URL(request.url).pathname === "/docs/openapi.json") {
    return document === null
      ? Response.json({ message: "Run npm run openapi to write the document" }, { status: 404 })
      : Response.json(document);
  }
  return new Response(toPage(listOperations(document)), {
    headers: { "content-type": "text/html; charset=utf-8" },
  });
}

async function readDocument(): Promise<unknown> {
  try {
    return JSON.parse(await Deno.readTextFile(documentUrl));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

interface Operation {
  method: string;
  path: string;
  summary: string;
}

function listOperations(document: unknown): Operation[] {
  const paths: Record<string, unknown> = { ...Object(Object(document).paths) };
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries({ ...Object(item) }).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      summary: String(Object(operation).summary ?? ""),
    }))
  );
}

function toPage(operations: Operation[]): string {
  const rows = operations.map(({ method, path, summary }) =>
    `<tr><td><code>${escapeHtml(method)}</code></td><td><code>${escapeHtml(path)}</code></td>` +
    `<td>${escapeHtml(summary)}</td></tr>`
  ).join("\n");
  const list = rows === ""
    ? "<p>No document yet: run <code>npm run openapi</code>.</p>"
    : `<table>${rows}</table><p><a href="/docs/openapi.json">openapi.json</a></p>`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Heimdex API</title>
<style>body{font:16px system-ui;margin:2rem}td{padding:.2rem 1rem .2rem 0}</style>
<h1>Heimdex API</h1>${list}</html>`;
}

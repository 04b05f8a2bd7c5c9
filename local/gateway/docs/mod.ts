import { createDemoSessions, type DemoOptions } from "./demo-session.ts";
import { renderPage } from "./page.ts";
import { type Asset, assets } from "./assets.ts";

export type DocsOptions = DemoOptions;

const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  // Nothing comes from elsewhere. Swagger UI writes style elements, and its icons are data.
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' " +
    "'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'",
};

/**
 * GET /docs: the API reference, where every route can be tried. The page, its scripts and
 * docs/openapi.json are read from the disk; POST /docs/demo-session signs in the demo user.
 */
export function createDocs(o: DocsOptions): (request: Request) => Promise<Response> {
  const createDemoSession = createDemoSessions(o);
  return async function serveDocs(request) {
    const path = new URL(request.url).pathname.replace(/\/$/, "");
    if (request.method === "POST" && path === "/docs/demo-session") {
      return await createDemoSession(request);
    }
    if (request.method !== "GET" && request.method !== "HEAD") return refuse(405, "Use GET");
    if (path === "/docs") return new Response(renderPage(), { headers: pageHeaders });
    const asset = assets.get(path.slice("/docs/".length));
    return asset === undefined
      ? refuse(404, `Nothing is served at ${path}`)
      : await readAsset(asset);
  };
}

async function readAsset({ file, type }: Asset): Promise<Response> {
  try {
    return new Response(await Deno.readFile(file()), {
      headers: { "content-type": type, "cache-control": "no-cache" },
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return refuse(404, "The file is not there: run npm ci and npm run openapi");
  }
}

function refuse(status: number, message: string): Response {
  return Response.json({ message }, { status });
}

import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { createApp as createAuthOnboarding } from "../supabase/functions/auth-onboarding/app.ts";
import { createApp as createAuthWebhook } from "../supabase/functions/auth-webhook/app.ts";
import { createApp as createMe } from "../supabase/functions/me/app.ts";
import { createApp as createPeople } from "../supabase/functions/people/app.ts";
import { createApp as createSearch } from "../supabase/functions/search/app.ts";
import { createApp as createVideos } from "../supabase/functions/videos/app.ts";
import { readEnv } from "../shared/env.ts";
import { createDeps } from "../shared/http/deps.ts";
import { securitySchemes } from "../shared/http/schemas.ts";

/** Every function by name, in the order of the document. */
const creators = {
  "auth-onboarding": createAuthOnboarding,
  me: createMe,
  videos: createVideos,
  people: createPeople,
  search: createSearch,
  "auth-webhook": createAuthWebhook,
};

/** Nothing connects: the apps are only asked what they would answer. */
const deps = createDeps(readEnv({
  SUPABASE_URL: "http://127.0.0.1:54321",
  SUPABASE_PUBLISHABLE_KEY: "publishable",
  SUPABASE_SECRET_KEY: "secret",
  SUPABASE_DB_URL: "postgresql://postgres@127.0.0.1:54322/postgres",
}));

type Members = Record<string, unknown>;

/** One OpenAPI 3.1 document for all functions, as a JSON value. */
export function buildOpenApi(version: string): Members {
  const paths: Members = {};
  const components: Record<string, Members> = { securitySchemes };
  for (const [name, createApp] of Object.entries(creators)) {
    const document = createApp(deps).getOpenAPI31Document({
      openapi: "3.1.0",
      info: { title: name, version },
    });
    for (const [path, item] of Object.entries(document.paths ?? {})) {
      paths[`/functions/v1/${name}${path === "/" ? "" : path}`] = item;
    }
    for (const [kind, members] of Object.entries(document.components ?? {})) {
      components[kind] = addMembers(components[kind] ?? {}, members, `${name} ${kind}`);
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Heimdex",
      version,
      description: "The edge functions of Heimdex. Lists page by an opaque cursor; every failure " +
        "is a problem document (RFC 9457) with a code and the request's id.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [
      { url: "http://127.0.0.1:54321", description: "The embedded stack" },
      {
        url: "https://{project}.supabase.co",
        description: "A hosted project",
        variables: { project: { default: "project", description: "Reference of the project" } },
      },
    ],
    tags: Object.keys(creators).map((name) => ({ name })),
    paths,
    components,
  };
}

/** Joins the named parts of two functions; the same name has to mean the same thing. */
function addMembers(known: Members, added: Members, where: string): Members {
  for (const [name, member] of Object.entries(added)) {
    if (name in known && JSON.stringify(known[name]) !== JSON.stringify(member)) {
      throw new Error(`Two functions differ about ${name} (${where}): rename one of them`);
    }
  }
  return { ...known, ...added };
}

/** The document as it stands in docs/openapi.json. */
export async function renderOpenApi(): Promise<string> {
  const manifest = await readFile(new URL("../package.json", import.meta.url), "utf8");
  return `${JSON.stringify(buildOpenApi(JSON.parse(manifest).version), null, 2)}\n`;
}

export const openApiFile = new URL("../docs/openapi.json", import.meta.url);

if (import.meta.main) {
  await writeFile(openApiFile, await renderOpenApi());
  process.stdout.write("Wrote docs/openapi.json\n");
}

// First, so that every schema keeps what it says of itself.
import { OpenAPIHono } from "@hono/zod-openapi";
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
import { completeOperation } from "./openapi/complete-operation.ts";
import { renderErrorPage, renderErrorTable } from "./openapi/error-table.ts";
import { examples } from "./openapi/examples/mod.ts";
import { type Members, membersOf } from "./openapi/members.ts";
import { problemExamples } from "./openapi/problems.ts";

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

const tagDescriptions: Record<keyof typeof creators, string> = {
  "auth-onboarding": "Register, sign in and out, onboard, and delete the own account",
  me: "The own profile, usage and export",
  videos: "Upload videos, caption them, read their scenes; the routes of indexing workers",
  people: "Name the people in videos",
  search: "Find scenes",
  "auth-webhook": "Events about users, and the minute's work; not for apps",
};

/** One OpenAPI 3.1 document for all functions, as a JSON value. */
export function buildOpenApi(version: string): Members {
  const paths: Members = {};
  const components: Record<string, Members> = { securitySchemes };
  for (const [name, createApp] of Object.entries(creators)) {
    const documented = new OpenAPIHono();
    for (const { middleware: _, ...contract } of createApp(deps).contracts) {
      documented.openAPIRegistry.registerPath(contract);
    }
    const document = documented.getOpenAPI31Document({
      openapi: "3.1.0",
      info: { title: name, version },
    });
    for (const [path, item] of Object.entries(document.paths ?? {})) {
      paths[`/functions/v1/${name}${path === "/" ? "" : path}`] = completePath(name, item);
    }
    for (const [kind, members] of Object.entries(document.components ?? {})) {
      components[kind] = addMembers(components[kind] ?? {}, members, `${name} ${kind}`);
    }
  }
  components.examples = problemExamples(JSON.stringify(paths));
  return {
    openapi: "3.1.0",
    info: {
      title: "Heimdex",
      version,
      description,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [
      { url: "http://127.0.0.1:54321", description: "The embedded stack" },
      {
        url: "https://{project}.supabase.co",
        description: "A hosted project",
        variables: {
          project: {
            default: "project",
            description: "Reference of the project",
          },
        },
      },
    ],
    tags: Object.entries(tagDescriptions).map(([name, text]) => ({
      name,
      description: text,
    })),
    paths,
    components,
  };
}

const description = `The edge functions of Heimdex, called with the access token of a user of
Supabase Auth.

Lists answer \`next_cursor\` and \`has_more\`: send the cursor back as it is, with the same query.
A write to the profile answers \`refresh_required\`: refresh the session, so that the token says the
same. Every answer carries \`x-request-id\`.

## Errors

Every failure is a problem document (RFC 9457, \`application/problem+json\`) with a stable \`code\`.

${renderErrorTable()}
`;

function completePath(name: string, item: unknown): Members {
  return Object.fromEntries(
    Object.entries(membersOf(item)).map(([method, value]) => {
      const operation = membersOf(value);
      const example = examples[name]?.[String(operation.operationId)];
      return [method, completeOperation(method, operation, example)];
    }),
  );
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
export const errorsFile = new URL("../docs/errors.md", import.meta.url);

if (import.meta.main) {
  await writeFile(openApiFile, await renderOpenApi());
  await writeFile(errorsFile, renderErrorPage());
  process.stdout.write("Wrote docs/openapi.json and docs/errors.md\n");
}

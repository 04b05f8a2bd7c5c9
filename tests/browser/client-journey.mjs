import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";
import { expected } from "../client/consumer/expected.mjs";
import { installPackedClient } from "../client/consumer/pack.mjs";

const require = createRequire(import.meta.url);
const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".mp4": "video/mp4",
};

/** The same journey as in Node and Deno, by a page of another origin that loads the packed client. */
export async function runClientJourney({ page, stack, clip, withRefusals, shoot }) {
  const installed = await installPackedClient();
  const server = await serveApp(installed.project, clip);
  try {
    await page.goto(server.url);
    await page.waitForFunction(() => "runIt" in globalThis);
    const credentials = await createUser(stack);
    const { url, publishableKey } = stack;
    const seen = await page.evaluate(
      (settings) => globalThis.runIt(settings),
      { url, publishableKey, credentials, withRefusals },
    );
    await shoot(withRefusals ? "client-refusals" : "client");
    const { refusal, invalid, missing, ...always } = expected;
    assert.deepEqual(seen, withRefusals ? { ...always, refusal, invalid, missing } : always);
  } finally {
    await server.close();
    await rm(installed.folder, { recursive: true, force: true });
  }
}

async function serveApp(project, clip) {
  const files = {
    "/": fileURLToPath(new URL("client-page.html", import.meta.url)),
    "/supabase.js": join(
      require.resolve("@supabase/supabase-js"),
      "../umd/supabase.js",
    ),
    "/clip.mp4": clip,
    "/journey.mjs": join(project, "journey.mjs"),
  };
  const server = createServer(async ({ url = "/" }, response) => {
    const isPackage = /^\/node_modules\/@heimdex\/client\/dist\/[a-z-]+\.js$/.test(url);
    const file = files[url] ?? (isPackage ? join(project, url) : undefined);
    if (file === undefined) return void response.writeHead(404).end();
    response.setHeader("content-type", types[extname(file)]);
    response.end(await readFile(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

async function createUser({ url, secretKey }) {
  const name = crypto.randomUUID();
  const credentials = { email: `${name}@example.test`, password: `pw-${name}` };
  const response = await fetch(`${url}/auth/v1/admin/users`, {
    method: "POST",
    headers: { apikey: secretKey, "content-type": "application/json" },
    body: JSON.stringify({ ...credentials, email_confirm: true }),
  });
  assert.ok(response.ok, `Creating a user answered ${response.status}`);
  return credentials;
}

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const launcher = fileURLToPath(new URL("../../tools/deno.mjs", import.meta.url));
const main = fileURLToPath(new URL("../../local/main.ts", import.meta.url));

/** Starts a stack of its own on free ports; `stop` ends it and removes its folder. */
export async function startStack() {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-browser-"));
  const child = spawn("node", [launcher, "run", main, "--port", "0", "--json"], {
    env: { ...process.env, HEIMDEX_DATA_DIR: join(folder, "data") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    return { ...await readAddresses(child), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function readAddresses(child) {
  let text = "";
  for await (const chunk of child.stdout) {
    text += chunk;
    const end = text.indexOf("\n");
    if (end < 0) continue;
    const { url, publishable_key: publishableKey, secret_key: secretKey } = JSON.parse(
      text.slice(0, end),
    );
    return { url, publishableKey, secretKey };
  }
  throw new Error("The stack ended before it said where it is");
}

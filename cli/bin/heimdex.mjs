#!/usr/bin/env node
// npm links this file as `heimdex`; the command itself runs on the Deno that npm installed.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandFlags, runDeno } from "../../tools/deno.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const config = ["--config", join(root, "deno.json")];
runDeno(["run", ...commandFlags, ...config, join(root, "cli/main.ts"), ...process.argv.slice(2)]);

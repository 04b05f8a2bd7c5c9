import process from "node:process";
import { fileURLToPath } from "node:url";
import { createConfig, lint, type NormalizedProblem } from "@redocly/openapi-core";
import { openApiFile } from "./write-openapi.ts";

/** Redocly's strict rules, where a warning is an error, and what a reader of examples relies on. */
const rules = {
  "no-invalid-media-type-examples": "error",
  "no-invalid-schema-examples": "error",
  "no-invalid-parameter-examples": "error",
  "operation-description": "off",
  "no-server-example.com": "off",
} as const;

/** What the linter finds in docs/openapi.json, one line each. Asks no network. */
export async function lintOpenApi(): Promise<string[]> {
  const config = await createConfig({ extends: ["recommended-strict"], rules });
  const problems = await lint({ ref: fileURLToPath(openApiFile), config });
  return problems.map(describe);
}

function describe({ ruleId, message, location }: NormalizedProblem): string {
  return `${location[0]?.pointer ?? "#/"}: ${message} (${ruleId})`;
}

if (import.meta.main) {
  const found = await lintOpenApi();
  for (const line of found) process.stdout.write(`${line}\n`);
  process.stdout.write(`${found.length} problems in docs/openapi.json\n`);
  process.exitCode = found.length === 0 ? 0 : 1;
}

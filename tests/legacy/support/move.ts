import { expect } from "vitest";
import type { Decision } from "../../../shared/legacy/decisions.ts";
import { runJson, type Settings } from "./command.ts";
import { decide, type Plan } from "./decide.ts";

/** Plan, decisions, load where asked, export, verification and cutover, as an operator runs them. */
export async function moveByCommands(
  settings: Settings,
  { load = false }: { load?: boolean } = {},
): Promise<readonly Decision[]> {
  if (load) await runJson(["legacy", "load"], settings);
  const { decisions, file } = await decideByCommands(settings);
  try {
    await runJson(["legacy", "export", "--decisions", file], settings);
  } finally {
    await Deno.remove(file);
  }
  await runJson(["legacy", "verify"], settings);
  await runJson(["legacy", "cutover"], settings);
  return decisions;
}

/** Asks for a plan and decides everything that it leaves open; the caller removes the file. */
export async function decideByCommands(
  settings: Settings,
): Promise<{ decisions: readonly Decision[]; file: string }> {
  const plan = await runJson<Plan>(["legacy", "plan"], settings, 2);
  const { decisions, file } = await decide(plan);
  const decided = await runJson<Plan>(["legacy", "plan", "--decisions", file], settings);
  expect(decided.matters).toEqual([]);
  return { decisions, file };
}

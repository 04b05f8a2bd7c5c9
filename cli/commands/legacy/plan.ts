import type { Command } from "commander";
import {
  type Decision,
  decisionActions,
  type DecisionKind,
} from "../../../shared/legacy/decisions.ts";
import type { Matter } from "../../../shared/legacy/plan/matters.ts";
import { type Plan, planMove, suggestDecisions } from "../../../shared/legacy/plan/plan.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { readDecisionsFile } from "../../legacy/decisions-file.ts";
import { withLegacyDatabases } from "../../legacy/with-legacy.ts";
import { nounOf } from "../../noun.ts";
import { wholeNumber } from "../../options.ts";
import { toJson, toTable } from "../../output.ts";
import { startProgress } from "../../progress.ts";
import { legacyNoun } from "./noun.ts";

interface PlanCommandOptions {
  decisions?: string;
  suggest?: string;
  show: number;
  json?: boolean;
}

const epilogue = `
Reads the legacy users and rows and changes nothing. Decisions stored by an earlier export count, and
so do those of --decisions, which is a JSON document:
  {"decisions":[{"kind":"email_case","subject":"<legacy id>","action":"use_email","value":"a@b.test"}]}
"subject": "*" decides for all of a kind, where the action takes no value. Give the same file to
"heimdex legacy export", which stores it.

Environment:
  DATABASE_URL          the project
  LEGACY_DATABASE_URL   the legacy database; not set when its tables already lie in the project

Exit codes:
  0 nothing is left to decide   2 something is, or wrong usage   3 a database does not answer

Examples:
  $ heimdex legacy plan
  $ heimdex legacy plan --suggest decisions.json
  $ heimdex legacy plan --decisions decisions.json --json`;

export function registerLegacyPlan(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...legacyNoun)
    .command("plan")
    .description("Says what a move would do and what has to be decided first")
    .option("--decisions <file>", "count the decisions of this file")
    .option("--suggest <file>", "write a decisions file that settles what is open, to be edited")
    .option("--show <count>", "matters of each kind in the table", wholeNumber(0, 10_000), 5)
    .option("--json", "write one JSON document")
    .addHelpText("after", epilogue)
    .action(async (options: PlanCommandOptions) => finish(await plan(context, options)));
}

async function plan(context: CliContext, options: PlanCommandOptions): Promise<ExitCode> {
  const { json } = options;
  const decisions = options.decisions === undefined
    ? []
    : await readDecisionsFile(options.decisions);
  const result = await withLegacyDatabases(context, async (databases) => {
    const progress = startProgress(context, { title: "Plan", total: 0, unit: "users", json });
    try {
      return await planMove(databases, {
        decisions,
        onProgress: (done, total) => progress.update(done, total),
      });
    } finally {
      progress.stop();
    }
  });
  if (options.suggest !== undefined) await writeSuggestion(options.suggest, result, decisions);
  context.out(options.json ? toJson(toDocument(result)) : describe(result, options));
  return Object.keys(result.open).length > 0 ? exitCodes.usage : exitCodes.ok;
}

/** What was given stays in the file: it is the one for the export. */
async function writeSuggestion(path: string, result: Plan, given: Decision[]): Promise<void> {
  const decisions = [...given, ...suggestDecisions(result)];
  await Deno.writeTextFile(path, `${toJson({ decisions })}\n`).catch((cause) => {
    throw new CliError(exitCodes.usage, `Cannot write the decisions file ${path}`, { cause });
  });
}

function toDocument(plan: Plan) {
  const { counts, notes, hashes, open, decided } = plan;
  return {
    separate: plan.separate,
    users: {
      total: counts.users,
      linked: counts.linked,
      unlinked: counts.unlinked,
      exported: counts.exported,
      to_create: counts.toCreate,
      to_update: counts.toUpdate,
      unchanged: counts.unchanged,
    },
    hashes,
    rows: plan.rows,
    open,
    decided,
    matters: plan.matters,
    notes: {
      erased_users: notes.erased,
      unconfirmed_users: notes.unconfirmed,
      own_password: notes.ownPassword,
      own_email: notes.ownEmail,
      live_sessions: notes.liveSessions,
      orphan_audit_events: notes.orphanAuditEvents,
      orphan_rate_limits: notes.orphanRateLimits,
      repeated_rate_limits: notes.repeatedRateLimits,
      unowned_people: notes.unownedPeople,
      deleted_videos: notes.deletedVideos,
    },
    objects_to_move: plan.objectsToMove,
    estimate_seconds: plan.estimate,
  };
}

function describe(plan: Plan, { show }: PlanCommandOptions): string {
  const { users, rows, hashes, objects_to_move: objects, notes, estimate_seconds: estimate } =
    toDocument(plan);
  const lines = [
    plan.separate ? "The legacy tables lie in a database of their own" : "",
    listNumbers("Users", users),
    listNumbers("Password hashes of accounts to create", hashes),
    listNumbers("Rows", rows),
    listNumbers("Objects to move", { ...objects }),
    listNumbers("To know", notes),
    listNumbers("Seconds, roughly", { ...estimate }),
    listMatters(plan, show),
  ];
  return lines.filter((line) => line !== "").join("\n\n");
}

function listNumbers(title: string, numbers: Record<string, number>): string {
  const names = Object.keys(numbers);
  const width = Math.max(...names.map((name) => name.length));
  const lines = names.map((name) =>
    `  ${name.replaceAll("_", " ").padEnd(width)}  ${String(numbers[name]).padStart(9)}`
  );
  return [title, ...lines].join("\n");
}

function listMatters({ open, matters }: Plan, show: number): string {
  const names = Object.keys(decisionActions) as DecisionKind[];
  const kinds = names.flatMap((kind) => open[kind] ? [[kind, open[kind]] as const] : []);
  if (kinds.length === 0) return "Nothing is left to decide";
  const total = kinds.reduce((sum, [, count]) => sum + count, 0);
  const parts = kinds.map(([kind, count]) => {
    const shown = matters.filter((matter) => matter.kind === kind).slice(0, show);
    const more = count > shown.length ? `\n  and ${count - shown.length} more` : "";
    return `${kind}: ${count}\n${indent(toTable(shown.map(toRow), ""))}${more}`;
  });
  const advice = "Write a suggestion with --suggest FILE, edit it, and give it by --decisions FILE";
  return [`To be decided: ${total}`, ...parts, advice].join("\n\n");
}

function toRow({ subject, actions, suggested, what }: Matter) {
  const { action, value } = suggested;
  // An address stays out of terminals and their logs: it stands in the file of --suggest.
  const shown = action === "use_email" ? action : value ?? action;
  return { subject, actions: actions.join("|"), suggested: shown, what };
}

function indent(text: string): string {
  return text === "" ? "" : text.split("\n").map((line) => `  ${line}`).join("\n");
}

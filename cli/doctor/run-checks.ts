import type { Check } from "./check.ts";
import type { DoctorContext } from "./context.ts";
import { UnavailableError } from "./unavailable.ts";

/** The result of one check, as `--json` writes it. */
export interface Result {
  id: string;
  status: "fine" | "finding" | "not_checked";
  looked_at: string;
  why: string;
  mend: string;
  findings: readonly string[];
  /** Why the check could not be made here; null where it was. */
  not_checked: string | null;
}

/** Makes the checks one after the other: together they ask a database in use for one connection. */
export async function runChecks(
  context: DoctorContext,
  checks: readonly Check[],
): Promise<Result[]> {
  const results: Result[] = [];
  for (const check of checks) results.push(await runCheck(context, check));
  return results;
}

async function runCheck(context: DoctorContext, check: Check): Promise<Result> {
  const { id, looks, why, mend } = check;
  const outcome = await check.run(context).catch((error) => ({ notChecked: explain(error) }));
  const findings = "findings" in outcome ? outcome.findings : [];
  const reason = "notChecked" in outcome ? outcome.notChecked : null;
  const status = reason !== null ? "not_checked" : findings.length > 0 ? "finding" : "fine";
  return { id, status, looked_at: looks, why, mend, findings, not_checked: reason };
}

/** SQLSTATEs of what is not there before the migrations, or not for this role. */
const reasons: Record<string, string> = {
  "3F000": "The database lacks what is looked at: see the check migrations",
  "42P01": "The database lacks what is looked at: see the check migrations",
  "42703": "The database lacks what is looked at: see the check migrations",
  "42883": "The database lacks what is looked at: see the check migrations",
  "42501": "The role of the database address may not look there: use role postgres",
};

function explain(error: unknown): string {
  if (error instanceof UnavailableError) return error.message;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return reasons[code] ?? `An unexpected failure (${code || nameOf(error)})`;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

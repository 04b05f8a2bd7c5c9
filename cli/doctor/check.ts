import type { DoctorContext } from "./context.ts";

/** What a check came to: findings (none: all is well), or why it could not be made here. */
export type Outcome = { readonly findings: readonly string[] } | { readonly notChecked: string };

/** One thing that goes wrong in projects, and how to see it. */
export interface Check {
  /** Kebab case; `--only` takes it. */
  readonly id: string;
  /** What it looks at. */
  readonly looks: string;
  /** Why it matters. */
  readonly why: string;
  /** How to mend it. */
  readonly mend: string;
  /** Looks; changes nothing, but for what `--probe` allows. Whatever it throws means "not checked". */
  run(context: DoctorContext): Promise<Outcome>;
}

export function found(findings: readonly string[]): Outcome {
  return { findings };
}

export function notChecked(why: string): Outcome {
  return { notChecked: why };
}

/** "a", "b" and 3 more: a finding stays a sentence however many there are. */
export function listNames(names: readonly string[], most = 8): string {
  const shown = names.slice(0, most).map((name) => `"${name}"`).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

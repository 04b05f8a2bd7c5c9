/** What a subcommand may touch of the world around it. */
export interface CliContext {
  env: Record<string, string | undefined>;
  /** Of the package this command belongs to. */
  version: string;
  now(): Date;
  /** Writes one block of result to standard output. */
  out(text: string): void;
  /** Writes one sentence to standard error. */
  err(text: string): void;
  /** True where standard output is a terminal that shows colours and NO_COLOR is not set. */
  colour?: boolean;
  /** Standard error where it is a terminal: progress is drawn there. Absent otherwise. */
  terminal?: NodeJS.WritableStream;
  /** Asks a person; absent where nobody sits at a terminal, and no command may wait for one. */
  confirm?(question: string): Promise<boolean>;
}

/** The exit codes of every subcommand. docs/operations.md holds them as a table. */
export const exitCodes = { ok: 0, overThreshold: 1, usage: 2, outage: 3, refused: 4 } as const;

export type ExitCode = typeof exitCodes[keyof typeof exitCodes];

/** What each exit code says; the help text and docs/operations.md use these words. */
export const exitCodeMeanings: Record<keyof typeof exitCodes, string> = {
  ok: "fine",
  overThreshold: "over a threshold, a finding, or something failed",
  usage: "wrong usage, or a setting is missing",
  outage: "the database or another part does not answer, or is not migrated",
  refused: "refused for safety",
};

/** A failure with the exit code it ends the process with. The message says what to do. */
export class CliError extends Error {
  override name = "CliError";

  constructor(readonly exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Lets a subcommand hand its exit code back through the parser. */
export type Finish = (code: ExitCode) => void;

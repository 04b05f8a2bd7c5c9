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
  /** Standard error where it is a terminal: progress is drawn there. Absent otherwise. */
  terminal?: NodeJS.WritableStream;
  /** Asks a person; absent where nobody sits at a terminal, and no command may wait for one. */
  confirm?(question: string): Promise<boolean>;
}

/** The exit codes of every subcommand; the help text lists them. */
export const exitCodes = { ok: 0, overThreshold: 1, usage: 2, outage: 3, refused: 4 } as const;

export type ExitCode = typeof exitCodes[keyof typeof exitCodes];

/** A failure with the exit code it ends the process with. The message says what to do. */
export class CliError extends Error {
  override name = "CliError";

  constructor(readonly exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Lets a subcommand hand its exit code back through the parser. */
export type Finish = (code: ExitCode) => void;

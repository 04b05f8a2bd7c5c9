import { Option } from "commander";
import { endAllSessions } from "../shared/authority/sessions.ts";
import { AppError } from "../shared/errors/app-error.ts";
import type { Deps } from "../shared/http/deps.ts";
import { type CliContext, CliError, exitCodes } from "./context.ts";
import { withDeps } from "./deps.ts";
import { toJson } from "./output.ts";

/** Options of every command that changes what a user may do. */
export interface AuthorityOptions {
  json?: boolean;
  revokeSessions?: boolean;
}

export const revokeOption = (): Option =>
  new Option("--revoke-sessions", "end all sessions of the user, who then signs in again");

/** Exit codes and what the user has to do; stands under the help of each of these commands. */
export const authorityHelp = `
What the database decides (rights in an organization, uploads a day, rate limits) follows at once.
The user's token tells the old state until it is refreshed: supabase.auth.refreshSession(), an
hour at most by itself. With --revoke-sessions the user is signed out everywhere at once and
signs in again.

Given again, the command changes nothing, or completes what a stop left undone.

Exit codes:
  0 fine   2 wrong usage, or no such user or organization   3 a part of the platform is away
  4 refused: the only admin of an organization stays`;

/** What a command did, in both languages of its output. */
export interface Outcome {
  userId: string;
  isChanged: boolean;
  /** Whether the account was deleted while the command ran. */
  isGone?: boolean;
  document: Record<string, unknown>;
  sentence: string;
}

/** Runs one change, ends the sessions if asked to, and says what the user has to do to see it. */
export async function runChange(
  context: CliContext,
  options: AuthorityOptions,
  change: (deps: Deps) => Promise<Outcome>,
): Promise<void> {
  await explainRefusal(withDeps(context, async (deps) => {
    const outcome = await change(deps);
    const { userId, isChanged, document, sentence } = outcome;
    const ended = options.revokeSessions ? await endAllSessions(deps, userId) : undefined;
    const next = describeNext(outcome, ended);
    context.out(
      options.json
        ? toJson({ ...document, changed: isChanged, sessions_revoked: ended ?? 0, next })
        : `${sentence}\n${next}`,
    );
  }));
}

/** What the user has to do to see the change. */
export function describeNext(
  { isChanged, isGone }: Pick<Outcome, "isChanged" | "isGone">,
  ended: number | undefined,
): string {
  if (isGone) return "The account was deleted meanwhile, so no token is left to show it";
  if (ended !== undefined) {
    return `Sessions ended: ${ended}. The user signs in again and sees the change`;
  }
  return isChanged
    ? "The user sees it after a refresh of the session (supabase.auth.refreshSession()), an hour at most"
    : "Nothing changed";
}

async function explainRefusal<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    const isSafety = error.code === "last_admin" || error.code === "forbidden";
    const code = isSafety ? exitCodes.refused : exitCodes.usage;
    throw new CliError(code, error.detail, { cause: error });
  }
}

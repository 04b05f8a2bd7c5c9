import type { AuthAnswer } from "../auth-admin.ts";
import { LegacyError } from "../errors.ts";

/** Leave to send one request, to be given back with what came of it. */
export interface Ticket {
  readonly pause: number;
  readonly startedAt: number;
}

export interface GateOptions {
  /** Most requests under way at once. */
  concurrency: number;
  /** Milliseconds without any proper answer after which the service counts as down. */
  silenceMs: number;
  /** Milliseconds of the first pause; each further one in a row is twice as long. Default 250. */
  firstPauseMs?: number;
}

const MAX_PAUSE_MS = 15_000;
const MAX_RETRY_AFTER_MS = 300_000;

/**
 * Paces every request to Supabase Auth together. A 429, a gateway error or no answer pauses all of
 * them, longer each time in a row, never shorter than Retry-After, and halves how many go at once;
 * answers let that grow again, one by one. An error 500 concerns its request alone until several
 * come in a row.
 */
export class Gate {
  #limit: number;
  #active = 0;
  #pauses = 0;
  #level = 0;
  #failuresInRow = 0;
  #answersSinceGrowth = 0;
  #pausedUntil = 0;
  #lastAnswerAt = performance.now();
  #silentSince: number | undefined;
  #waiting: (() => void)[] = [];
  #stopped: Error | undefined;
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#limit = options.concurrency;
  }

  /** When the last proper answer came, in the milliseconds of `performance.now()`. */
  get lastAnswerAt(): number {
    return this.#lastAnswerAt;
  }

  /** Waits for leave to send. Throws: what ended the run. */
  async enter(): Promise<Ticket> {
    for (;;) {
      if (this.#stopped) throw this.#stopped;
      const wait = this.#pausedUntil - performance.now();
      if (wait > 0) await sleep(wait + Math.random() * Math.min(wait, 250));
      else if (this.#active >= this.#limit) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      } else break;
    }
    this.#active++;
    return { pause: this.#pauses, startedAt: performance.now() };
  }

  /** Gives the leave back. Throws: LegacyError outage after too long a silence. */
  leave(ticket: Ticket, answer: AuthAnswer): void {
    this.#active--;
    if (answer.kind === "away") this.#slowDown(ticket, answer);
    else this.#speedUp();
    this.#wake();
    if (this.#stopped) throw this.#stopped;
  }

  /** Ends the run: whoever waits, and whoever comes, gets this error. */
  stop(error: Error): void {
    this.#stopped ??= error;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #speedUp(): void {
    this.#lastAnswerAt = performance.now();
    this.#silentSince = undefined;
    this.#level = 0;
    this.#failuresInRow = 0;
    if (this.#limit >= this.#options.concurrency) return;
    if (++this.#answersSinceGrowth < this.#limit) return;
    this.#answersSinceGrowth = 0;
    this.#limit++;
  }

  #slowDown(ticket: Ticket, answer: Extract<AuthAnswer, { kind: "away" }>): void {
    const now = performance.now();
    this.#silentSince ??= now;
    if (now - this.#silentSince >= this.#options.silenceMs) {
      this.stop(describeSilence(this.#options.silenceMs, answer.reason));
      return;
    }
    this.#failuresInRow++;
    const concernsAll = answer.status !== 500 || this.#failuresInRow > this.#limit;
    if (!concernsAll) return;
    const asked = Math.min(answer.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
    // Requests that were under way when the others were told to wait say nothing new.
    if (ticket.pause !== this.#pauses) {
      this.#pausedUntil = Math.max(this.#pausedUntil, now + asked);
      return;
    }
    this.#pauses++;
    const pause = (this.#options.firstPauseMs ?? 250) * 2 ** this.#level++;
    const jittered = Math.min(pause, MAX_PAUSE_MS) * (0.5 + Math.random() / 2);
    this.#pausedUntil = now + Math.max(asked, jittered);
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#answersSinceGrowth = 0;
  }

  #wake(): void {
    for (let free = this.#limit - this.#active; free > 0; free--) this.#waiting.shift()?.();
  }
}

function describeSilence(silenceMs: number, reason: string): LegacyError {
  return new LegacyError(
    "outage",
    `Supabase Auth has given no proper answer for ${Math.round(silenceMs / 1000)} s (${reason})`,
  );
}

/** Resolves after so many milliseconds. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

import cliProgress from "cli-progress";
import type { CliContext } from "./context.ts";

export interface ProgressOptions {
  /** What is being done, as a line begins: "Export". */
  title: string;
  /** How much there is; 0 while nobody knows. */
  total: number;
  /** What is counted, in the plural: "users". */
  unit: string;
  /** True with `--json`: lines only, also on a terminal. */
  json?: boolean | undefined;
}

export interface Progress {
  /** How much is done so far, and how much there is when that became known or changed. */
  update(done: number, total?: number): void;
  /** Ends the display; safe to call twice. */
  stop(): void;
}

const LINE_MS = 5_000;
const RATE_WINDOW_MS = 15_000;

/**
 * Shows how a long command gets on, always on standard error: a bar with rate and time left on a
 * terminal, elsewhere a line every five seconds.
 */
export function startProgress(context: CliContext, options: ProgressOptions): Progress {
  const { terminal } = context;
  return terminal && !options.json ? drawBar(terminal, options) : writeLines(context, options);
}

function drawBar(stream: NodeJS.WritableStream, { title, total, unit }: ProgressOptions): Progress {
  const bar = new cliProgress.SingleBar({
    format: `${title} [{bar}] {percentage}% | {value} of {total} ${unit} | {pace}`,
    stream,
    hideCursor: null,
    gracefulExit: false,
    emptyOnZero: true,
  }, cliProgress.Presets.legacy);
  const meter = createMeter();
  bar.start(total, 0, { pace: "" });
  return {
    update(done, known) {
      if (known !== undefined) bar.setTotal(known);
      bar.update(done, { pace: describePace(meter(done), done, bar.getTotal(), unit) });
    },
    stop: () => bar.stop(),
  };
}

function writeLines(context: CliContext, { title, total, unit }: ProgressOptions): Progress {
  const meter = createMeter();
  let state = { done: 0, total };
  const timer = setInterval(() => {
    const share = state.total > 0
      ? ` of ${state.total} ${unit} (${Math.floor(100 * state.done / state.total)} %)`
      : ` ${unit}`;
    const pace = describePace(meter(state.done), state.done, state.total, unit);
    context.err(`${title}: ${state.done}${share}, ${pace}`);
  }, LINE_MS);
  return {
    update(done, known) {
      state = { done, total: known ?? state.total };
      meter(done);
    },
    stop: () => clearInterval(timer),
  };
}

/** Units per second over the last seconds, so that a pause or a slow start does not count for ever. */
function createMeter(): (done: number) => number {
  const samples = [{ at: performance.now(), done: 0 }];
  return (done) => {
    const at = performance.now();
    const last = samples.at(-1);
    if (!last || at - last.at >= 250) samples.push({ at, done });
    while (samples.length > 2 && at - (samples[1]?.at ?? at) > RATE_WINDOW_MS) samples.shift();
    const [first] = samples;
    return first && at > first.at ? Math.max(0, 1000 * (done - first.done) / (at - first.at)) : 0;
  };
}

function describePace(rate: number, done: number, total: number, unit: string): string {
  const speed = `${rate >= 10 ? Math.round(rate) : rate.toFixed(1)} ${unit}/s`;
  if (total <= done) return speed;
  return rate > 0 ? `${speed}, ${describeSeconds((total - done) / rate)} left` : speed;
}

function describeSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}

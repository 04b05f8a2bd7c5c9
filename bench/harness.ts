import { cpus } from "node:os";

/** One line of a report, as `--json` writes it. */
export interface BenchResult {
  name: string;
  case: string;
  unit: string;
  better: "higher" | "lower";
  /** Median of our runs. */
  ours: number;
  /** Median of the baseline's runs, made in turn with ours in the same process. */
  baseline: number;
  baseline_name: string;
  /** ours / baseline */
  ratio: number;
  /** Our runs in the order they were made. */
  runs: number[];
  machine: string;
}

/** One comparison. A measurement returns its own figure, in `unit`. */
export interface BenchCase {
  name: string;
  case: string;
  unit: string;
  better: "higher" | "lower";
  baselineName: string;
  ours(): Promise<number>;
  baseline(): Promise<number>;
  /** Runs of each side; at least 5, except for suites that destroy their data. */
  runs?: number;
  /** Set on suites that destroy their data, which may then make 3 runs. */
  destructive?: boolean;
}

/** A suite prepares what its cases measure and cleans up after them. */
export interface BenchSuite {
  description: string;
  open(): Promise<{ cases: BenchCase[]; close(): Promise<void> }>;
}

const DEFAULT_RUNS = 7;
const MIN_RUNS = 5;
const MIN_DESTRUCTIVE_RUNS = 3;

/** Middle value; the mean of the two middle values of an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) throw new RangeError("Cannot take the median of no values");
  const lower = sorted[middle - 1];
  return sorted.length % 2 === 1 || lower === undefined ? upper : (lower + upper) / 2;
}

/**
 * Measures one case: one warm-up of each side, then the sides in turn, so that both see the same
 * machine. Which side begins changes from round to round.
 */
export async function runCase(one: BenchCase, machine = describeMachine()): Promise<BenchResult> {
  const runs = one.runs ?? DEFAULT_RUNS;
  const least = one.destructive ? MIN_DESTRUCTIVE_RUNS : MIN_RUNS;
  if (runs < least) throw new RangeError(`Case "${one.case}" makes ${runs} runs, ${least} are due`);
  await one.ours();
  await one.baseline();
  const ours: number[] = [];
  const baseline: number[] = [];
  for (let round = 0; round < runs; round++) {
    if (round % 2 === 0) ours.push(await one.ours());
    baseline.push(await one.baseline());
    if (round % 2 === 1) ours.push(await one.ours());
  }
  const middle = { ours: median(ours), baseline: median(baseline) };
  return {
    name: one.name,
    case: one.case,
    unit: one.unit,
    better: one.better,
    ours: round(middle.ours),
    baseline: round(middle.baseline),
    baseline_name: one.baselineName,
    ratio: round(middle.ours / middle.baseline),
    runs: ours.map(round),
    machine,
  };
}

/** Operations per second of `count` calls, one after the other. */
export async function operationsPerSecond(
  count: number,
  operation: (index: number) => Promise<unknown>,
): Promise<number> {
  const started = performance.now();
  for (let index = 0; index < count; index++) await operation(index);
  return count / ((performance.now() - started) / 1000);
}

/** Processor, cores and runtime: what a figure depends on. */
export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  return `${Deno.build.os}-${Deno.build.arch}, ${cpus().length} x ${model}, Deno ${Deno.version.deno}`;
}

/** One result as a line for people. */
export function describeResult(result: BenchResult): string {
  const { name, case: title, ours, baseline, unit, baseline_name, ratio, better } = result;
  return `${name} / ${title}: ${ours} ${unit}, ${baseline_name} ${baseline} ${unit}, ` +
    `ratio ${ratio} (${better} is better)`;
}

function round(value: number): number {
  return Number(value.toPrecision(5));
}

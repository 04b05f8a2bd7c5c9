import fc from "fast-check";
import type { ApiDocument } from "./document.ts";
import { harvest } from "./harvest.ts";
import { createJudge, type Fault, findOperation, type Judge } from "./judge.ts";
import { type FuzzRequest, fuzzRequests } from "./requests.ts";
import { type Answer, prepare, send, type SentRequest } from "./send.ts";
import { snapshot } from "./snapshot.ts";
import { judgeTrail } from "./trail.ts";
import { type FuzzTarget, World } from "./world.ts";

export interface FuzzOptions {
  document: ApiDocument;
  target: FuzzTarget;
  requests: number;
  seed: number;
  /** Users who send; the first two share an organisation. */
  users: number;
  /** Requests under way at the same time. */
  parallel: number;
  /** Leaves requests out, for a stack that others use at the same time. */
  skip?: (request: FuzzRequest) => boolean;
  /** Called after every batch with how many requests were sent. */
  onBatch?: (sent: number) => Promise<void>;
}

/** A fault with the first request that showed it. */
export interface Finding extends Fault {
  route: string;
  count: number;
  request: string;
}

export interface FuzzReport {
  seed: number;
  sent: number;
  ms: number;
  /** Answers by route and status. */
  routes: Map<string, Map<number, number>>;
  /** Requests by kind and by sender. */
  kinds: Map<string, number>;
  senders: Map<string, number>;
  findings: Finding[];
  /** Routes that let no request through. */
  untouched: string[];
}

const BATCH = 400;

/** Odd, so that no two batches of a run get the same seed of 32 bits. */
const SEED_STEP = 0x9e3779b1;

/** Characters at both ends of a long body that a finding shows. */
const SHOWN = 700;

/** Sends that many requests, judges each answer, and tells what it saw. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const world = new World(options.target);
  const started = performance.now();
  const report: FuzzReport = {
    seed: options.seed,
    sent: 0,
    ms: 0,
    routes: new Map(options.document.operations.map(({ name }) => [name, new Map()])),
    kinds: new Map(),
    senders: new Map(),
    findings: [],
    untouched: [],
  };
  try {
    await world.open(options.users);
    const before = await snapshot(world);
    await sendAll(options, world, report);
    const faults = [...compare(before, await snapshot(world)), ...await judgeTrail(world)];
    for (const fault of faults) recordChange(report, fault);
  } finally {
    await world.close();
  }
  report.ms = performance.now() - started;
  report.untouched = [...report.routes].filter(([, statuses]) =>
    ![...statuses.keys()].some((status) => status < 300)
  ).map(([name]) => name);
  return report;
}

async function sendAll(options: FuzzOptions, world: World, report: FuzzReport): Promise<void> {
  const judge = createJudge(options.document, world);
  const requests = fuzzRequests(options.document);
  for (let batch = 0; report.sent < options.requests; batch++) {
    const numRuns = Math.min(BATCH, options.requests - report.sent);
    // Every batch has a seed of its own, so that a run of any length begins the same. Far from each
    // other: otherwise the runs of seeds 1 and 2 would be the same but for one batch.
    const seed = (options.seed + Math.imul(batch, SEED_STEP)) | 0;
    const sample = fc.sample(requests, { seed, numRuns });
    const waiting = sample.filter((request) => !options.skip?.(request));
    const queue = waiting.values();
    const lanes = Array.from({ length: options.parallel }, async () => {
      for (const request of queue) await sendOne(request, { options, world, judge, report });
    });
    await Promise.all(lanes);
    await options.onBatch?.(report.sent);
  }
}

interface Run {
  options: FuzzOptions;
  world: World;
  judge: Judge;
  report: FuzzReport;
}

async function sendOne(request: FuzzRequest, run: Run): Promise<void> {
  const { world, report, judge, options } = run;
  const sent = prepare(request, world);
  if (!sent) return;
  const route = findOperation(options.document, sent)?.name ?? "no route";
  report.sent++;
  count(report.kinds, request.kind);
  count(report.senders, request.sender.role);
  let answer: Answer;
  try {
    answer = await send(sent);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return record(report, { rule: "no answer", detail }, route, sent, request);
  }
  const statuses = report.routes.get(route) ?? new Map<number, number>();
  report.routes.set(route, statuses);
  statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
  // First: what an answer shows its sender is known to be theirs before others are judged.
  const faults = await judge(request, sent, answer);
  for (const fault of faults) record(report, fault, route, sent, request);
  await harvest({ request, sent, answer, world, route });
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function record(
  report: FuzzReport,
  fault: Fault,
  route: string,
  sent: SentRequest,
  { kind, sender }: FuzzRequest,
): void {
  const known = report.findings.find((one) =>
    one.rule === fault.rule && one.route === route &&
    one.detail.slice(0, 60) === fault.detail.slice(0, 60)
  );
  if (known) return void known.count++;
  const body = typeof sent.body === "string" ? sent.body : [...sent.body ?? []].join(" ");
  const shown = body.length > SHOWN * 2
    ? `${body.slice(0, SHOWN)} ... ${body.slice(-SHOWN)}`
    : body;
  const { authorization: _token, ...headers } = sent.headers;
  const request = `${kind} ${sender.role} ${sent.method} ${sent.url.pathname}${sent.url.search} ` +
    `${JSON.stringify(headers)} `;
  report.findings.push({ ...fault, route, count: 1, request: request.slice(0, 1500) + shown });
}

/** The canary sent nothing and the dead was let in nowhere, so nothing of them may have changed. */
function compare(before: Record<string, string>, after: Record<string, string>): Fault[] {
  return Object.entries(before).filter(([table, rows]) => after[table] !== rows)
    .map(([table, rows]) => ({
      rule: "foreign rows changed",
      detail: `${table}: ${rows} became ${after[table]}`.slice(0, 1000),
    }));
}

function recordChange(report: FuzzReport, fault: Fault): void {
  const request = "unknown: somewhere in the run";
  report.findings.push({ ...fault, route: "none", count: 1, request });
}

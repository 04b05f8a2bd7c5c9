import type { FuzzReport } from "./run.ts";

/** From here on a run is long enough that every route must have let something through. */
const FULL_RUN = 5_000;

/** Most answers of a route may not be refusals of a rate limit: they would show nothing of it. */
const LIMITED_SHARE = 0.5;

/** Faults that are printed; the rest is counted. */
const SHOWN = 40;

/** Routes that need what the embedded stack lacks: pgvector. */
const UNREACHABLE = new Set(["PUT /functions/v1/people/{id}/face-vector"]);

/** A report in words, and whether it shows no fault. `logged` holds the functions' error lines. */
export function describeReport(
  report: FuzzReport,
  logged: readonly string[] = [],
): { lines: string[]; isClean: boolean } {
  const width = Math.max(...[...report.routes.keys()].map((name) => name.length));
  const routes = [...report.routes].map(([name, statuses]) => {
    const counts = [...statuses].sort(([a], [b]) => a - b).map(([code, n]) => `${code}: ${n}`);
    return `${name.padEnd(width)}  ${counts.join("  ")}`;
  });
  const complaints = listComplaints(report, logged);
  const more = complaints.length - SHOWN;
  const lines = [
    ...routes,
    `kinds    ${describe(report.kinds)}`,
    `senders  ${describe(report.senders)}`,
    `statuses ${describe(sumStatuses(report))}`,
    ...complaints.slice(0, SHOWN),
    ...(more > 0 ? [`and ${more} faults more`] : []),
    `seed ${report.seed}: ${report.sent} requests to ${report.routes.size} routes in ` +
    `${(report.ms / 1000).toFixed(1)} s, ${complaints.length} faults`,
  ];
  return { lines, isClean: complaints.length === 0 };
}

/** What makes a run fail, one text each. */
export function listComplaints(report: FuzzReport, logged: readonly string[] = []): string[] {
  const isFull = report.sent >= FULL_RUN;
  const untouched = report.untouched
    .filter((name) => isFull && name !== "no route" && !UNREACHABLE.has(name))
    .map((name) => `${name} let no request through`);
  const limited = isFull ? [...report.routes].filter(isLimited) : [];
  return [
    ...report.findings.map(({ rule, route, detail, count, request }) =>
      `${rule} (${count} times) at ${route}\n  ${detail}\n  ${request}`
    ),
    ...untouched,
    ...limited.map(([name]) => `${name} answered 429 more often than anything else`),
    ...logged.map((line) => `error in the log: ${line.slice(0, 1200)}`),
  ];
}

function isLimited([, statuses]: [string, Map<number, number>]): boolean {
  const all = [...statuses.values()].reduce((sum, one) => sum + one, 0);
  return (statuses.get(429) ?? 0) > all * LIMITED_SHARE;
}

function sumStatuses({ routes }: FuzzReport): Map<number, number> {
  const sums = new Map<number, number>();
  for (const statuses of routes.values()) {
    for (const [status, n] of statuses) sums.set(status, (sums.get(status) ?? 0) + n);
  }
  return new Map([...sums].sort(([a], [b]) => a - b));
}

function describe(counts: ReadonlyMap<unknown, number>): string {
  return [...counts].map(([name, n]) => `${name} ${n}`).join("  ");
}

import type { Status } from "./read-status.ts";

/** A bound of `heimdex status`: the option that sets it and what it is compared with. */
export interface Threshold {
  /** Of the command line, in kebab case. */
  readonly option: string;
  readonly unit: "seconds" | "count";
  /** What is bounded, as the help text and a line over the bound say it. */
  readonly what: string;
  readonly standard: number;
  /** The figure; null where there is none, which is never over. */
  read(status: Status): number | null;
}

/** A figure beyond its bound, as `--json` lists it. */
export interface Excess {
  option: string;
  what: string;
  value: number;
  max: number;
}

const hour = 3600;

/** The drain runs every minute and hosted projects pause: five minutes are no accident. */
export const thresholds: readonly Threshold[] = [
  {
    option: "max-age",
    unit: "seconds",
    what: "oldest event that waits",
    standard: 300,
    read: ({ outbox }) => outbox.oldest_seconds,
  },
  {
    option: "max-dead",
    unit: "count",
    what: "events given up on",
    standard: 0,
    read: ({ outbox }) => outbox.dead,
  },
  {
    option: "max-drain-age",
    unit: "seconds",
    what: "time since a drain came to its end",
    standard: 300,
    // A drain that never ran is late from the first event on: the age of the outbox tells.
    read: ({ drain }) => drain.finished_seconds,
  },
  {
    option: "max-erasure-age",
    unit: "seconds",
    what: "oldest erasure that is due",
    standard: hour,
    read: ({ erasures }) => erasures.oldest_seconds,
  },
  {
    option: "max-held",
    unit: "count",
    what: "erasures that wait for an operator",
    standard: 0,
    read: ({ erasures }) => erasures.states.held ?? 0,
  },
  {
    option: "max-dead-erasures",
    unit: "count",
    what: "erasures given up on",
    standard: 0,
    read: ({ erasures }) => erasures.states.dead ?? 0,
  },
  {
    option: "max-orphans",
    unit: "count",
    what: "orphans of the last daily count",
    standard: 0,
    read: ({ orphans }) => orphans?.orphans ?? null,
  },
  {
    option: "max-count-age",
    unit: "seconds",
    what: "age of the daily count of orphans",
    standard: 48 * hour,
    read: ({ orphans }) => orphans?.counted_seconds ?? null,
  },
  {
    option: "max-without-admin",
    unit: "count",
    what: "organisations whose members have no admin",
    standard: 0,
    read: ({ organizations }) => organizations.without_admin,
  },
  {
    option: "max-job-age",
    unit: "seconds",
    what: "oldest job that no worker has done",
    standard: 24 * hour,
    read: ({ jobs }) => jobs.oldest_seconds,
  },
];

/** The figures beyond their bounds. `bounds`: by option; what is missing has its standard. */
export function findExcesses(
  status: Status,
  bounds: Readonly<Record<string, number>>,
): Excess[] {
  return thresholds.flatMap(({ option, what, standard, read }) => {
    const [value, max] = [read(status), bounds[option] ?? standard];
    return value !== null && value > max ? [{ option: `--${option}`, what, value, max }] : [];
  });
}

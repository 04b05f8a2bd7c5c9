import type postgres from "postgres";
import { type DayCounts, metrics, type MetricType, shareOf, type Stats } from "./metrics.ts";

/** A period by its first and last day, both of it. */
export interface Period {
  /** YYYY-MM-DD */
  from: string;
  /** YYYY-MM-DD */
  to: string;
}

/** Reads the daily totals of a period; a day without events has zeros. */
export async function readStats(sql: postgres.Sql, { from, to }: Period): Promise<Stats> {
  const [[row], totals] = await Promise.all([
    sql<[{ uncounted: number }]>`
      select count(*)::int as uncounted from public.user_analytics where not counted`,
    sql<{ day: string; event_type: string; events: number; users: number }[]>`
      select day::text as day, event_type, events::float8 as events, users::float8 as users
      from private.analytics_daily
      where day between ${from}::text::date and ${to}::text::date
    `,
  ]);
  const days = listDays(from, to).map(emptyDay);
  const byDay = new Map(days.map((one) => [one.day, one]));
  for (const { day, event_type: type, events, users } of totals) {
    const metric = metrics.find((one) => one.type === type);
    const counts = byDay.get(day);
    if (metric && counts) counts[metric.type] = { events, users };
  }
  const sums = Object.fromEntries(
    metrics.map(({ type }) => [type, days.reduce((sum, one) => sum + one[type].events, 0)]),
  ) as Record<MetricType, number>;
  return {
    from,
    to,
    days,
    totals: sums,
    onboarding_rate: shareOf(sums.onboarded, sums.registered),
    uncounted: row.uncounted,
  };
}

function emptyDay(day: string): DayCounts {
  const nothing = () => ({ events: 0, users: 0 });
  return {
    day,
    registered: nothing(),
    onboarded: nothing(),
    uploaded_video: nothing(),
    searched: nothing(),
    erased: nothing(),
  };
}

function listDays(from: string, to: string): string[] {
  const days: string[] = [];
  for (let day = from; day <= to; day = addDays(day, 1)) days.push(day);
  return days;
}

/** The day so many days later, or earlier for a negative number. */
export function addDays(day: string, count: number): string {
  const time = new Date(`${day}T00:00:00Z`);
  time.setUTCDate(time.getUTCDate() + count);
  return time.toISOString().slice(0, 10);
}

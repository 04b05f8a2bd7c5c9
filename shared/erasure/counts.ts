import type { Counts, ObjectCount } from "./erasure.ts";

/** The sum of two counts, name by name. */
export function addCounts(a: Counts, b: Counts | null): Counts {
  return combine(a, b ?? nothing, (x, y) => x + y);
}

/** The larger of two counts, name by name. */
export function maxCounts(a: Counts, b: Counts | null): Counts {
  return combine(a, b ?? nothing, Math.max);
}

/** What is gone: `before` less `after`, never below zero. */
export function subtractCounts(before: Counts, after: Counts): Counts {
  return combine(before, after, (x, y) => Math.max(0, x - y));
}

/** Whether nothing is left. */
export function isNothing({ tables, buckets }: Counts): boolean {
  return Object.values(tables).every((rows) => rows === 0) &&
    Object.values(buckets).every(({ objects }) => objects === 0);
}

const nothing: Counts = { tables: {}, buckets: {} };
const noObjects: ObjectCount = { objects: 0, bytes: 0 };

function combine(a: Counts, b: Counts, of: (x: number, y: number) => number): Counts {
  const tables = names(a.tables, b.tables).map((name) =>
    [name, of(a.tables[name] ?? 0, b.tables[name] ?? 0)] as const
  );
  const buckets = names(a.buckets, b.buckets).map((name) => {
    const [x, y] = [a.buckets[name] ?? noObjects, b.buckets[name] ?? noObjects];
    return [name, { objects: of(x.objects, y.objects), bytes: of(x.bytes, y.bytes) }] as const;
  });
  return { tables: Object.fromEntries(tables), buckets: Object.fromEntries(buckets) };
}

function names(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}

import { describe, expect, it } from "vitest";
import type { Activity } from "../../../shared/audit/activities.ts";
import { createActivityLog } from "../../../shared/audit/activity-log.ts";
import type { Database, Transaction } from "../../../shared/database/doors.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { adminSql } from "../../support/sql.ts";
import { createUser } from "../../support/users.ts";

const activityOf = (o: Partial<Activity> = {}): Activity => ({
  type: "video.changed",
  userId: null,
  actor: "user",
  outcome: "ok",
  requestId: crypto.randomUUID(),
  clientIp: null,
  userAgent: null,
  ...o,
});

/** A log over the real database that tells how many of its transactions were open at a time. */
function openLog(o: { capacity?: number; database?: Database; pauses?: number[] } = {}) {
  const { database } = depsWith();
  const used = o.database ?? database;
  const seen = { open: 0, most: 0, transactions: 0 };
  const lines: Record<string, unknown>[] = [];
  const work: Promise<unknown>[] = [];
  const log = createActivityLog({
    ...o,
    database: {
      asService: async <T>(fn: (sql: Transaction) => Promise<T>) => {
        seen.transactions += 1;
        seen.most = Math.max(seen.most, ++seen.open);
        try {
          return await used.asService(fn);
        } finally {
          seen.open -= 1;
        }
      },
    },
    waitUntil: (one) => void work.push(one),
    log: (line) => void lines.push(line),
  });
  const finish = async () => {
    await Promise.all(work);
    await Promise.all([database.close(), used.close()]);
  };
  return { log, lines, seen, finish };
}

async function countRows(ids: readonly string[]): Promise<number> {
  const [row] = await adminSql()`
    select count(*)::int as count from public.audit_events
    where metadata ->> 'request_id' = any(${[...ids]})`;
  return row?.count;
}

describe("a burst", () => {
  it("takes one connection, few statements and loses nothing", async () => {
    const { log, lines, seen, finish } = openLog();
    const burst = Array.from({ length: 1000 }, () => activityOf());
    const started = performance.now();
    for (const activity of burst) log.record(activity);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(seen.transactions).toBe(0);
    await finish();
    expect(seen).toEqual({ open: 0, most: 1, transactions: 5 });
    expect(await countRows(burst.map(({ requestId }) => requestId))).toBe(1000);
    expect(lines).toEqual([]);
  });

  it("beyond the queue is dropped, counted and told", async () => {
    const { log, lines, finish } = openLog({ capacity: 10 });
    const burst = Array.from({ length: 25 }, () => activityOf());
    for (const activity of burst) log.record(activity);
    await finish();
    expect(await countRows(burst.map(({ requestId }) => requestId))).toBe(10);
    expect(lines).toEqual([{ level: "error", event: "activities_dropped", count: 15 }]);
  });
});

describe("a failure", () => {
  it("is tried again and then told, with the ids of the requests", async () => {
    const { database } = depsWith({ environment: withOutage("database") });
    const { log, lines, seen, finish } = openLog({ database, pauses: [1, 1] });
    const activity = activityOf();
    log.record(activity);
    await finish();
    expect(seen.transactions).toBe(3);
    expect(lines).toEqual([{
      level: "error",
      event: "activities_lost",
      count: 1,
      request_ids: [activity.requestId],
      reason: "database_unavailable",
    }]);
  });
});

describe("a batch", () => {
  it("loses the rows alone that the database refuses", async () => {
    const { log, lines, seen, finish } = openLog({ pauses: [1] });
    const [before, after] = [activityOf(), activityOf()];
    const bad = activityOf({ userId: "nobody", requestId: "bad" });
    for (const activity of [before, bad, after]) log.record(activity);
    await finish();
    expect(seen.transactions).toBe(2 + 3);
    expect(await countRows([before.requestId, after.requestId])).toBe(2);
    expect(lines).toEqual([{
      level: "error",
      event: "activities_lost",
      count: 1,
      request_ids: ["bad"],
      reason: "PostgresError",
    }]);
  });

  it("of which nobody knows whether it was written is written once, statistics included", async () => {
    const { database } = depsWith();
    const user = await createUser();
    let cuts = 0;
    const cut: Database = {
      ...database,
      // The database has committed; what is lost is its answer.
      asService: async (fn) => {
        const result = await database.asService(fn);
        if (cuts++ > 0) return result;
        throw new AppError("database_unavailable");
      },
    };
    const { log, lines, finish } = openLog({ database: cut, pauses: [1] });
    const batch = [
      activityOf({ userId: user.id }),
      activityOf({ userId: user.id, counted: { type: "uploaded_video" } }),
      activityOf({ userId: user.id, type: null, counted: { type: "searched" } }),
    ];
    for (const activity of batch) log.record(activity);
    await finish();
    expect(cuts).toBe(2);
    expect(lines).toEqual([]);
    expect(await countRows(batch.map(({ requestId }) => requestId))).toBe(2);
    const counted = await adminSql()`
      select event_type, count(*)::int as count from public.user_analytics
      where user_id = ${user.id} group by event_type order by 1`;
    expect(counted).toEqual([
      { event_type: "registered", count: 1 },
      { event_type: "searched", count: 1 },
      { event_type: "uploaded_video", count: 1 },
    ]);
  });
});

describe("refusals", () => {
  it("of one kind and caller are written once a minute, others each", async () => {
    const { log, finish } = openLog();
    const refused = (o: Partial<Activity>) =>
      activityOf({ outcome: "refused", code: "rate_limited", ...o });
    const [one, other] = ["203.0.113.1", "203.0.113.2"];
    const flood = Array.from({ length: 50 }, () => refused({ clientIp: one }));
    const others = [refused({ clientIp: other }), refused({ clientIp: one, code: "forbidden" })];
    for (const activity of [...flood, ...others]) log.record(activity);
    await finish();
    expect(await countRows(flood.map(({ requestId }) => requestId))).toBe(1);
    expect(await countRows(others.map(({ requestId }) => requestId))).toBe(2);
  });

  it("of one IPv6 network count as those of one caller", async () => {
    const { log, finish } = openLog();
    const flood = Array.from({ length: 50 }, (_, i) =>
      activityOf({
        outcome: "refused",
        code: "token_invalid",
        clientIp: `2001:db8:1:2::${i.toString(16)}`,
      }));
    for (const activity of flood) log.record(activity);
    await finish();
    expect(await countRows(flood.map(({ requestId }) => requestId))).toBe(1);
  });
});

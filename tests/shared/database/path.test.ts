import { beforeAll, describe, expect, it } from "vitest";
import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import { createDatabase, type Database, type Transaction } from "../../../shared/database/doors.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { createApp as createVideos } from "../../../supabase/functions/videos/app.ts";
import { depsWith } from "../../support/app.ts";
import { openSlowWire } from "../../support/slow-wire.ts";
import { adminSql } from "../../support/sql.ts";
import { useStack } from "../../support/stack.ts";
import { createUser } from "../../support/users.ts";

let verified: VerifiedToken;

beforeAll(async () => {
  const { verifier } = depsWith();
  verified = await verifier.verify((await createUser()).accessToken);
});

const countOwn = async (sql: Transaction, title = "nothing") => {
  const [row] = await sql<[{ n: number }]>`
    select count(*) as n from public.video_metadata where title = ${title}`;
  return row.n;
};

describe("the way to the database", () => {
  const delayMs = 20;

  /** Round trips and milliseconds of a request whose statements the connection knows. */
  async function measure(query: string, work: (door: Database) => Promise<unknown>) {
    const wire = await openSlowWire(useStack().databaseUrl, delayMs);
    const url = `${wire.url}${query}`;
    const door = createDatabase(depsWith({ environment: { DATABASE_URL: url } }).env);
    await work(door);
    await work(door);
    wire.takeRoundTrips();
    const started = performance.now();
    await work(door);
    const ms = performance.now() - started;
    const roundTrips = wire.takeRoundTrips();
    await door.close();
    await wire.close();
    return { roundTrips, ms };
  }

  it("takes two round trips for a statement as a user, the rate limit included", async () => {
    const limit = { resource: "search" } as const;
    const { roundTrips, ms } = await measure(
      "",
      (door) => door.asUser(verified, countOwn, { limit }),
    );
    expect(roundTrips).toBe(2);
    expect(ms).toBeGreaterThanOrEqual(4 * delayMs);
    expect(ms).toBeLessThan(50 * delayMs);
  });

  it("takes two for one as the service", async () => {
    expect((await measure("", (door) => door.asService(countOwn))).roundTrips).toBe(2);
  });

  it("takes at most three behind a pooler, where nothing may be prepared", async () => {
    const { roundTrips } = await measure(
      "?pgbouncer=true",
      (door) => door.asUser(verified, countOwn),
    );
    expect(roundTrips).toBeLessThanOrEqual(3);
  });

  it("takes no more when the request is refused or fails", async () => {
    const failing = (door: Database) =>
      door.asUser(verified, async (sql) => {
        await countOwn(sql);
        throw new AppError("forbidden");
      }, { limit: { resource: "search" } }).catch(() => {});
    expect((await measure("", failing)).roundTrips).toBe(2);
  });
});

describe("many requests at once", () => {
  it("are all answered: 500 requests over four connections", async () => {
    const url = new URL(useStack().databaseUrl);
    url.searchParams.set("application_name", "many-requests");
    const deps = depsWith({ environment: { DATABASE_URL: url.href } });
    const app = createVideos(deps);
    const answers = await Promise.all(Array.from({ length: 500 }, async () => {
      const response = await app.request("/videos", {
        headers: { authorization: `Bearer ${verified.token}` },
      });
      await response.body?.cancel();
      return response.status;
    }));
    const opened = await adminSql()`
      select from pg_stat_activity where application_name = 'many-requests'`;
    await deps.database.close();
    expect(new Set(answers)).toEqual(new Set([200]));
    expect(opened.length).toBeLessThanOrEqual(4);
  });

  it("are refused with Retry-After once the queue is full, and served again afterwards", async () => {
    const { env } = depsWith();
    const database = createDatabase(env, { lanes: 2, waiting: 20 });
    const app = createVideos({ ...depsWith(), database });
    const send = async () => {
      const response = await app.request("/videos", {
        headers: { authorization: `Bearer ${verified.token}` },
      });
      await response.body?.cancel();
      return { status: response.status, retryAfter: response.headers.get("retry-after") };
    };
    const answers = await Promise.all(Array.from({ length: 100 }, send));
    const served = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status === 503);
    expect(served).toHaveLength(22);
    expect(refused).toHaveLength(78);
    expect(new Set(refused.map(({ retryAfter }) => retryAfter))).toEqual(new Set(["2"]));
    expect(await send()).toMatchObject({ status: 200 });
    await database.close();
  });

  it("of one user do not keep everybody else waiting for the user's own lock", async () => {
    const { env, verifier } = depsWith();
    const database = createDatabase(env, { lanes: 2 });
    const other = await verifier.verify((await createUser()).accessToken);
    const limit = { resource: "write" } as const;
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const hold = async (sql: Transaction) => {
      await sql`select 1`;
      await released;
    };
    const slow = Array.from({ length: 4 }, () => database.asUser(verified, hold, { limit }));
    expect(await database.asUser(other, countOwn, { limit })).toBe(0);
    release();
    await Promise.all(slow);
    await database.close();
  });

  it("are refused when their turn does not come in time", async () => {
    const database = createDatabase(depsWith().env, { lanes: 1, patience: 100 });
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const slow = database.asService(async (sql) => {
      await sql`select 1`;
      await released;
    });
    await expect(database.asUser(verified, countOwn))
      .rejects.toMatchObject({ code: "database_unavailable" });
    release();
    await slow;
    expect(await database.asUser(verified, countOwn)).toBe(0);
    await database.close();
  });
});

describe("an idle connection", () => {
  it("is ended after a while and opened again when needed", async () => {
    const database = createDatabase(depsWith().env, { idle: 50 });
    const readPid = async (sql: Transaction) => {
      const [row] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`;
      return row.pid;
    };
    const first = await database.asService(readPid);
    expect(await database.asService(readPid)).toBe(first);
    await expect.poll(async () =>
      (await adminSql()`select from pg_stat_activity where pid = ${first}`).length
    ).toBe(0);
    expect(await database.asService(readPid)).not.toBe(first);
    await database.close();
  });
});

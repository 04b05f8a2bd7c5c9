import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import type { LimitState } from "../../../shared/limits/limits.ts";
import { takeLimits } from "../../../shared/limits/take-limits.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { depsWith } from "../../support/app.ts";
import { adminSql, postgresSql } from "../../support/sql.ts";
import { useStack } from "../../support/stack.ts";
import { adminClient, createDeadSession, createUser, type TestUser } from "../../support/users.ts";

const { database, verifier } = depsWith();

afterAll(() => database.close());

const newSubject = () => `test:${crypto.randomUUID()}`;

interface Taken {
  is_allowed: boolean;
  remaining: number;
  reset_seconds: number;
}

async function take(
  subject: string,
  { max = 3, seconds = 60, sql = postgresSql() } = {},
): Promise<Taken> {
  const [row] = await sql<[Taken]>`
    select * from private.take_rate_limit(${subject}, 'test', ${max}, ${seconds}, null, null)`;
  return row;
}

async function readRow(subject: string) {
  const [row] = await adminSql()`
    select count, user_id, ip_address, extract(epoch from expires_at - window_start)::int as seconds
    from public.rate_limits where subject = ${subject}`;
  return row;
}

/** Puts the window of a counter into the past. */
async function endWindow(subject: string): Promise<void> {
  await adminSql()`
    update public.rate_limits set window_start = window_start - interval '1 day',
      expires_at = expires_at - interval '1 day' where subject = ${subject}`;
}

describe("a counter", () => {
  it("lets exactly its maximum through and tells what is left", async () => {
    const subject = newSubject();
    const taken = [];
    for (let i = 0; i < 5; i++) taken.push(await take(subject));
    expect(taken.map(({ is_allowed }) => is_allowed)).toEqual([true, true, true, false, false]);
    expect(taken.map(({ remaining }) => remaining)).toEqual([2, 1, 0, 0, 0]);
    for (const { reset_seconds } of taken) {
      expect(reset_seconds).toBeGreaterThan(55);
      expect(reset_seconds).toBeLessThanOrEqual(60);
    }
    expect(await readRow(subject)).toMatchObject({ count: 3, seconds: 60 });
  });

  it("is exact when 300 requests race over eight connections", async () => {
    const clients = Array.from(
      { length: 8 },
      () => postgres(useStack().databaseUrl, { max: 1, onnotice: () => {} }),
    );
    const subject = newSubject();
    const taken = await Promise.all(Array.from({ length: 300 }, (_, i) => {
      const sql = clients[i % clients.length];
      return sql ? take(subject, { max: 17, sql }) : Promise.reject(new Error("No client"));
    }));
    await Promise.all(clients.map((sql) => sql.end()));
    expect(taken.filter(({ is_allowed }) => is_allowed)).toHaveLength(17);
    expect(await readRow(subject)).toMatchObject({ count: 17 });
  });

  it("begins anew when its window is over, in the same row, for all who come at once", async () => {
    const subject = newSubject();
    await take(subject);
    await take(subject);
    await endWindow(subject);
    const taken = await Promise.all(Array.from({ length: 10 }, () => take(subject)));
    expect(taken.filter(({ is_allowed }) => is_allowed)).toHaveLength(3);
    const rows = await adminSql()`select from public.rate_limits where subject = ${subject}`;
    expect(rows).toHaveLength(1);
  });

  it("does not last longer because of refused requests", async () => {
    const subject = newSubject();
    for (let i = 0; i < 4; i++) await take(subject);
    const [before] = await adminSql()`select * from public.rate_limits where subject = ${subject}`;
    await take(subject);
    const [after] = await adminSql()`select * from public.rate_limits where subject = ${subject}`;
    expect(after).toEqual(before);
  });

  it("is swept once its window is over, and no row of the legacy application is", async () => {
    const [over, open] = [newSubject(), newSubject()];
    await take(over);
    await take(open);
    await endWindow(over);
    const id = crypto.randomUUID();
    await adminSql()`
      insert into public.rate_limits (limit_id, resource, window_start, expires_at)
      values (${id}, 'legacy', now() - interval '2 days', now() - interval '1 day')`;
    const [upload] = await adminSql()`
      insert into public.rate_limits (resource, window_start, expires_at)
      values ('video_upload', now() - interval '2 days', now() - interval '1 day')
      returning limit_id`;
    await postgresSql()`select private.sweep_rate_limits(10000)`;
    const left = await adminSql()`
      select from public.rate_limits where limit_id = ${upload?.["limit_id"]}`;
    expect(left).toHaveLength(0);
    expect(await readRow(over)).toBeUndefined();
    expect(await readRow(open)).toMatchObject({ count: 1 });
    expect(await adminSql()`delete from public.rate_limits where limit_id = ${id} returning 1`)
      .toHaveLength(1);
  });

  it.each(["anon", "authenticated", "service_role"])("cannot be touched by %s", async (role) => {
    for (
      const call of [
        "private.take_rate_limit('s', 'r', 1, 1, null, null)",
        "private.take_rate_limits('[]')",
        "private.open_request(null, null, null)",
        "private.sweep_rate_limits(1)",
      ]
    ) {
      const calling = adminSql().begin(async (sql) => {
        await sql.unsafe(`set local role ${role}`);
        await sql.unsafe(`select ${call}`);
      });
      await expect(calling).rejects.toMatchObject({ code: "42501" });
    }
  });
});

describe("several limits of one call", () => {
  const charge = (name: string, subject: string, max: number) => ({
    name,
    subject,
    resource: "test",
    limit: { max, windowSeconds: 60 },
  });

  it("are counted in order, and what stands behind a refusal is not", async () => {
    const [ip, address] = [newSubject(), newSubject()];
    const charges = [charge("by-ip", ip, 1), charge("by-address", address, 5)];
    expect(await takeLimits(database, charges)).toMatchObject([
      { name: "by-ip", remaining: 0 },
      { name: "by-address", remaining: 4 },
    ]);
    await expect(takeLimits(database, charges)).rejects.toMatchObject({
      code: "rate_limited",
      headers: {
        "retry-after": expect.stringMatching(/^\d+$/),
        "ratelimit": expect.stringMatching(/^"by-ip";r=0;t=\d+$/),
        "ratelimit-policy": '"by-ip";q=1;w=60',
      },
    });
    expect(await readRow(address)).toMatchObject({ count: 1 });
  });

  it("keep what was counted before the one that refuses", async () => {
    const [ip, address] = [newSubject(), newSubject()];
    const charges = [charge("by-ip", ip, 5), charge("by-address", address, 1)];
    await takeLimits(database, charges);
    await expect(takeLimits(database, charges)).rejects.toMatchObject({ code: "rate_limited" });
    expect(await readRow(ip)).toMatchObject({ count: 2 });
  });
});

describe("the limit of a user", () => {
  let user: TestUser;
  let verified: VerifiedToken;
  const subject = () => `user:${user.id}`;
  const limit = { resource: "write" } as const;

  beforeAll(async () => {
    user = await createUser();
    verified = await verifier.verify(user.accessToken);
  });

  async function charge(): Promise<LimitState | undefined> {
    let told: LimitState | undefined;
    await database.asUser(verified, () => Promise.resolve(), {
      limit,
      onLimit: (state) => told = state,
    });
    return told;
  }

  it("rides in the opening statement, tells where it stands and is the user's own row", async () => {
    expect(await charge()).toEqual({
      name: "write",
      max: 120,
      windowSeconds: 60,
      remaining: 119,
      resetSeconds: 60,
    });
    expect(await readRow(subject())).toMatchObject({ count: 1, user_id: user.id });
  });

  it("stays charged when the work fails, whose writes are undone", async () => {
    const before = Number((await readRow(subject()))?.["count"]);
    const failing = database.asUser(verified, async (sql) => {
      await sql`select private.record_consent('email', true, 'limit-test')`;
      throw new AppError("forbidden");
    }, { limit });
    await expect(failing).rejects.toMatchObject({ code: "forbidden" });
    const refusing = database.asUser(
      verified,
      (sql) => sql`select private.complete_upload(${crypto.randomUUID()}::uuid)`,
      { limit },
    );
    await expect(refusing).rejects.toMatchObject({ code: "video_not_found" });
    expect(await readRow(subject())).toMatchObject({ count: before + 2 });
    const consents = await adminSql()`
      select from public.consents where text_version = 'limit-test'`;
    expect(consents).toHaveLength(0);
  });

  it("is not charged for a session that has ended", async () => {
    const dead = await verifier.verify((await createDeadSession()).accessToken);
    await expect(database.asUser(dead, () => Promise.resolve(), { limit }))
      .rejects.toMatchObject({ code: "session_revoked" });
    expect(await readRow(`user:${dead.user.supabaseUserId}`)).toBeUndefined();
  });

  it("executes nothing of a refused request", async () => {
    await adminSql()`update public.rate_limits set count = 120 where subject = ${subject()}`;
    let state: unknown;
    const refused = database.asUser(verified, async (sql) => {
      await sql`select private.record_consent('email', true, 'refused')`.catch((error) => {
        state = Reflect.get(error, "code");
      });
    }, { limit });
    await expect(refused).rejects.toMatchObject({
      code: "rate_limited",
      headers: { "ratelimit-policy": '"write";q=120;w=60' },
    });
    expect(state).toBe("25P02");
  });

  it("follows the tier in auth.users at once, whatever the token says", async () => {
    const setTier = (tier: string) =>
      adminClient().auth.admin.updateUserById(user.id, { app_metadata: { tier } });
    await setTier("pro");
    expect(verified.user.tier).toBe("free");
    expect(await charge()).toMatchObject({ max: 600, remaining: 479 });
    await setTier("free");
    await expect(charge()).rejects.toMatchObject({ code: "rate_limited" });
  });

  it("is exact when requests of one user race over two pools", async () => {
    await adminSql()`delete from public.rate_limits where subject = ${subject()}`;
    const other = depsWith().database;
    const outcomes = await Promise.all(
      Array.from(
        { length: 150 },
        (_, i) =>
          (i % 2 === 0 ? database : other).asUser(verified, (sql) => sql`select 1`, { limit })
            .then(() => "served", (error) => Reflect.get(error, "code")),
      ),
    );
    await other.close();
    expect(outcomes.filter((outcome) => outcome === "served")).toHaveLength(120);
    expect(outcomes.filter((outcome) => outcome === "rate_limited")).toHaveLength(30);
  });
});

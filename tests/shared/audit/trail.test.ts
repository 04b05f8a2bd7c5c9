import { beforeAll, describe, expect, it } from "vitest";
import { type Activity, activityTypes } from "../../../shared/audit/activities.ts";
import { clearAuditAddresses } from "../../../shared/audit/clear-addresses.ts";
import { recordActivity } from "../../../shared/audit/record.ts";
import { depsWith } from "../../support/app.ts";
import { call, expectJson } from "../../support/call.ts";
import { adminSql, asRole, claimsOf, postgresSql, type Transaction } from "../../support/sql.ts";
import { createUser, type TestUser } from "../../support/users.ts";

let user: TestUser;

beforeAll(async () => {
  user = await createUser();
});

const activityOf = (userId: string | null, o: Partial<Activity> = {}): Activity => ({
  type: "video.changed",
  userId,
  actor: "user",
  outcome: "ok",
  resource: "video",
  resourceId: crypto.randomUUID(),
  requestId: crypto.randomUUID(),
  clientIp: "203.0.113.9",
  userAgent: "test",
  ...o,
});

async function write(...activities: Activity[]): Promise<void> {
  const { database } = depsWith();
  await database.asService((sql) => recordActivity(sql, activities));
  await database.close();
}

async function readRow({ requestId }: Activity) {
  const [row] = await adminSql()`
    select * from public.audit_events where metadata ->> 'request_id' = ${requestId}`;
  return row;
}

/** What happens when the owner of the schema, which the functions connect as, tries. */
async function attempt(fn: (sql: Transaction) => Promise<unknown>): Promise<unknown> {
  try {
    return await postgresSql().begin((sql) => fn(sql));
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
}

describe("a request", () => {
  it("is written to the trail after its answer, and its owner may read it", async () => {
    const requestId = crypto.randomUUID();
    const response = await call("/people", {
      token: user.accessToken,
      json: { name: "Somebody" },
      headers: { "x-request-id": requestId, "user-agent": `agent ${"x".repeat(600)}` },
    });
    const { person_id } = await expectJson<{ person_id: string }>(response, 201);
    await expect.poll(async () => (await readRow({ requestId } as Activity))?.event_type)
      .toBe("person.created");
    const rows = await asRole("authenticated", claimsOf(user.accessToken), (sql) =>
      sql`
        select event_type, user_agent, metadata from public.audit_events
        where metadata ->> 'request_id' = ${requestId}`);
    expect(rows).toEqual([{
      event_type: "person.created",
      user_agent: expect.stringMatching(/^agent x{506}$/),
      metadata: {
        request_id: requestId,
        actor: "user",
        outcome: "ok",
        resource: "person",
        resource_id: person_id,
      },
    }]);
    const other = await createUser();
    const seen = await asRole(
      "authenticated",
      claimsOf(other.accessToken),
      (sql) => sql`select from public.audit_events where metadata ->> 'request_id' = ${requestId}`,
    );
    expect(seen).toHaveLength(0);
  });
});

describe("an audit event", () => {
  let kept: Activity;
  beforeAll(async () => {
    kept = activityOf(user.id);
    await write(kept);
  });

  it.each([
    [
      "changed",
      (sql: Transaction, id: string) =>
        sql`update public.audit_events set event_type = 'x' where event_id = ${id}`,
    ],
    [
      "given to another",
      (sql: Transaction, id: string) =>
        sql`update public.audit_events set user_id = gen_random_uuid() where event_id = ${id}`,
    ],
    ["anonymised without an erasure", (sql: Transaction, id: string) =>
      sql`
        update public.audit_events set user_id = null, user_subject = ${"a".repeat(64)},
          ip_address = null, user_agent = null, metadata = null where event_id = ${id}`],
    [
      "deleted",
      (sql: Transaction, id: string) => sql`delete from public.audit_events where event_id = ${id}`,
    ],
    ["deleted by what says that it is a move", async (sql: Transaction, id: string) => {
      await sql`select set_config('heimdex.audit_move', 'on', true)`;
      await sql`delete from public.audit_events where event_id = ${id}`;
    }],
    ["truncated away", (sql: Transaction) => sql`truncate public.audit_events`],
  ])("cannot be %s, not even by the owner of the table", async (_, change) => {
    const row = await readRow(kept);
    expect(await attempt((sql) => Promise.resolve(change(sql, row?.event_id)))).toBe("forbidden");
    expect(await readRow(kept)).toEqual(row);
  });

  it.each(["insert", "update", "delete", "truncate"])(
    "gives no client and no secret key the right to %s",
    async (right) => {
      const [row] = await adminSql()`
        select array_agg(r.name) filter (
          where has_table_privilege(r.name, 'public.audit_events', ${right})) as roles
        from (values ('anon'), ('authenticated'), ('service_role')) as r (name)`;
      expect(row?.roles).toBeNull();
    },
  );

  it("is written by nobody but the owner of the schema", async () => {
    for (const role of ["anon", "authenticated", "service_role"] as const) {
      await expect(asRole(role, {}, (sql) => sql`select private.record_activity('[]')`))
        .rejects.toThrow(/permission denied/);
    }
  });
});

describe("address and user agent", () => {
  const days = 90;

  /** An event as it was written `age` days ago. */
  async function writeOld(age: number, metadata: Record<string, string> | null): Promise<string> {
    const [row] = await postgresSql()`
      insert into public.audit_events (user_id, event_type, ip_address, user_agent, metadata, created_at)
      values (${user.id}, 'video.changed', '203.0.113.9', 'test', ${
      metadata && postgresSql().json(metadata)
    }, now() - make_interval(days => ${age}))
      returning event_id`;
    return row?.event_id;
  }
  const ours = () => ({ request_id: crypto.randomUUID(), outcome: "ok" });
  const readEvent = async (id: string) => {
    const [row] = await adminSql()`select * from public.audit_events where event_id = ${id}`;
    return row;
  };

  it("are cleared after their days, and nothing else is", async () => {
    const old = [await writeOld(days + 1, ours()), await writeOld(days + 1, ours())];
    const young = await writeOld(days - 1, ours());
    const { database, log } = depsWith();
    const context = { database, auditAddressDays: days, log };
    // The stack drains by a timer too, so all that counts is the end.
    await clearAuditAddresses(context);
    expect(await clearAuditAddresses(context)).toBe(0);
    await database.close();
    const event = {
      user_id: user.id,
      user_subject: null,
      event_type: "video.changed",
      ip_address: null,
      user_agent: null,
      metadata: { request_id: expect.any(String), outcome: "ok" },
    };
    for (const id of old) expect(await readEvent(id)).toMatchObject(event);
    const kept = { ...event, ip_address: "203.0.113.9", user_agent: "test" };
    expect(await readEvent(young)).toMatchObject(kept);
  });

  it("are cleared in batches, each of which goes on behind the last", async () => {
    const counts = await attempt(async (sql) => {
      await sql`
        insert into public.audit_events (event_type, ip_address, metadata, created_at)
        select 'video.changed', '203.0.113.9', jsonb_build_object('request_id', n),
          now() - interval '10 years'
        from generate_series(1, 5) as n`;
      const cleared: string[] = [];
      for (let i = 0; i < 4; i++) {
        const [row] = await sql`select private.clear_audit_addresses(3640, 2) as cleared`;
        cleared.push(row?.cleared);
      }
      throw new Error(cleared.join(" "));
    });
    expect(counts).toBe("2 2 1 0");
  });

  it.each([
    [
      "of an event younger than 30 days, whatever is asked for",
      29,
      (sql: Transaction) => sql`select private.clear_audit_addresses(1, 100)`,
    ],
    [
      "alone, without the other",
      31,
      (sql: Transaction, id: string) =>
        sql`update public.audit_events set ip_address = null where event_id = ${id}`,
    ],
    ["for others", 31, (sql: Transaction, id: string) =>
      sql`
        update public.audit_events set ip_address = '192.0.2.1', user_agent = null
        where event_id = ${id}`],
    ["together with more", 31, (sql: Transaction, id: string) =>
      sql`
        update public.audit_events set ip_address = null, user_agent = null, metadata = '{}'
        where event_id = ${id}`],
    ["together with the time", 31, (sql: Transaction, id: string) =>
      sql`
        update public.audit_events set ip_address = null, user_agent = null, created_at = now()
        where event_id = ${id}`],
  ])("are not cleared %s", async (_, age, change) => {
    const id = await writeOld(age, ours());
    const row = await readEvent(id);
    expect(await attempt((sql) => Promise.resolve(change(sql, id)))).toBe("forbidden");
    expect(await readEvent(id)).toEqual(row);
  });

  it("are cleared by nobody but the owner of the schema", async () => {
    for (const role of ["anon", "authenticated", "service_role"] as const) {
      await expect(asRole(role, {}, (sql) => sql`select private.clear_audit_addresses(90, 1)`))
        .rejects.toThrow(/permission denied/);
    }
  });
});

describe("a write that comes late", () => {
  it("names the pseudonym of a user under erasure and counts nothing", async () => {
    const [gone, subject] = [crypto.randomUUID(), "e".repeat(32) + "0123456789abcdef".repeat(2)];
    await adminSql()`
      insert into private.erased_users (subject, user_id) values (${subject}, ${gone})
      on conflict (subject) do update set user_id = excluded.user_id`;
    await write(activityOf(gone, { counted: { type: "searched" } }));
    const rows = await adminSql()`
      select user_id, ip_address, user_agent, metadata from public.audit_events
      where user_subject = ${subject}`;
    const nothing = { user_id: null, ip_address: null, user_agent: null, metadata: null };
    expect(rows.at(-1)).toEqual(nothing);
    expect(await adminSql()`select from public.user_analytics where user_id = ${gone}`)
      .toHaveLength(0);
    await adminSql()`delete from private.erased_users where subject = ${subject}`;
  });

  it("names nobody when nothing is known of the user any more", async () => {
    const gone = crypto.randomUUID();
    await write(activityOf(gone, { type: "video.changed", resourceId: gone }));
    const found = await adminSql()`
      select from public.audit_events
      where user_id = ${gone} or metadata ->> 'resource_id' = ${gone}`;
    expect(found).toHaveLength(0);
  });
});

describe("statistics", () => {
  const countOf = async (userId: string) => {
    const rows = await adminSql()`
      select event_type, count(*)::int as count from public.user_analytics
      where user_id = ${userId} group by event_type`;
    return Object.fromEntries(rows.map(({ event_type, count }) => [event_type, count]));
  };

  it("count a registration, an onboarding and a video once, a search each time", async () => {
    const { id } = await createUser();
    const video = { video_id: crypto.randomUUID() };
    const once = [
      activityOf(id, { counted: { type: "registered" } }),
      activityOf(id, { type: null, counted: { type: "searched", data: { search_type: "text" } } }),
      activityOf(id, { counted: { type: "uploaded_video", data: video } }),
      activityOf(id, { counted: { type: "onboarded" } }),
    ];
    await write(...once);
    await write(...once);
    expect(await countOf(id))
      .toEqual({ registered: 1, onboarded: 1, searched: 2, uploaded_video: 1 });
  });

  it("count no old and no anonymous account as registered", async () => {
    const [old, anonymous] = [await createUser(), await createUser()];
    await adminSql()`
      update auth.users set created_at = now() - interval '31 days' where id = ${old.id}`;
    await adminSql()`update auth.users set is_anonymous = true where id = ${anonymous.id}`;
    await write(
      ...[old, anonymous].map(({ id }) => activityOf(id, { counted: { type: "searched" } })),
    );
    expect([await countOf(old.id), await countOf(anonymous.id)])
      .toEqual([{ searched: 1 }, { searched: 1 }]);
  });
});

it("every type of activity stands in docs/security.md with the same words", async () => {
  const text = await Deno.readTextFile(new URL("../../../docs/security.md", import.meta.url));
  const rows = [...text.matchAll(/^\| `((?!private)[a-z]+\.[a-z_]+)` +\| (.+?) +\|$/gm)];
  expect(Object.fromEntries(rows.map(([, type, words]) => [type, words]))).toEqual(activityTypes);
});

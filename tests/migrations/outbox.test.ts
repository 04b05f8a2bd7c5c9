import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startDatabase, type TestDatabase } from "./support/database.ts";
import { addPerson, asAuthAdmin, type Person, refusalOf } from "./support/people.ts";

let db: TestDatabase;
let ann: Person;

beforeAll(async () => {
  db = await startDatabase();
});
beforeEach(async () => {
  ann = await addPerson(db, { userMetadata: { display_name: "Ann" } });
  await db.sql`delete from private.auth_events`;
});
afterAll(() => db.stop());

function events() {
  return db.sql`select type, user_id, payload from private.auth_events order by id`;
}

describe("the outbox", () => {
  test("records the deletion of one user", async () => {
    await asAuthAdmin(db.admin, (sql) => sql`delete from auth.users where id = ${ann.id}`);
    expect(await events()).toEqual([
      { type: "user.deleted", user_id: ann.id, payload: { soft: false } },
    ]);
  });

  test("records the deletion of 1,000 users in one statement, one row each", async () => {
    await asAuthAdmin(db.admin, async (sql) => {
      await sql`insert into auth.users (id, email)
        select gen_random_uuid(), 'many-' || n || '@example.test' from generate_series(1, 1000) n`;
      await sql`delete from auth.users where email like 'many-%'`;
    });
    const [row] = await db.sql`
      select count(*) as n, count(distinct user_id) as users, count(distinct event_id) as ids
      from private.auth_events where type = 'user.deleted'`;
    expect(row).toEqual({ n: 1000, users: 1000, ids: 1000 });
  });

  test("takes a soft delete for a deletion", async () => {
    await asAuthAdmin(db.admin, (sql) =>
      sql`
      update auth.users set deleted_at = now(), email = 'x', raw_user_meta_data = '{}' where id = ${ann.id}`);
    expect(await events()).toEqual([
      { type: "user.deleted", user_id: ann.id, payload: { soft: true } },
    ]);
  });

  test("names what changed, without the values", async () => {
    await asAuthAdmin(db.admin, (sql) =>
      sql`
      update auth.users set email = 'new@example.test', encrypted_password = 'secret-hash',
        raw_app_meta_data = '{"tier": "pro"}', banned_until = '2030-01-01T00:00:00Z' where id = ${ann.id}`);
    const [event] = await events();
    expect(event?.payload.changed).toEqual(["email", "app_metadata", "banned_until"]);
    expect(new Date(event?.payload.banned_until)).toEqual(new Date("2030-01-01T00:00:00Z"));
    expect(JSON.stringify(event)).not.toMatch(/example|secret|tier/);
  });

  test("stays silent on a sign-in and on an update that changes nothing", async () => {
    await asAuthAdmin(db.admin, async (sql) => {
      await sql`update auth.users set last_sign_in_at = now(), updated_at = now() where id = ${ann.id}`;
      await sql`update auth.users set email = email, raw_user_meta_data = raw_user_meta_data where id = ${ann.id}`;
    });
    expect(await events()).toEqual([]);
  });

  test("stays silent on a sign-up", async () => {
    await addPerson(db);
    expect(await events()).toEqual([]);
  });

  test("is undone with the deletion it tells of", async () => {
    await asAuthAdmin(db.admin, async (sql) => {
      await sql`delete from auth.users where id = ${ann.id}`;
      throw new Error("undo");
    }).catch((error: Error) => expect(error.message).toBe("undo"));
    expect(await events()).toEqual([]);
  });

  test("blocks neither sign-up, change nor deletion when its table is broken", async () => {
    await db.sql`alter table private.auth_events rename to auth_events_away`;
    try {
      const bob = await addPerson(db);
      await asAuthAdmin(db.admin, async (sql) => {
        await sql`update auth.users set raw_app_meta_data = '{"tier": "pro"}' where id = ${bob.id}`;
        await sql`delete from auth.users where id = ${bob.id}`;
      });
      const [row] = await db.sql`select count(*) as n from auth.users where id = ${bob.id}`;
      expect(row).toEqual({ n: 0 });
    } finally {
      await db.sql`alter table private.auth_events_away rename to auth_events`;
    }
  });

  test("hears of a deletion that postgres makes by SQL", async () => {
    await db.sql`delete from auth.users where id = ${ann.id}`;
    expect(await events()).toHaveLength(1);
  });
});

describe("delivery of events", () => {
  async function addEvents(n: number) {
    await db.sql`insert into private.auth_events (type, user_id)
      select 'user.deleted', gen_random_uuid() from generate_series(1, ${n})`;
  }

  test("two workers never claim the same event", async () => {
    await addEvents(20);
    const claimed = await Promise.all(
      [1, 2, 3, 4].map(() => db.sql`select id from private.claim_auth_events(8, 60)`),
    );
    const ids = claimed.flatMap((rows) => rows.map(({ id }) => id));
    expect(ids).toHaveLength(20);
    expect(new Set(ids).size).toBe(20);
  });

  test("a lease that ran out gives the event to the next worker, counted", async () => {
    await addEvents(1);
    await db.sql`select private.claim_auth_events(1, 60)`;
    expect(await db.sql`select * from private.claim_auth_events(1, 60)`).toHaveLength(0);
    await db.sql`update private.auth_events set leased_until = now() - interval '1 second'`;
    expect(await db.sql`select attempts from private.claim_auth_events(1, 60)`)
      .toEqual([{ attempts: 2 }]);
  });

  test("a failure waits longer each time and ends as a dead letter", async () => {
    await addEvents(1);
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 12; attempt++) {
      const [event] = await db.sql`select id from private.claim_auth_events(1, 60)`;
      await db.sql`select private.fail_auth_event(${event?.id}, ${"x".repeat(900)})`;
      const [row] = await db.sql`
        select extract(epoch from next_attempt_at - now())::integer as pause, dead_at, length(last_error) as length
        from private.auth_events`;
      expect(row?.length).toBe(500);
      expect(row?.dead_at === null).toBe(attempt < 12);
      pauses.push(row?.pause);
      await db.sql`update private.auth_events set next_attempt_at = now()`;
    }
    expect(pauses.slice(0, 3)).toEqual([60, 120, 240]);
    expect(Math.max(...pauses)).toBe(21_600);
    expect(await db.sql`select * from private.claim_auth_events(10, 60)`).toHaveLength(0);
  });

  test("a delivered event is never claimed again", async () => {
    await addEvents(1);
    const [event] = await db.sql`select id from private.claim_auth_events(1, 60)`;
    await db.sql`select private.finish_auth_event(${event?.id})`;
    await db.sql`select private.fail_auth_event(${event?.id}, 'late')`;
    await db.sql`update private.auth_events set leased_until = null, next_attempt_at = now()`;
    expect(await db.sql`select * from private.claim_auth_events(10, 60)`).toHaveLength(0);
  });

  test.each([[0, 60], [1001, 60], [1, 0], [1, 3601], [null, 60]])(
    "refuses a claim of %s events for %s seconds",
    async (limit, seconds) => {
      const refused = db.sql`select private.claim_auth_events(${limit}, ${seconds})`;
      expect(await refusalOf(refused)).toMatchObject({
        code: "HD000",
        message: "validation_failed",
      });
    },
  );
});

describe("private.call_event_drain", () => {
  const call = async () => (await db.sql`select private.call_event_drain() as called`)[0]?.called;

  test("does nothing where pg_net and Vault are not there", async () => {
    expect(await call()).toBe(false);
  });

  test("posts to the address in Vault with the cron secret, once both are set", async () => {
    // Neither extension can be had here; these have their signatures and keep what they are given.
    await db.admin`create schema net`;
    await db.admin`create schema vault`;
    await db.admin`create table vault.decrypted_secrets (name text, decrypted_secret text)`;
    await db.admin`create table net.posts (url text, body jsonb, headers jsonb)`;
    await db
      .admin`create function net.http_post(url text, body jsonb default '{}', params jsonb default '{}',
        headers jsonb default '{}', timeout_milliseconds integer default 5000) returns bigint language sql
      as $$ insert into net.posts values (url, body, headers) returning 1::bigint $$`;
    await db.admin`grant usage on schema net, vault to postgres`;
    await db.admin`grant all on net.posts, vault.decrypted_secrets to postgres`;
    expect(await call()).toBe(false);
    await db.sql`insert into vault.decrypted_secrets values
      ('heimdex_drain_url', 'https://example.test/functions/v1/auth-webhook/drain'),
      ('heimdex_cron_secret', 'secret')`;
    expect(await call()).toBe(true);
    expect(await db.sql`select * from net.posts`).toEqual([{
      url: "https://example.test/functions/v1/auth-webhook/drain",
      body: {},
      headers: { "authorization": "Bearer secret", "content-type": "application/json" },
    }]);
  });
});

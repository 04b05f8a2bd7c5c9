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

  test("names the keys that changed, without the values", async () => {
    await asAuthAdmin(db.admin, (sql) =>
      sql`
      update auth.users set email = 'new@example.test', encrypted_password = 'secret-hash',
        raw_app_meta_data = '{"tier": "pro", "beta": "yes"}', banned_until = '2030-01-01T00:00:00Z',
        raw_user_meta_data = '{"industry": "Shipping", "pref_theme": "dark", "ann-smith": 1}'
      where id = ${ann.id}`);
    expect(await events()).toEqual([{
      type: "user.updated",
      user_id: ann.id,
      payload: {
        changed: [
          "email",
          "banned_until",
          "user_metadata",
          "user_metadata.display_name",
          "user_metadata.industry",
          "user_metadata.preferences",
          "app_metadata",
          "app_metadata.tier",
        ],
      },
    }]);
  });

  test("says when the onboarding was completed, and only then", async () => {
    const write = (metadata: string | null) =>
      asAuthAdmin(
        db.admin,
        (sql) =>
          sql`update auth.users set raw_user_meta_data = ${metadata}::text::jsonb where id = ${ann.id}`,
      );
    await write('{"onboarding_completed": false}');
    await write('{"onboarding_completed": true}');
    await write('{"onboarding_completed": true, "industry": "Shipping"}');
    await write('{"onboarding_completed": "true"}');
    await write("[1]");
    await write(null);
    const said = (await events()).map(({ payload }) => payload);
    expect(said.filter((payload) => payload.onboarded === true)).toEqual([
      { changed: ["user_metadata.onboarding_completed"], onboarded: true },
    ]);
    expect(said.filter((payload) => "onboarded" in payload)).toHaveLength(1);
  });

  test("stays silent on a sign-in and on an update that changes nothing", async () => {
    await asAuthAdmin(db.admin, async (sql) => {
      await sql`update auth.users set last_sign_in_at = now(), updated_at = now() where id = ${ann.id}`;
      await sql`update auth.users set email = email, raw_user_meta_data = raw_user_meta_data where id = ${ann.id}`;
      await sql`update auth.users set raw_user_meta_data = '{"display_name": "Ann"}' where id = ${ann.id}`;
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

  test("blocks neither sign-up, change nor deletion when the schema private is closed or a function is gone", async () => {
    const breakages = [
      [
        "revoke all on schema private from supabase_auth_admin",
        "grant usage on schema private to supabase_auth_admin",
      ],
      [
        "alter function private.list_changed_keys(text, jsonb, jsonb, text[]) rename to away",
        "alter function private.away(text, jsonb, jsonb, text[]) rename to list_changed_keys",
      ],
      ["alter schema private rename to away", "alter schema away rename to private"],
    ] as const;
    for (const [broken, mended] of breakages) {
      await db.sql.unsafe(broken);
      try {
        const bob = await addPerson(db);
        await asAuthAdmin(db.admin, async (sql) => {
          await sql`update auth.users set raw_app_meta_data = '{"tier": "pro"}' where id = ${bob.id}`;
          await sql`update auth.users set last_sign_in_at = now() where id = ${bob.id}`;
          await sql`delete from auth.users where id = ${bob.id}`;
        });
        expect(await db.sql`select from auth.users where id = ${bob.id}`, broken).toHaveLength(0);
      } finally {
        await db.sql.unsafe(mended);
      }
    }
  });

  test("does not wait for a table that somebody else has locked", async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    let locked = () => {};
    const isLocked = new Promise<void>((resolve) => (locked = resolve));
    const holder = db.sql.begin(async (sql) => {
      await sql`lock table private.auth_events in access exclusive mode`;
      locked();
      await released;
    });
    await isLocked;
    const started = performance.now();
    try {
      await asAuthAdmin(db.admin, (sql) => sql`delete from auth.users where id = ${ann.id}`);
    } finally {
      release();
      await holder;
    }
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(await db.sql`select from auth.users where id = ${ann.id}`).toHaveLength(0);
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

  const claim = (limit = 1, tries = 12) =>
    db.sql`select id from private.claim_auth_events(${limit}, 60, ${tries})`;

  test("two workers never claim the same event", async () => {
    await addEvents(20);
    const claimed = await Promise.all(
      [1, 2, 3, 4].map(() => db.sql`select id from private.claim_auth_events(8, 60, 12)`),
    );
    const ids = claimed.flatMap((rows) => rows.map(({ id }) => id));
    expect(ids).toHaveLength(20);
    expect(new Set(ids).size).toBe(20);
  });

  test("a lease that ran out gives the event to the next worker, counted and after a pause", async () => {
    await addEvents(1);
    await db.sql`select private.claim_auth_events(1, 60, 12)`;
    expect(await claim()).toHaveLength(0);
    await db.sql`update private.auth_events set leased_until = now() - interval '1 second'`;
    expect(await claim(), "a process that ended counts as a failure").toHaveLength(0);
    await db.sql`update private.auth_events set next_attempt_at = now()`;
    expect(await db.sql`select attempts from private.claim_auth_events(1, 60, 12)`)
      .toEqual([{ attempts: 2 }]);
  });

  test("a failure waits longer each time, never twice the same, and ends as a dead letter", async () => {
    await addEvents(1);
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 12; attempt++) {
      const [event] = await claim();
      await db.sql`select private.fail_auth_event(${event?.id}, ${"x".repeat(900)}, 12)`;
      const [row] = await db.sql`
        select extract(epoch from next_attempt_at - now())::float8 as pause, dead_at, length(last_error) as length
        from private.auth_events`;
      expect(row?.length).toBe(500);
      expect(row?.dead_at === null).toBe(attempt < 12);
      pauses.push(row?.pause);
      await db.sql`update private.auth_events set next_attempt_at = now()`;
    }
    for (const [index, pause] of pauses.entries()) {
      const whole = Math.min(30 * 2 ** (index + 1), 21_600);
      expect(pause).toBeGreaterThan(whole / 2 - 1);
      expect(pause).toBeLessThanOrEqual(whole);
    }
    const shares = pauses.map((pause, index) => pause / Math.min(30 * 2 ** (index + 1), 21_600));
    expect(new Set(shares.map((share) => share.toFixed(3))).size).toBeGreaterThan(3);
    expect(await claim(10)).toHaveLength(0);
  });

  test("the number of tries is the caller's", async () => {
    await addEvents(1);
    const [event] = await claim(1, 2);
    await db.sql`select private.fail_auth_event(${event?.id}, 'no', 2)`;
    await db.sql`update private.auth_events set next_attempt_at = now()`;
    const [again] = await claim(1, 2);
    await db.sql`select private.fail_auth_event(${again?.id}, 'no', 2)`;
    expect(await db.sql`select attempts, dead_at is not null as dead from private.auth_events`)
      .toEqual([{ attempts: 2, dead: true }]);
  });

  test("an event that ends its process each time becomes a dead letter", async () => {
    await addEvents(5);
    const [{ id: poison } = { id: 0 }] = await db
      .sql`select min(id) as id from private.auth_events`;
    const processEnds = () =>
      db.sql`update private.auth_events set leased_until = now() - interval '1 second', next_attempt_at = now()
        where delivered_at is null and dead_at is null`;
    for (let round = 0; round < 30; round++) {
      for (const { id } of await claim(1, 3)) {
        if (id === poison) break;
        await db.sql`select private.finish_auth_event(${id})`;
      }
      await processEnds();
    }
    expect(
      await db
        .sql`select id, attempts, dead_at is not null as dead, last_error from private.auth_events
        where delivered_at is null`,
    ).toEqual([{ id: poison, attempts: 3, dead: true, last_error: "process_ended" }]);
  });

  test("a delivered event is never claimed again", async () => {
    await addEvents(1);
    const [event] = await claim();
    await db.sql`select private.finish_auth_event(${event?.id})`;
    await db.sql`select private.fail_auth_event(${event?.id}, 'late', 12)`;
    await db.sql`update private.auth_events set leased_until = null, next_attempt_at = now()`;
    expect(await claim(10)).toHaveLength(0);
  });

  test.each([[0, 60, 12], [1001, 60, 12], [1, 0, 12], [1, 3601, 12], [null, 60, 12], [1, 60, 0], [
    1,
    60,
    null,
  ]])(
    "refuses a claim of %s events for %s seconds and %s tries",
    async (limit, seconds, tries) => {
      const refused = db.sql`select private.claim_auth_events(${limit}, ${seconds}, ${tries})`;
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

  test("is woken once by a statement that deletes many, and not at all by a change", async () => {
    await db.sql`delete from net.posts`;
    await asAuthAdmin(db.admin, async (sql) => {
      await sql`insert into auth.users (id, email)
        select gen_random_uuid(), 'woken-' || n || '@example.test' from generate_series(1, 50) n`;
      await sql`delete from auth.users where email like 'woken-%'`;
    });
    expect(await db.sql`select url from net.posts`).toEqual([
      { url: "https://example.test/functions/v1/auth-webhook/drain" },
    ]);
    await asAuthAdmin(
      db.admin,
      (sql) =>
        sql`update auth.users set raw_app_meta_data = '{"tier": "pro"}' where id = ${ann.id}`,
    );
    expect(await db.sql`select from net.posts`).toHaveLength(1);
    await asAuthAdmin(
      db.admin,
      (sql) => sql`update auth.users set deleted_at = now() where id = ${ann.id}`,
    );
    expect(await db.sql`select from net.posts`, "a soft delete").toHaveLength(2);
  });

  test("is not needed: the event is on record although the wake-up is gone", async () => {
    await db.sql`alter function private.wake_event_drain() rename to away`;
    try {
      await asAuthAdmin(db.admin, (sql) => sql`delete from auth.users where id = ${ann.id}`);
    } finally {
      await db.sql`alter function private.away() rename to wake_event_drain`;
    }
    expect(await events()).toHaveLength(1);
  });

  test("is not waited for: a deletion goes through when pg_net refuses", async () => {
    await db.sql`delete from net.posts`;
    await db.admin`revoke all on net.posts from postgres`;
    try {
      await asAuthAdmin(db.admin, (sql) => sql`delete from auth.users where id = ${ann.id}`);
    } finally {
      await db.admin`grant all on net.posts to postgres`;
    }
    expect(await events()).toHaveLength(1);
    expect(await db.sql`select from auth.users where id = ${ann.id}`).toHaveLength(0);
  });
});

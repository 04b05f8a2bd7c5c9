import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Row, startDatabase, type TestDatabase } from "./support/database.ts";
import { addPerson, asPerson, type Person, refusalOf, within } from "./support/people.ts";

let db: TestDatabase;
let ann: Person;
let bob: Person;

beforeAll(async () => {
  db = await startDatabase();
});
beforeEach(async () => {
  ann = await addPerson(db);
  bob = await addPerson(db);
});
afterAll(() => db.stop());

function call(who: Person, routine: string, ...values: unknown[]): Promise<Row[]> {
  return asPerson(db.sql, who, async (sql) => [
    ...await sql.unsafe(`select * from private.${routine}`, values as string[]),
  ]);
}

const newHash = () => crypto.getRandomValues(new Uint8Array(32)).toHex();

async function schedule(who: Person, at: Date | null = null, hash = newHash()) {
  const text = at?.toISOString() ?? null;
  const rows = await call(who, "schedule_account_deletion($1::timestamptz, $2)", text, hash);
  return rows[0]?.["schedule_account_deletion"] as Row;
}

const tomorrow = () => new Date(Date.now() + 86_400_000);

async function addOrganization(members: [Person, "admin" | "member"][]): Promise<string> {
  const id = crypto.randomUUID();
  await db.admin`insert into public.organizations (organization_id, name) values (${id}, 'Acme')`;
  for (const [person, role] of members) {
    await db.admin`
      insert into public.organization_members (organization_id, user_id, role)
      values (${id}, ${person.id}, ${role})`;
  }
  return id;
}

describe("the functions of account deletion", () => {
  test("that take a hash or an id are closed to every client", async () => {
    for (const role of ["anon", "authenticated", "service_role"]) {
      for (
        const routine of [
          "read_erasure_by_token('')",
          "cancel_erasure_by_token('')",
          `describe_erasure('${crypto.randomUUID()}')`,
          `cancel_erasure('${crypto.randomUUID()}')`,
        ]
      ) {
        const asked = within(
          db.sql,
          role,
          { sub: ann.id },
          (sql) => sql.unsafe(`select private.${routine}`),
        );
        expect((await refusalOf(asked)).code, `${role} ${routine}`).toBe("42501");
      }
    }
  });

  test("answer nobody who is not signed in", async () => {
    for (
      const routine of [
        "read_sign_in_facts()",
        "list_last_admin_organizations()",
        "take_password_try()",
        "return_password_try()",
        `schedule_account_deletion(null, '${newHash()}')`,
        "read_own_erasure()",
        "cancel_own_erasure()",
      ]
    ) {
      const asked = within(
        db.sql,
        "authenticated",
        undefined,
        (sql) => sql.unsafe(`select private.${routine}`),
      );
      expect(await refusalOf(asked), routine).toMatchObject({ message: "token_missing" });
    }
  });
});

describe("private.take_password_try", () => {
  const take = async (who: Person) =>
    (await call(who, "take_password_try()"))[0]?.["take_password_try"];

  test("lets five of thirty parallel tries through, each user by itself", async () => {
    const waits = await Promise.all(Array.from({ length: 30 }, () => take(ann)));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(5);
    expect(waits.every((wait) => wait === 0 || (Number(wait) > 3500 && Number(wait) <= 3600)))
      .toBe(true);
    expect(await take(bob)).toBe(0);
  });

  test("counts from the last try that was let through, not from the first", async () => {
    for (let n = 0; n < 4; n++) await take(ann);
    await db.admin`
      update public.rate_limits set window_start = now() - interval '59 minutes',
        expires_at = now() + interval '1 minute'
      where user_id = ${ann.id}`;
    expect(await take(ann)).toBe(0);
    expect(Number(await take(ann))).toBeGreaterThan(3500);
  });

  test("takes back what proved nothing, never below zero", async () => {
    for (let n = 0; n < 3; n++) {
      expect(await take(ann)).toBe(0);
      for (let back = 0; back < 2; back++) await call(ann, "return_password_try()");
    }
    const [row] = await db.admin`select count from public.rate_limits where user_id = ${ann.id}`;
    expect(row).toEqual({ count: 0 });
  });
});

describe("private.schedule_account_deletion", () => {
  test("is now without a time and never earlier", async () => {
    for (const at of [null, new Date(0)]) {
      const erasure = await schedule(await addPerson(db), at);
      expect(erasure).toMatchObject({ state: "scheduled", due: true });
      expect(Date.now() - Date.parse(String(erasure["effective_at"]))).toBeLessThan(60_000);
    }
  });

  test("joins a job of another path without moving it", async () => {
    const [row] = await db.admin`
      insert into private.erasures (kind, user_id, origin, state)
      values ('user', ${ann.id}, 'event', 'held') returning erasure_id`;
    expect(await schedule(ann, tomorrow())).toMatchObject({
      erasure_id: row?.["erasure_id"],
      state: "held",
      due: true,
    });
  });

  test("does not put off what is due", async () => {
    const first = await schedule(ann);
    expect(await schedule(ann, tomorrow())).toMatchObject({
      erasure_id: first["erasure_id"],
      effective_at: first["effective_at"],
    });
  });

  test.each(["", "abc", "G".repeat(64), null])("refuses %j as a hash", async (hash) => {
    const asked = call(ann, "schedule_account_deletion(null, $1)", hash);
    expect(await refusalOf(asked)).toMatchObject({ message: "validation_failed" });
  });

  test("does not count members who are leaving", async () => {
    const carl = await addPerson(db);
    await addOrganization([[ann, "admin"], [bob, "admin"], [carl, "member"]]);
    await schedule(ann, tomorrow());
    const refusal = await refusalOf(schedule(bob, tomorrow()));
    expect(refusal).toMatchObject({ code: "HD000", message: "last_admin" });
    expect(refusal.detail).toContain("Acme");
    await call(ann, "cancel_own_erasure()");
    await schedule(bob, tomorrow());
    await schedule(carl, tomorrow());
    await schedule(ann, tomorrow());
  });
});

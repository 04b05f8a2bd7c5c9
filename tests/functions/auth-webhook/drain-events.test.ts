import { describe, expect, it } from "vitest";
import type { Transaction as ServiceTransaction } from "../../../shared/database/doors.ts";
import { openConnection } from "../../../shared/database/connection.ts";
import { toDatabaseError } from "../../../shared/database/sql-errors.ts";
import {
  createDrainContext,
  doDailyWork,
  drainEvents,
} from "../../../shared/events/drain-events.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { createApp } from "../../../supabase/functions/auth-webhook/app.ts";
import { drainResultSchema } from "../../../supabase/functions/auth-webhook/schemas.ts";
import { expectNothingLeft, expectUntouched, seedUser } from "../../shared/erasure/support.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { knowsSetting, setting, useStack } from "../../support/stack.ts";
import { adminClient, createUser, signIn, type TestUser } from "../../support/users.ts";

const drain = (token: string) => call("/auth-webhook/drain", { token, json: {} });

async function createSeededUser(): Promise<TestUser> {
  const user = await createUser();
  await seedUser(user.id);
  return user;
}

/** The stack drains by a timer too, so whoever is first erases; all that counts is the end. */
async function drainUntilErased(userId: string): Promise<void> {
  for (let i = 0; i < 50; i++) {
    await expectJson(await drain(setting("HEIMDEX_CRON_SECRET")), 200);
    const [erasure] = await adminSql()`
      select state from private.erasures where user_id = ${userId}`;
    if (erasure?.state === "provisional") return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`The user ${userId} was not erased`);
}

async function drainUntilDelivered(userId: string): Promise<void> {
  for (let i = 0; i < 50; i++) {
    await expectJson(await drain(setting("HEIMDEX_CRON_SECRET")), 200);
    const waiting = await adminSql()`
      select from private.auth_events where user_id = ${userId} and delivered_at is null`;
    if (waiting.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`The events of ${userId} were not delivered`);
}

/** What the audit trail says of changes of this user, oldest first. */
async function readAudit(userId: string): Promise<{ changed: string[] }[]> {
  return await adminSql()`
    select metadata -> 'changed' as changed from public.audit_events as a
    left join private.auth_events as e using (event_id)
    where a.user_id = ${userId} and a.event_type = 'user.updated' order by e.id
  `;
}

async function countOnboarded(userId: string): Promise<number> {
  return (await adminSql()`
    select from public.user_analytics where user_id = ${userId} and event_type = 'onboarded'`)
    .length;
}

describe.runIf(hasAdminSql() && knowsSetting("HEIMDEX_CRON_SECRET"))(
  "POST /auth-webhook/drain",
  () => {
    it("erases a user whom the Admin API deleted and refuses the old token", async () => {
      const user = await createSeededUser();
      const bystander = await createSeededUser();
      const { error } = await adminClient().auth.admin.deleteUser(user.id);
      expect(error).toBeNull();
      const people = await call("/people", { token: user.accessToken });
      await expectProblem(people, "session_revoked", 401);
      await drainUntilErased(user.id);
      await expectNothingLeft(user.id);
      await expectUntouched(bystander.id);
      const after = await call("/people", { token: user.accessToken });
      await expectProblem(after, "session_revoked", 401);
    });

    it("erases a user who was soft-deleted", async () => {
      const user = await createSeededUser();
      await adminClient().auth.admin.deleteUser(user.id, true);
      await drainUntilErased(user.id);
      await expectNothingLeft(user.id);
    });

    it("erases users who were deleted by SQL in one statement", async () => {
      const users = [await createSeededUser(), await createSeededUser()];
      await adminSql()`delete from auth.users where id in ${
        adminSql()(users.map((user) => user.id))
      }`;
      for (const { id } of users) {
        await drainUntilErased(id);
        await expectNothingLeft(id);
      }
    });

    it("says how many events it took and is content with none", async () => {
      const counts = drainResultSchema.parse(
        await expectJson(await drain(setting("HEIMDEX_CRON_SECRET")), 200),
      );
      expect(counts.claimed).toBe(counts.delivered + counts.failed);
    });

    it("gives an event that fails back with a pause and sets it aside after its tries", async () => {
      const alive = await createUser();
      const gone = await createSeededUser();
      await runUnseen(async (outer, deps) => {
        const context = { ...createDrainContext(deps), eventAttempts: 2 };
        const drainOnce = () => drainEvents(context, new Date(Date.now() + 60_000));
        const readEvent = async (userId: string) => {
          const [row] = await outer`
            select attempts, last_error, delivered_at is not null as delivered,
              dead_at is not null as dead, next_attempt_at > now() as waits,
              leased_until is null as free
            from private.auth_events where user_id = ${userId} and type = 'user.deleted'
          `;
          return row;
        };
        await outer`insert into private.auth_events (type, user_id)
          values ('user.deleted', ${alive.id})`;
        await outer`update auth.users set deleted_at = now() where id = ${gone.id}`;

        expect(await drainOnce()).toEqual({ claimed: 2, delivered: 1, failed: 1 });
        expect(await readEvent(gone.id)).toMatchObject({ delivered: true, last_error: null });
        expect(await outer`select origin, state from private.erasures where user_id = ${gone.id}`)
          .toEqual([{ origin: "event", state: "pending" }]);
        expect(await readEvent(alive.id)).toEqual({
          attempts: 1,
          last_error: "user_still_exists",
          delivered: false,
          dead: false,
          waits: true,
          free: true,
        });
        expect(await drainOnce(), "not due yet").toEqual({ claimed: 0, delivered: 0, failed: 0 });

        await outer`update private.auth_events set next_attempt_at = now()
          where user_id = ${alive.id} and type = 'user.deleted'`;
        expect(await drainOnce()).toEqual({ claimed: 1, delivered: 0, failed: 1 });
        expect(await readEvent(alive.id)).toMatchObject({ attempts: 2, dead: true });
        expect(await outer`select from private.erasures where user_id = ${alive.id}`)
          .toHaveLength(0);
      });
    });

    it("clears addresses of old audit events once a day, after the days of the setting", async () => {
      await runUnseen(async (outer, deps) => {
        const addEvent = (age: number) =>
          outer`
            insert into public.audit_events (event_type, ip_address, user_agent, metadata, created_at)
            values ('session.ended', '203.0.113.9', 'test', '{"request_id": "daily"}',
              now() - make_interval(days => ${age}))`;
        const readAddresses = async () => {
          const rows = await outer`
            select coalesce(ip_address, user_agent) as address from public.audit_events
            where metadata ->> 'request_id' = 'daily' order by created_at`;
          return rows.map(({ address }) => address);
        };
        const context = { ...createDrainContext(deps), auditAddressDays: 40 };
        await outer`delete from private.orphan_counts`;
        await addEvent(41);
        await addEvent(39);
        await doDailyWork(context);
        expect(await readAddresses()).toEqual([null, "203.0.113.9"]);
        await addEvent(42);
        await doDailyWork(context);
        expect(await readAddresses()).toEqual(["203.0.113.9", null, "203.0.113.9"]);
      });
    });

    it("writes what changed of a user to the audit trail, and onboarded once", async () => {
      const user = await createUser();
      const write = async (metadata: Record<string, unknown>) => {
        const { error } = await adminClient().auth.admin.updateUserById(user.id, {
          user_metadata: metadata,
        });
        expect(error).toBeNull();
      };
      await drainUntilDelivered(user.id);
      const before = await readAudit(user.id);
      await write({ industry: "Shipping", onboarding_completed: true });
      await write({ onboarding_completed: false });
      await write({ onboarding_completed: true });
      await drainUntilDelivered(user.id);
      const written = (await readAudit(user.id)).slice(before.length);
      expect(written.map(({ changed }) => changed)).toEqual([
        ["user_metadata.industry", "user_metadata.onboarding_completed"],
        ["user_metadata.onboarding_completed"],
        ["user_metadata.onboarding_completed"],
      ]);
      expect(await countOnboarded(user.id)).toBe(1);

      await adminSql()`update private.auth_events
        set delivered_at = null, next_attempt_at = now() where user_id = ${user.id}`;
      await drainUntilDelivered(user.id);
      expect(await readAudit(user.id), "delivered twice").toHaveLength(before.length + 3);
      expect(await countOnboarded(user.id)).toBe(1);
    });

    it("writes nothing for a sign-in, nor for a change of a user who has gone since", async () => {
      const user = await createUser();
      await drainUntilDelivered(user.id);
      const before = await readAudit(user.id);
      await signIn(user.email, user.password);
      const events = await adminSql()`
        select from private.auth_events where user_id = ${user.id} and delivered_at is null`;
      expect(events).toHaveLength(0);
      expect(await readAudit(user.id)).toHaveLength(before.length);

      await adminSql().begin(async (sql) => {
        await sql`update auth.users
          set raw_user_meta_data = '{"onboarding_completed": true}' where id = ${user.id}`;
        await sql`delete from auth.users where id = ${user.id}`;
      });
      await drainUntilErased(user.id);
      expect(await readAudit(user.id)).toHaveLength(0);
      expect(await countOnboarded(user.id)).toBe(0);
    });

    it("refuses whoever does not know the cron secret", async () => {
      const { accessToken } = await createUser();
      const secret = setting("HEIMDEX_CRON_SECRET");
      for (
        const token of [accessToken, useStack().secretKey, secret.slice(0, -1), `${secret}x`, ""]
      ) {
        await expectProblem(await drain(token), "key_invalid", 401);
      }
      const bare = await call("/auth-webhook/drain", { method: "POST" });
      await expectProblem(bare, "key_invalid", 401);
      const other = await call("/auth-webhook/drain", {
        method: "POST",
        headers: { authorization: `Basic ${secret}` },
      });
      await expectProblem(other, "key_invalid", 401);
    });

    it("answers 503 while the database is away", async () => {
      const deps = depsWith({ environment: withOutage("database"), log: () => {} });
      const response = await createApp(deps).request(
        "/auth-webhook/drain",
        toRequestInit({ token: setting("HEIMDEX_CRON_SECRET"), json: {} }),
      );
      await expectProblem(response, "database_unavailable", 503);
      await deps.database.close();
    });

    it("answers 405 for other methods", async () => {
      await expectProblem(await call("/auth-webhook/drain"), "method_not_allowed", 405);
    });
  },
);

class RollBack extends Error {}

/** PostgreSQL's word for two transactions that cannot both be right. */
const serializationFailure = "40001";

/**
 * Runs `work` in one transaction that is rolled back in the end and sees only the events it makes:
 * no other drain can take them, and it takes none of others, whenever they come. It begins again when
 * an event that it hides was just taken by somebody else.
 */
async function runUnseen(
  work: (outer: ServiceTransaction, deps: Deps) => Promise<void>,
): Promise<void> {
  const deps = depsWith();
  const connection = openConnection(useStack().adminDatabaseUrl ?? "");
  const attempt = () =>
    connection.begin("isolation level repeatable read", async (outer) => {
      const asService = async <T>(fn: (sql: ServiceTransaction) => Promise<T>) => {
        try {
          return await outer.savepoint(fn) as T;
        } catch (error) {
          throw toDatabaseError(error);
        }
      };
      await outer`update private.auth_events set next_attempt_at = 'infinity'
        where delivered_at is null`;
      await work(outer, { ...deps, database: { ...deps.database, asService } });
      throw new RollBack();
    });
  let end: unknown;
  do end = await attempt().catch((error) => error); while (isSerializationFailure(end));
  await connection.end();
  await deps.database.close();
  if (!(end instanceof RollBack)) throw end;
}

function isSerializationFailure(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === serializationFailure;
}

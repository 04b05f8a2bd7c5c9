import { describe, expect, it } from "vitest";
import type { Transaction as ServiceTransaction } from "../../../shared/database/doors.ts";
import { openConnection } from "../../../shared/database/connection.ts";
import { drainEvents } from "../../../shared/events/drain-events.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { createApp } from "../../../supabase/functions/auth-webhook/app.ts";
import { drainResultSchema } from "../../../supabase/functions/auth-webhook/schemas.ts";
import {
  createDeadObjects,
  expectNothingLeft,
  expectUntouched,
  seedUser,
} from "../../shared/erasure/support.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { knowsSetting, setting, useStack } from "../../support/stack.ts";
import { adminClient, createUser, type TestUser } from "../../support/users.ts";

const drain = (token: string) => call("/auth-webhook/drain", { token, json: {} });

async function createSeededUser(): Promise<TestUser> {
  const user = await createUser();
  await seedUser(user.id);
  return user;
}

/** Events of deletion of this user, by when they were delivered. */
async function readDeletions(userId: string): Promise<{ delivered: boolean }[]> {
  return await adminSql()`
    select delivered_at is not null as delivered from private.auth_events
    where user_id = ${userId} and type = 'user.deleted'
  `;
}

/** The stack drains by a timer too, so whoever is first delivers; all that counts is the end. */
async function drainUntilDelivered(userId: string): Promise<void> {
  for (let i = 0; i < 50; i++) {
    await expectJson(await drain(setting("HEIMDEX_CRON_SECRET")), 200);
    const events = await readDeletions(userId);
    if (events.length > 0 && events.every((event) => event.delivered)) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`The deletion of ${userId} was not delivered`);
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
      await drainUntilDelivered(user.id);
      await expectNothingLeft(user.id);
      await expectUntouched(bystander.id);
      const after = await call("/people", { token: user.accessToken });
      await expectProblem(after, "session_revoked", 401);
    });

    it("erases a user who was soft-deleted", async () => {
      const user = await createSeededUser();
      await adminClient().auth.admin.deleteUser(user.id, true);
      await drainUntilDelivered(user.id);
      await expectNothingLeft(user.id);
    });

    it("erases users who were deleted by SQL in one statement", async () => {
      const users = [await createSeededUser(), await createSeededUser()];
      await adminSql()`delete from auth.users where id in ${
        adminSql()(users.map((user) => user.id))
      }`;
      for (const { id } of users) {
        await drainUntilDelivered(id);
        await expectNothingLeft(id);
      }
    });

    it("says how many events it took and is content with none", async () => {
      const counts = drainResultSchema.parse(
        await expectJson(await drain(setting("HEIMDEX_CRON_SECRET")), 200),
      );
      expect(counts.claimed).toBe(counts.delivered + counts.failed);
    });

    it("gives an event back while Storage is away and delivers it later", async () => {
      const user = await createSeededUser();
      await runUnseen(async (outer, deps) => {
        const readEvent = async () => {
          const [row] = await outer`
            select attempts, last_error, delivered_at is not null as delivered,
              next_attempt_at > now() as waits, leased_until is null as free
            from private.auth_events where user_id = ${user.id} and type = 'user.deleted'
          `;
          return row;
        };
        await outer`update auth.users set deleted_at = now() where id = ${user.id}`;

        const away = { ...deps, objects: createDeadObjects() };
        expect(await drainEvents(away)).toEqual({ claimed: 1, delivered: 0, failed: 1 });
        expect(await readEvent()).toEqual({
          attempts: 1,
          last_error: "storage_unavailable",
          delivered: false,
          waits: true,
          free: true,
        });
        expect(await drainEvents(deps), "not due yet").toEqual({
          claimed: 0,
          delivered: 0,
          failed: 0,
        });

        await outer`update private.auth_events set next_attempt_at = now()
          where user_id = ${user.id} and type = 'user.deleted'`;
        const result = await drainEvents(deps);
        expect(result).toEqual({ claimed: 1, delivered: 1, failed: 0 });
        expect(await readEvent()).toMatchObject({ attempts: 2, delivered: true, last_error: null });
      });
    });

    it("holds no other event while it works on one", async () => {
      const users = [await createSeededUser(), await createSeededUser()];
      await runUnseen(async (outer, deps) => {
        await outer`update auth.users set deleted_at = now()
          where id in ${outer(users.map((user) => user.id))}`;
        const leased: number[] = [];
        const objects = {
          remove: async (bucket: string, keys: string[]) => {
            const [row] = await outer<{ count: number }[]>`
              select count(*) from private.auth_events where leased_until > now()`;
            leased.push(row?.count ?? 0);
            await deps.objects.remove(bucket, keys);
          },
        };
        const result = await drainEvents({ ...deps, objects });
        expect(result).toEqual({ claimed: 2, delivered: 2, failed: 0 });
        expect(new Set(leased)).toEqual(new Set([1]));
      });
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

/**
 * Runs `work` in one transaction that is rolled back in the end and sees only the events it makes:
 * no other drain can take them, and it takes none of others.
 */
async function runUnseen(
  work: (outer: ServiceTransaction, deps: Deps) => Promise<void>,
): Promise<void> {
  const deps = depsWith();
  const connection = openConnection(useStack().adminDatabaseUrl ?? "");
  await connection.begin(async (outer) => {
    const asService = <T>(fn: (sql: ServiceTransaction) => Promise<T>) =>
      outer.savepoint(fn) as Promise<T>;
    await outer`update private.auth_events set next_attempt_at = 'infinity'
      where delivered_at is null`;
    await work(outer, { ...deps, database: { ...deps.database, asService } });
    throw new RollBack();
  }).catch((error) => {
    if (!(error instanceof RollBack)) throw error;
  });
  await connection.end();
  await deps.database.close();
}

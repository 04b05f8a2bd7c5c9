import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deleted, sendEvent } from "../functions/auth-webhook/support.ts";
import { call, expectJson } from "../support/call.ts";
import { adminSql, hasAdminSql } from "../support/sql.ts";
import { knowsSetting, setting, useStack } from "../support/stack.ts";
import { adminClient, createUser, signIn, type TestUser } from "../support/users.ts";
import {
  describeBystanders,
  describeOrganization,
  expectErased,
  expectReceipts,
} from "./support/evidence.ts";
import { type Bystanders, seedBelongings, seedBystanders, type Subject } from "./support/seed.ts";
import { type ErasureRow, openWorld, readErasures, type World } from "./support/world.ts";

/** A way in which an account goes. */
interface Path {
  readonly name: string;
  readonly origin: "account" | "event";
  remove(user: TestUser): Promise<void>;
}

async function unwrap(answer: PromiseLike<{ error: Error | null }>): Promise<void> {
  const { error } = await answer;
  if (error) throw error;
}

const admin = () => adminClient().auth.admin;

const paths: Path[] = [
  {
    name: "our DELETE account",
    origin: "account",
    async remove({ accessToken, password }) {
      const answer = await call("/auth-onboarding/account", {
        method: "DELETE",
        token: accessToken,
        json: { password },
      });
      await expectJson(answer, 202);
    },
  },
  {
    name: "a hard deletion through the Admin API",
    origin: "event",
    remove: ({ id }) => unwrap(admin().deleteUser(id)),
  },
  {
    name: "a soft deletion through the Admin API, whose shell goes at the end",
    origin: "event",
    remove: ({ id }) => unwrap(admin().deleteUser(id, true)),
  },
  {
    name: "a ban, then a deletion",
    origin: "event",
    async remove({ id, email, password }) {
      await unwrap(admin().updateUserById(id, { ban_duration: "24h" }));
      await expect(signIn(email, password)).rejects.toThrow("banned");
      await drainUntilQuiet();
      expect(await readErasures(adminSql(), id)).toEqual([]);
      await unwrap(admin().deleteUser(id));
    },
  },
  {
    name: "plain SQL",
    origin: "event",
    async remove({ id }) {
      await adminSql()`delete from auth.users where id = ${id}`;
    },
  },
  {
    name: "SQL as role supabase_auth_admin",
    origin: "event",
    async remove({ id }) {
      await adminSql().begin(async (sql) => {
        await sql`set local role supabase_auth_admin`;
        const [row] = await sql<{ role: string }[]>`select current_user as role`;
        expect(row?.role).toBe("supabase_auth_admin");
        await sql`delete from auth.users where id = ${id}`;
      });
    },
  },
];

/** Drains as the scheduler would, until nothing was due any more. */
async function drainUntilQuiet(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const answer = await call("/auth-webhook/drain", {
      method: "POST",
      headers: { authorization: `Bearer ${setting("HEIMDEX_CRON_SECRET")}` },
    });
    const { claimed, erasures } = await expectJson<Drained>(answer, 200);
    if (claimed === 0 && erasures.ran === 0) return;
  }
}

interface Drained {
  claimed: number;
  erasures: { ran: number };
}

describe.runIf(hasAdminSql() && knowsSetting("HEIMDEX_RECEIPT_KEY"))("an account that goes", () => {
  let world: World;
  let bystanders: Bystanders;

  beforeAll(async () => {
    world = await openWorld(useStack());
    bystanders = await seedBystanders(world);
  });

  afterAll(() => world.close());

  async function createSeeded(): Promise<{ user: TestUser; subject: Subject }> {
    const user = await createUser();
    const subject = { userId: user.id, email: user.email, marker: `mark-${crypto.randomUUID()}` };
    await seedBelongings(world, subject, bystanders);
    return { user, subject };
  }

  /** The one erasure of the user, once it is provisional. */
  async function expectProvisional(userId: string): Promise<ErasureRow & { origin: string }> {
    await drainUntilQuiet();
    // The stack's own drain may have taken the job before ours did.
    await expect.poll(
      async () => (await readErasures(world.sql, userId)).map(({ state }) => state),
      { timeout: 20_000 },
    ).toEqual(["provisional"]);
    const [row] = await world.sql<(ErasureRow & { origin: string })[]>`
      select erasure_id, state, step, attempts, last_error, origin from private.erasures
      where user_id = ${userId}`;
    if (!row) throw new Error("The erasure is gone");
    return row;
  }

  it.each(paths)("by $name ends in a verified receipt", async ({ origin, remove }) => {
    const { user, subject } = await createSeeded();
    const before = {
      bystanders: await describeBystanders(world, bystanders),
      organization: await describeOrganization(world, bystanders.organizationId),
    };
    await remove(user);
    const erasure = await expectProvisional(user.id);
    expect(erasure).toMatchObject({ origin, attempts: 0, last_error: null });
    await expectErased(world, subject);
    expect({
      bystanders: await describeBystanders(world, bystanders),
      organization: await describeOrganization(world, bystanders.organizationId),
    }).toEqual(before);
    await expectReceipts(world, erasure.erasure_id, ["provisional"]);
  });

  it("is erased once, whatever tells of it afterwards", async () => {
    const { user, subject } = await createSeeded();
    await unwrap(admin().deleteUser(user.id, true));
    await unwrap(admin().deleteUser(user.id));
    const first = await expectJson(await sendEvent(deleted(user.id)), 200);
    const erasure = await expectProvisional(user.id);
    expect(first).toMatchObject({ erasure_id: erasure.erasure_id });
    const again = await expectJson(await sendEvent(deleted(user.id)), 200);
    expect(again).toMatchObject({ erasure_id: erasure.erasure_id, state: "provisional" });
    await expectErased(world, subject);
    await expectReceipts(world, erasure.erasure_id, ["provisional"]);
  });
});

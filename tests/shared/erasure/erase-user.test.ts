import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../../shared/database/doors.ts";
import { eraseUser, type ErasureContext } from "../../../shared/erasure/erase-user.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { adminClient, createUser } from "../../support/users.ts";
import {
  createDeadObjects,
  createErasureContext,
  deleteUserSilently,
  expectNothingLeft,
  expectUntouched,
  listObjectsLeft,
  seededObjects,
  seedUser,
} from "./support.ts";

async function createDeletedUser(): Promise<string> {
  const { id } = await createUser();
  await seedUser(id);
  await deleteUserSilently(id);
  return id;
}

async function readErasure(userId: string) {
  const [row] = await adminSql()<{ state: string; finished: boolean }[]>`
    select state, finished_at is not null as finished from private.erasures where user_id = ${userId}
  `;
  return row;
}

/** Where a run is stopped: before this transaction, or after this call to Storage did its work. */
interface Stop {
  transaction?: number;
  removal?: number;
}

/** The real parts, counted and stopped at one place. */
function stopAt(context: ErasureContext, stop: Stop) {
  const calls = { transactions: 0, removals: 0 };
  const asService: Database["asService"] = async (fn) => {
    if (++calls.transactions === stop.transaction) throw new Error("stopped");
    return await context.database.asService(fn);
  };
  const remove: ErasureContext["objects"]["remove"] = async (bucket, keys) => {
    await context.objects.remove(bucket, keys);
    if (++calls.removals === stop.removal) throw new Error("stopped");
  };
  return { calls, database: { asService }, objects: { remove } };
}

describe.runIf(hasAdminSql())("eraseUser", () => {
  let context: ReturnType<typeof createErasureContext>;
  let bystander: string;

  beforeAll(async () => {
    context = createErasureContext();
    bystander = (await createUser()).id;
    await seedUser(bystander);
  });
  afterAll(() => context.close());

  it("erases every row and object of a deleted user and nothing of another", async () => {
    const userId = await createDeletedUser();
    const result = await eraseUser(context, userId);
    expect(result).toMatchObject({
      userId,
      objects: seededObjects,
      rows: { videos: 1, scenes: 1, jobs: 1, face_profiles: 1, scene_people: 1, consents: 1 },
    });
    await expectNothingLeft(userId);
    await expectUntouched(bystander);
    expect(await readErasure(userId)).toEqual({ state: "completed", finished: true });
  });

  it("finds nothing more on a second run and succeeds", async () => {
    const userId = await createDeletedUser();
    await eraseUser(context, userId);
    const second = await eraseUser(context, userId);
    expect(second.objects).toBe(0);
    expect(Object.values(second.rows).every((count) => count === 0)).toBe(true);
  });

  it("completes when two runs work on the same user at once", async () => {
    const userId = await createDeletedUser();
    await Promise.all([eraseUser(context, userId), eraseUser(context, userId)]);
    await expectNothingLeft(userId);
  });

  it("keeps the audit event but nothing that points to a person", async () => {
    const { id } = await createUser();
    await seedUser(id);
    const marker = crypto.randomUUID();
    await adminSql()`update public.audit_events set event_type = ${marker} where user_id = ${id}`;
    await deleteUserSilently(id);
    await eraseUser(context, id);
    const rows = await adminSql()`
      select user_id, ip_address, user_agent, metadata from public.audit_events
      where event_type = ${marker}
    `;
    expect([...rows]).toEqual([
      { user_id: null, ip_address: null, user_agent: null, metadata: null },
    ]);
  });

  it("refuses a user whose account lives and erases nothing", async () => {
    const { id } = await createUser();
    await seedUser(id);
    await expect(eraseUser(context, id)).rejects.toMatchObject({ code: "user_still_exists" });
    await expectUntouched(id);
    expect(await readErasure(id)).toBeUndefined();
  });

  it("erases a soft-deleted user", async () => {
    const { id } = await createUser();
    await seedUser(id);
    const { error } = await adminClient().auth.admin.deleteUser(id, true);
    expect(error).toBeNull();
    await eraseUser(context, id);
    await expectNothingLeft(id);
  });

  it("refuses an id nobody ever had and writes no tombstone", async () => {
    const userId = crypto.randomUUID();
    await expect(eraseUser(context, userId)).rejects.toMatchObject({ code: "user_not_found" });
    const [row] = await adminSql()`
      select count(*)::int as count from private.erased_users where user_id = ${userId}
    `;
    expect(row).toEqual({ count: 0 });
  });

  it("erases what a user left of whom only rows remain", async () => {
    const userId = crypto.randomUUID();
    await seedUser(userId);
    await eraseUser(context, userId);
    await expectNothingLeft(userId);
  });

  it("leaves an organisation its videos without the name of who uploaded them", async () => {
    const { id: userId } = await createUser();
    const { id: colleague } = await createUser();
    const organizationId = crypto.randomUUID();
    const { videoId } = await seedUser(userId);
    await adminSql().begin(async (sql) => {
      await sql`insert into public.organizations (organization_id, name)
        values (${organizationId}, 'Studio')`;
      await sql`insert into public.organization_members (organization_id, user_id, role)
        values (${organizationId}, ${userId}, 'admin'), (${organizationId}, ${colleague}, 'admin')`;
      await sql`update public.videos set organization_id = ${organizationId}
        where video_id = ${videoId}`;
    });
    await deleteUserSilently(userId);
    await eraseUser(context, userId);
    const videos = await adminSql()`
      select user_id, organization_id from public.videos where video_id = ${videoId}
    `;
    expect([...videos]).toEqual([{ user_id: null, organization_id: organizationId }]);
    const members = await adminSql()`
      select user_id from public.organization_members where organization_id = ${organizationId}
    `;
    expect([...members]).toEqual([{ user_id: colleague }]);
    expect(await listObjectsLeft(userId)).toContain(`uploads/videos/${userId}/${videoId}.mp4`);
  });

  it("stops with storage_unavailable while Storage is away and completes on the next run", async () => {
    const userId = await createDeletedUser();
    const away = { database: context.database, objects: createDeadObjects() };
    await expect(eraseUser(away, userId)).rejects.toMatchObject({ code: "storage_unavailable" });
    expect(await listObjectsLeft(userId)).toHaveLength(seededObjects);
    await eraseUser(context, userId);
    await expectNothingLeft(userId);
  });

  it("is completed by another run wherever the first one was stopped", async () => {
    const whole = stopAt(context, {});
    await eraseUser(whole, await createDeletedUser());
    const stops: Stop[] = [
      ...Array.from({ length: whole.calls.transactions }, (_, i) => ({ transaction: i + 1 })),
      ...Array.from({ length: whole.calls.removals }, (_, i) => ({ removal: i + 1 })),
    ];
    expect(stops.length).toBeGreaterThanOrEqual(11);
    for (const stop of stops) {
      const userId = await createDeletedUser();
      const broken = stopAt(context, stop);
      await expect(eraseUser(broken, userId), JSON.stringify(stop)).rejects.toThrow("stopped");
      await eraseUser(context, userId);
      await expectNothingLeft(userId);
      expect(await readErasure(userId)).toEqual({ state: "completed", finished: true });
    }
    await expectUntouched(bystander);
  }, 120_000);
});

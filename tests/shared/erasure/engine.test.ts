import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ErasureContext, ErasurePoint } from "../../../shared/erasure/context.ts";
import {
  requestErasure,
  runDueErasures,
  runErasure,
  stepNames,
} from "../../../shared/erasure/engine.ts";
import type { Erasure } from "../../../shared/erasure/erasure.ts";
import { releaseErasure, retryErasure } from "../../../shared/erasure/operate.ts";
import {
  keyedSubject,
  openReceiptSigner,
  verifyReceipts,
} from "../../../shared/erasure/receipts/mod.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { adminClient, createUser } from "../../support/users.ts";
import {
  createDeadObjects,
  deleteUserSilently,
  expectNothingLeft,
  expectUntouched,
  later,
  listObjectsLeft,
  openErasures,
  seededObjects,
  seedUser,
  type TestErasures,
} from "./support.ts";

async function createDeletedUser(): Promise<string> {
  const { id } = await createUser();
  await seedUser(id);
  await deleteUserSilently(id);
  return id;
}

async function erase(context: ErasureContext, userId: string): Promise<Erasure> {
  const { erasureId } = await requestErasure(context, { kind: "user", userId, origin: "event" });
  return await runErasure(context, erasureId, later(context));
}

async function readReceipts(erasureId: string): Promise<string[]> {
  const rows = await adminSql()<{ receipt: string }[]>`
    select receipt from private.erasure_receipts where erasure_id = ${erasureId} order by sequence`;
  return rows.map(({ receipt }) => receipt);
}

describe.runIf(hasAdminSql())("runErasure", () => {
  let context: TestErasures;
  let bystander: string;

  beforeAll(async () => {
    context = openErasures();
    bystander = (await createUser()).id;
    await seedUser(bystander);
  });
  afterAll(() => context.close());

  it("erases every row and object of a deleted user, nothing of another, and proves it", async () => {
    const userId = await createDeletedUser();
    const erasure = await erase(context, userId);
    expect(erasure).toMatchObject({ state: "provisional", attempts: 0, lastError: null });
    expect(erasure.countsBefore).toMatchObject({
      tables: { "public.videos": 1, "public.scenes": 1 },
      buckets: { uploads: { objects: 3 }, exports: { objects: 1 } },
    });
    // The stack's own drain may have added the update of a fresh account to the seeded event.
    expect(erasure.countsBefore?.tables["public.audit_events"]).toBeGreaterThanOrEqual(1);
    expect(Object.values(erasure.countsAfter?.tables ?? {}).every((rows) => rows === 0)).toBe(true);
    await expectNothingLeft(userId);
    await expectUntouched(bystander);
    const [receipt = ""] = await readReceipts(erasure.erasureId);
    const { publicKey } = await openReceiptSigner(context.receiptKey);
    const report = await verifyReceipts([receipt], publicKey, { excerpt: true });
    expect(report).toMatchObject({ valid: true, faults: [] });
    expect(receipt).not.toContain(userId);
  });

  it("sweeps what came late and ends final, without the id of the user anywhere", async () => {
    const userId = await createDeletedUser();
    const { erasureId } = await erase(context, userId);
    const late = `videos/${userId}/${crypto.randomUUID()}.mp4`;
    const { error } = await adminClient().storage.from("uploads")
      .upload(late, new Uint8Array(5), { contentType: "video/mp4" });
    expect(error).toBeNull();
    const moved = openErasures();
    moved.moveClock(context.lateSweepSeconds + 1);
    const erasure = await runErasure(moved, erasureId, later(moved));
    await moved.close();
    expect(erasure).toMatchObject({ state: "final", userId: null, lastError: null });
    expect(erasure.countsBefore?.buckets["uploads"]).toMatchObject({ objects: 4 });
    expect(await readReceipts(erasureId)).toHaveLength(2);
    await expectNothingLeft(userId);
    const [left] = await adminSql()`
      select (select count(*)::int from private.erased_users where user_id = ${userId}) as stones,
        (select count(*)::int from private.erasure_objects where erasure_id = ${erasureId}) as keys,
        (select count(*)::int from private.erasures where user_id = ${userId}) as jobs,
        (select count(*)::int from private.erased_users
          where subject = ${erasure.subject ?? ""}) as subjects`;
    expect(left).toEqual({ stones: 0, keys: 0, jobs: 0, subjects: 1 });
  });

  it("does nothing before the late sweep is due", async () => {
    const userId = await createDeletedUser();
    const { erasureId } = await erase(context, userId);
    const again = await runErasure(context, erasureId, later(context));
    expect(again.state).toBe("provisional");
    expect(await readReceipts(erasureId)).toHaveLength(1);
  });

  it("keeps the audit event but nothing that points to a person", async () => {
    const { id } = await createUser();
    await seedUser(id);
    const marker = crypto.randomUUID();
    await adminSql()`
      insert into public.audit_events (user_id, event_type, ip_address, user_agent, metadata)
      values (${id}, ${marker}, '203.0.113.9', 'test', '{"resource": "video"}')`;
    await deleteUserSilently(id);
    await erase(context, id);
    const rows = await adminSql()`
      select user_id, user_subject, ip_address, user_agent, metadata from public.audit_events
      where event_type = ${marker}
    `;
    expect([...rows]).toEqual([{
      user_id: null,
      user_subject: await keyedSubject(context.pseudonymKey, "user", id),
      ip_address: null,
      user_agent: null,
      metadata: null,
    }]);
  });

  it("deletes the shell of a soft deletion and what Supabase Auth logged of the user", async () => {
    const { id } = await createUser();
    await seedUser(id);
    await adminSql()`insert into auth.flow_state
      (id, user_id, auth_code, code_challenge_method, code_challenge, provider_type, authentication_method)
      values (gen_random_uuid(), ${id}, 'x', 's256', 'x', 'email', 'email')`;
    const { error } = await adminClient().auth.admin.deleteUser(id, true);
    expect(error).toBeNull();
    await erase(context, id);
    await expectNothingLeft(id);
    const [left] = await adminSql()`
      select (select count(*)::int from auth.users where id = ${id}) as users,
        (select count(*)::int from auth.flow_state where user_id = ${id}) as flows,
        (select count(*)::int from auth.refresh_tokens where user_id = ${id}) as tokens,
        (select count(*)::int from private.auth_events where user_id = ${id}) as events,
        (select count(*)::int from auth.audit_log_entries
          where strpos(payload::text, ${id}) > 0) as entries`;
    expect(left).toEqual({ users: 0, flows: 0, tokens: 0, events: 0, entries: 0 });
  });

  it("stops with storage_unavailable while Storage is away and completes on the next run", async () => {
    const userId = await createDeletedUser();
    const away: ErasureContext = { ...context, objects: createDeadObjects() };
    await expect(erase(away, userId)).rejects.toMatchObject({ code: "storage_unavailable" });
    const { erasureId, ...failed } = await requestErasure(context, {
      kind: "user",
      userId,
      origin: "event",
    });
    expect(failed).toMatchObject({
      attempts: 0,
      lastError: "storage_unavailable",
      leasedUntil: null,
    });
    expect(await listObjectsLeft(userId)).toHaveLength(seededObjects);
    await runErasure(context, erasureId, later(context));
    await expectNothingLeft(userId);
  });

  it("is completed by another run wherever the first one was stopped", async () => {
    const points = stepNames.flatMap((step): ErasurePoint[] => [`before:${step}`, `after:${step}`]);
    for (const point of points) {
      const userId = await createDeletedUser();
      const broken: ErasureContext = {
        ...context,
        onPoint: (reached) => {
          if (reached === point) throw new Error("stopped");
        },
      };
      await expect(erase(broken, userId), point).rejects.toThrow("stopped");
      const erasure = await erase(context, userId);
      expect(erasure, point).toMatchObject({ state: "provisional" });
      await expectNothingLeft(userId);
      expect(await readReceipts(erasure.erasureId)).toHaveLength(1);
    }
    await expectUntouched(bystander);
  }, 120_000);

  it("stops between two pages at its deadline and goes on from there", async () => {
    const userId = await createDeletedUser();
    const { erasureId } = await requestErasure(context, { kind: "user", userId, origin: "event" });
    let reached = false;
    const slow: ErasureContext = {
      ...context,
      now: () => reached ? later(context) : context.now(),
      onPoint: (point) => {
        reached ||= point === "before:rows";
      },
    };
    const paused = await runErasure(slow, erasureId, new Date(context.now().getTime() + 60_000));
    expect(paused).toMatchObject({
      state: "running",
      step: "rows",
      attempts: 0,
      leasedUntil: null,
    });
    const done = await runErasure(context, erasureId, later(context));
    expect(done.state).toBe("provisional");
    await expectNothingLeft(userId);
  });

  it("goes back for what is written while it runs, and counts it", async () => {
    const userId = await createDeletedUser();
    let written = false;
    const busy: ErasureContext = {
      ...context,
      onPoint: async (point) => {
        if (point !== "before:verify" || written) return;
        written = true;
        await adminSql()`insert into public.consents (user_id, kind, text_version, granted_at)
          select ${userId}, 'face', n::text, now() from generate_series(1, 6) as n`;
        await adminClient().storage.from("exports")
          .upload(`${userId}/late.zip`, new Uint8Array(7), { contentType: "application/zip" });
      },
    };
    const erasure = await erase(busy, userId);
    expect(erasure).toMatchObject({
      state: "provisional",
      countsBefore: { tables: { "public.consents": 7 }, buckets: { exports: { objects: 2 } } },
      countsAfter: { tables: { "public.consents": 0 }, buckets: { exports: { objects: 0 } } },
      erased: { tables: { "public.consents": 7 }, buckets: { exports: { objects: 2 } } },
    });
    await expectNothingLeft(userId);
  });

  it("finds objects by the keys in rows and by their owner, wherever they lie", async () => {
    const { id: userId } = await createUser();
    const { videoId } = await seedUser(userId);
    const put = (bucket: string, key: string, contentType: string) =>
      adminClient().storage.from(bucket).upload(key, new Uint8Array(2), { contentType });
    const recorded = `legacy/${crypto.randomUUID()}.json`;
    const owned = `odd/${crypto.randomUUID()}.mp4`;
    const foreign = `odd/${crypto.randomUUID()}.mp4`;
    await put("sidecars", recorded, "application/json");
    await put("uploads", owned, "video/mp4");
    await put("uploads", foreign, "video/mp4");
    await adminSql()`update public.scenes set sidecar_key = ${recorded} where video_id = ${videoId}`;
    await adminSql()`update storage.objects set owner_id = ${userId} where name = ${owned}`;
    await deleteUserSilently(userId);
    const { erasureId } = await erase(context, userId);
    const reasons = await adminSql()`
      select key, reason from private.erasure_objects
      where erasure_id = ${erasureId} and reason <> 'prefix' and starts_with(key, 'odd/')`;
    expect([...reasons]).toEqual([{ key: owned, reason: "owner" }]);
    const left = await adminSql()`
      select name from storage.objects where name = any(${[recorded, owned, foreign]})`;
    expect([...left]).toEqual([{ name: foreign }]);
  });

  it("takes no object out of another user's folder, whatever a row or Storage says", async () => {
    const { id: otherId } = await createUser();
    const other = await seedUser(otherId);
    const [theirs, sidecar] = [
      `videos/${otherId}/${other.videoId}.mp4`,
      `${otherId}/${other.videoId}.json`,
    ];
    const { id: userId } = await createUser();
    const { videoId } = await seedUser(userId);
    await adminSql()`update public.scenes set sidecar_key = ${sidecar} where video_id = ${videoId}`;
    await adminSql()`
      insert into public.videos (user_id, storage_key, mime_type, size_bytes)
      values (${userId}, ${theirs}, 'video/mp4', 3)`;
    const elsewhere = `organizations/${crypto.randomUUID()}/${crypto.randomUUID()}.mp4`;
    await adminClient().storage.from("uploads").upload(elsewhere, new Uint8Array(2), {
      contentType: "video/mp4",
    });
    await adminSql()`
      insert into public.videos (user_id, storage_key, mime_type, size_bytes)
      values (${userId}, ${elsewhere}, 'video/mp4', 2)`;
    await adminSql()`
      update storage.objects set owner_id = ${userId} where bucket_id = 'thumbnails'
        and starts_with(name, ${`${otherId}/`})`;
    await deleteUserSilently(userId);
    const erasure = await erase(context, userId);
    expect(erasure).toMatchObject({
      state: "provisional",
      countsBefore: { buckets: { uploads: { objects: 3 }, sidecars: { objects: 1 } } },
    });
    await expectNothingLeft(userId);
    await expectUntouched(otherId);
    expect(await adminSql()`select from storage.objects where name = ${elsewhere}`).toHaveLength(1);
  });

  it("lets one process work on a job, and a second one once the first has died", async () => {
    const userId = await createDeletedUser();
    const { erasureId } = await requestErasure(context, { kind: "user", userId, origin: "event" });
    const gate = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const slow: ErasureContext = {
      ...context,
      onPoint: async (point) => {
        if (point !== "before:rows") return;
        arrived.resolve();
        await gate.promise;
      },
    };
    const first = runErasure(slow, erasureId, later(context));
    await arrived.promise;
    const second = await runErasure(context, erasureId, later(context));
    expect(second).toMatchObject({ state: "running", step: "rows" });

    const heir = openErasures();
    heir.moveClock(120);
    const third = await runErasure(heir, erasureId, later(heir));
    expect(third.state).toBe("provisional");
    gate.resolve();
    // The first process finds that it lost the job and touches nothing more.
    expect((await first).state).toBe("provisional");
    await heir.close();
    expect(await readReceipts(erasureId)).toHaveLength(1);
    await expectNothingLeft(userId);
  });
});

describe.runIf(hasAdminSql())("requestErasure", () => {
  let context: TestErasures;
  beforeAll(() => {
    context = openErasures();
  });
  afterAll(() => context.close());

  it("refuses a user whose account lives and writes nothing", async () => {
    const { id: userId } = await createUser();
    await seedUser(userId);
    await expect(requestErasure(context, { kind: "user", userId, origin: "webhook" }))
      .rejects.toMatchObject({ code: "user_still_exists" });
    await expectUntouched(userId);
    expect(await adminSql()`select from private.erasures where user_id = ${userId}`).toHaveLength(
      0,
    );
  });

  it("refuses an id nobody ever had and writes no tombstone", async () => {
    const userId = crypto.randomUUID();
    await expect(requestErasure(context, { kind: "user", userId, origin: "webhook" }))
      .rejects.toMatchObject({ code: "user_not_found" });
    expect(await adminSql()`select from private.erased_users where user_id = ${userId}`)
      .toHaveLength(0);
  });

  it("erases what a user left of whom only rows remain", async () => {
    const userId = crypto.randomUUID();
    await seedUser(userId);
    await erase(context, userId);
    await expectNothingLeft(userId);
  });

  it("joins the open job, whatever road comes second", async () => {
    const userId = await createDeletedUser();
    const both = await Promise.all(
      (["event", "webhook"] as const).map((origin) =>
        requestErasure(context, { kind: "user", userId, origin })
      ),
    );
    expect(new Set(both.map(({ erasureId }) => erasureId)).size).toBe(1);
  });

  it("gives a final erasure back, and opens a new one when a restore brought rows again", async () => {
    const userId = await createDeletedUser();
    const { erasureId } = await erase(context, userId);
    const moved = openErasures();
    moved.moveClock(context.lateSweepSeconds + 1);
    await runErasure(moved, erasureId, later(moved));
    await moved.close();
    const request = { kind: "user", userId, origin: "reapply" } as const;
    expect(await requestErasure(context, request)).toMatchObject({ erasureId, state: "final" });
    await seedUser(userId);
    const second = await erase(context, userId);
    expect(second).toMatchObject({ state: "provisional" });
    expect(second.erasureId).not.toBe(erasureId);
    await expectNothingLeft(userId);
  });

  it("holds what comes on top of the hourly limit until an operator releases it", async () => {
    const userId = await createDeletedUser();
    const careful: ErasureContext = { ...context, erasuresPerHour: 0 };
    const held = await requestErasure(careful, { kind: "user", userId, origin: "event" });
    expect(held.state).toBe("held");
    expect((await runErasure(context, held.erasureId, later(context))).state).toBe("held");
    expect((await listObjectsLeft(userId)).length).toBe(seededObjects);
    await expect(retryErasure(context, held.erasureId)).rejects.toMatchObject({
      code: "erasure_state_conflict",
    });
    expect(await releaseErasure(context, held.erasureId)).toMatchObject({ state: "pending" });
    await runErasure(context, held.erasureId, later(context));
    await expectNothingLeft(userId);
    await expect(releaseErasure(context, held.erasureId)).rejects.toMatchObject({
      code: "erasure_state_conflict",
    });
  });

  it("gives up after twelve failures that are no outage, until an operator retries", async () => {
    const userId = await createDeletedUser();
    const { erasureId } = await requestErasure(context, { kind: "user", userId, origin: "event" });
    const broken: ErasureContext = {
      ...context,
      onPoint: () => Promise.reject(new Error("broken")),
    };
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 12; attempt++) {
      await expect(runErasure(broken, erasureId, later(context))).rejects.toThrow("broken");
      const [row] = await adminSql()<{ state: string; next_attempt_at: Date }[]>`
        select state, next_attempt_at from private.erasures where erasure_id = ${erasureId}`;
      expect(row?.state).toBe(attempt < 12 ? "running" : "dead");
      waits.push(((row?.next_attempt_at.getTime() ?? 0) - context.now().getTime()) / 1000);
    }
    expect(waits[0]).toBeLessThanOrEqual(30);
    expect(waits[11]).toBeGreaterThan(1500);
    expect(waits[11]).toBeLessThanOrEqual(3600);
    expect((await runErasure(context, erasureId, later(context))).state).toBe("dead");
    expect(await retryErasure(context, erasureId)).toMatchObject({ state: "pending", attempts: 0 });
    await runErasure(context, erasureId, later(context));
    await expectNothingLeft(userId);
  });

  it("does not give up over outages, however many there were", async () => {
    const userId = await createDeletedUser();
    const { erasureId } = await requestErasure(context, { kind: "user", userId, origin: "event" });
    const failing = (error: Error): ErasureContext => ({
      ...context,
      onPoint: () => Promise.reject(error),
    });
    for (let outage = 1; outage <= 13; outage++) {
      await expect(
        runErasure(failing(new AppError("storage_unavailable")), erasureId, later(context)),
      ).rejects.toMatchObject({ code: "storage_unavailable" });
    }
    await expect(runErasure(failing(new Error("broken")), erasureId, later(context)))
      .rejects.toThrow("broken");
    const [row] = await adminSql()`
      select state, attempts from private.erasures where erasure_id = ${erasureId}`;
    expect(row).toEqual({ state: "running", attempts: 1 });
    await runErasure(context, erasureId, later(context));
    await expectNothingLeft(userId);
  });

  it("is held when a restore brought the account back before the late sweep", async () => {
    const userId = await createDeletedUser();
    const { erasureId } = await erase(context, userId);
    await adminSql()`insert into auth.users (id, email) values (${userId}, ${`${userId}@example.test`})`;
    await seedUser(userId);
    const moved = openErasures();
    moved.moveClock(context.lateSweepSeconds + 1);
    await expect(runErasure(moved, erasureId, later(moved))).rejects.toMatchObject({
      code: "user_still_exists",
    });
    await moved.close();
    await expectUntouched(userId);
    const [row] = await adminSql()`
      select state, last_error from private.erasures where erasure_id = ${erasureId}`;
    expect(row).toEqual({ state: "held", last_error: "user_still_exists" });
  });

  it("brings a scheduled deletion forward once the account is gone", async () => {
    const { id: userId } = await createUser();
    await seedUser(userId);
    const inAWeek = new Date(context.now().getTime() + 7 * 86_400_000);
    await adminSql()`
      insert into private.erasures (kind, user_id, origin, state, effective_at, next_attempt_at)
      values ('user', ${userId}, 'account', 'scheduled', ${inAWeek}, ${inAWeek})`;
    await deleteUserSilently(userId);
    const erasure = await erase(context, userId);
    expect(erasure).toMatchObject({ origin: "account", state: "provisional" });
    await expectNothingLeft(userId);
  });
});

describe.runIf(hasAdminSql())("an erasure of kind person", () => {
  let context: TestErasures;
  beforeAll(() => {
    context = openErasures();
  });
  afterAll(() => context.close());

  it("removes one person and nothing else of the user, sweeps late photos, and proves both", async () => {
    const { id: userId } = await createUser();
    const { personId } = await seedUser(userId);
    const other = await seedPerson(userId, "Grace");
    const { erasureId } = await requestErasure(context, {
      kind: "person",
      userId,
      personId,
      origin: "person",
    });
    const first = await runErasure(context, erasureId, later(context));
    expect(first).toMatchObject({
      state: "provisional",
      countsBefore: {
        tables: { "public.face_profiles": 1, "public.scene_people": 1 },
        buckets: { uploads: { objects: 1 } },
      },
      countsAfter: { tables: { "public.face_profiles": 0, "public.scene_people": 0 } },
    });
    expect((await listObjectsLeft(userId)).filter((key) => key.includes(personId))).toEqual([]);
    const late = `faces/${userId}/${personId}/photo_20260102030405679-0123abcd.png`;
    await adminClient().storage.from("uploads").upload(late, new Uint8Array(4), {
      contentType: "image/png",
    });
    const moved = openErasures();
    moved.moveClock(context.lateSweepSeconds + 1);
    const last = await runErasure(moved, erasureId, later(moved));
    await moved.close();
    expect(last).toMatchObject({ state: "final", userId: null, personId: null });
    expect(await readReceipts(erasureId)).toHaveLength(2);
    expect((await listObjectsLeft(userId)).filter((key) => key.includes(personId))).toEqual([]);
    expect((await listObjectsLeft(userId)).length).toBe(seededObjects);
    const left = await adminSql()`
      select person_id from public.face_profiles where user_id = ${userId}`;
    expect([...left]).toEqual([{ person_id: other }]);
    expect(await adminSql()`select from private.erased_users where user_id = ${userId}`)
      .toHaveLength(0);
  });

  it("ends with the erasure of its user, ids included", async () => {
    const { id: userId } = await createUser();
    const { personId } = await seedUser(userId);
    const person = await requestErasure(context, {
      kind: "person",
      userId,
      personId,
      origin: "person",
    });
    await runErasure(context, person.erasureId, later(context));
    await deleteUserSilently(userId);
    const { erasureId } = await erase(context, userId);
    const moved = openErasures();
    moved.moveClock(context.lateSweepSeconds + 1);
    await runErasure(moved, erasureId, later(moved));
    await moved.close();
    const [row] = await adminSql()`
      select user_id, person_id, state from private.erasures
      where erasure_id = ${person.erasureId}`;
    expect(row).toEqual({ user_id: null, person_id: null, state: "cancelled" });
  });

  async function seedPerson(userId: string, name: string): Promise<string> {
    const personId = crypto.randomUUID();
    const photo = `faces/${userId}/${personId}/photo_20260102030405678-0123abcd.png`;
    await adminSql()`insert into public.face_profiles (person_id, user_id, name, photo_keys)
      values (${personId}, ${userId}, ${name}, array[${photo}])`;
    await adminClient().storage.from("uploads").upload(photo, new Uint8Array(4), {
      contentType: "image/png",
    });
    return personId;
  }
});

describe.runIf(hasAdminSql())("runDueErasures", () => {
  // The clock is the real one: what else is due here is the business of the stack's own drain too.
  const context = openErasures({ now: () => new Date() });
  afterAll(() => context.close());

  it("deletes the account of a scheduled erasure whose time has come, and erases", async () => {
    const { id: userId } = await createUser();
    await seedUser(userId);
    // Its other admin has gone meanwhile: that neither holds the erasure up nor promotes anybody.
    const organization = crypto.randomUUID();
    await adminSql()`insert into public.organizations (organization_id, name)
      values (${organization}, 'Harbour Watch')`;
    await adminSql()`insert into public.organization_members (organization_id, user_id, role)
      values (${organization}, ${userId}, 'admin'), (${organization}, ${organization}, 'member')`;
    await adminSql()`
      insert into private.erasures (kind, user_id, origin, state)
      values ('user', ${userId}, 'account', 'scheduled')`;
    const read = async () => {
      await runDueErasures(context, later(context));
      const [row] = await adminSql()`
        select state, origin from private.erasures where user_id = ${userId}`;
      return row;
    };
    await expect.poll(read, { timeout: 20_000 }).toEqual({
      state: "provisional",
      origin: "account",
    });
    await expectNothingLeft(userId);
    expect(await adminSql()`select from auth.users where id = ${userId}`).toHaveLength(0);
    const members = await adminSql()`
      delete from public.organization_members where organization_id = ${organization}
      returning user_id, role`;
    expect([...members]).toEqual([{ user_id: organization, role: "member" }]);
    await adminSql()`delete from public.organizations where organization_id = ${organization}`;
  });

  it("keeps a scheduled erasure while Supabase Auth is away", async () => {
    const { id: userId } = await createUser();
    const ahead = openErasures();
    // First in line, and not due by the clock of the stack's own drain.
    await adminSql()`
      insert into private.erasures (kind, user_id, origin, state, effective_at, next_attempt_at)
      values ('user', ${userId}, 'account', 'scheduled', ${ahead.now()}, '1999-12-31')`;
    const deps = depsWith({ environment: withOutage("supabase") });
    const away: ErasureContext = { ...ahead, auth: deps.auth };
    const result = await runDueErasures(away, later(away));
    expect(result.failed).toBeGreaterThan(0);
    const [row] = await adminSql()`
      select state, attempts, last_error, leased_until from private.erasures
      where user_id = ${userId}`;
    expect(row).toEqual({
      state: "scheduled",
      attempts: 0,
      last_error: "auth_unavailable",
      leased_until: null,
    });
    await adminSql()`update private.erasures set state = 'cancelled' where user_id = ${userId}`;
    await Promise.all([ahead.close(), deps.database.close()]);
  });
});

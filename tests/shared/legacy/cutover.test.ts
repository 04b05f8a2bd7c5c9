import { beforeEach, describe, expect, test } from "vitest";
import { pushMigrations } from "../../../cli/push-migrations.ts";
import { cutOver } from "../../../shared/legacy/cutover/cutover.ts";
import {
  cutOverNow,
  everybody,
  expectLegacyRows,
  listKeys,
  movingTimeout,
  people,
  pushAlone,
  storeObjects,
  thingOf,
  useMovingWorld,
  verifyNow,
  videoKeyOf,
} from "./support/moving-world.ts";

const moving = useMovingWorld();
const { ann, cid, dan } = people;

/** Expects a refusal before anything was changed, shadow columns and progress included. */
async function expectRefusal(words: RegExp): Promise<void> {
  const refused = cutOver(moving.ctx, { push: () => Promise.reject(new Error("pushed")) });
  await expect(refused).rejects.toMatchObject({
    name: "LegacyError",
    kind: "refused",
    message: expect.stringMatching(words),
  });
  const [state] = await moving.sql`
    select private.has_column('public.videos', 'supabase_user_id') as prepared,
      (select count(*)::int from private.legacy_fills) as fills`;
  expect(state).toEqual({ prepared: false, fills: 0 });
}

/** The owner of each video, by video. */
async function readOwners(): Promise<Record<string, string>> {
  const rows = await moving.sql<{ video_id: string; user_id: string }[]>`
    select video_id, user_id from public.videos`;
  return Object.fromEntries(rows.map((row) => [row.video_id, row.user_id]));
}

const newOwners = Object.fromEntries(
  everybody.map((owner) => [thingOf(owner), owner.supabaseId]),
);

async function expectCutOver(): Promise<void> {
  expect(await readOwners()).toEqual(newOwners);
  const uploads = everybody.flatMap((owner) => [
    `faces/${owner.supabaseId}/${thingOf(owner)}/1.jpg`,
    `videos/${owner.supabaseId}/${thingOf(owner)}.mp4`,
  ]);
  expect(await listKeys(moving, "uploads")).toEqual(uploads.sort());
  const named = await moving.sql<{ storage_key: string; photo_keys: string[] }[]>`
    select v.storage_key, p.photo_keys
    from public.videos as v join public.face_profiles as p on p.person_id = v.video_id`;
  for (const { storage_key, photo_keys } of named) {
    expect(uploads).toContain(storage_key);
    expect(uploads).toContain(photo_keys[0]);
    expect(photo_keys[1]).toBe(photo_keys[0]?.replace("1.jpg", "2.jpg"));
  }
}

describe("a cutover", { timeout: movingTimeout }, () => {
  beforeEach(() => storeObjects(moving));

  test("gives every row and object its new owner", async () => {
    const steps: string[] = [];
    const report = await cutOver(moving.ctx, {
      push: () => pushAlone(moving),
      batchRows: 2,
      onProgress: (phase) => void (steps.at(-1) === phase || steps.push(phase)),
    });
    expect(report).toMatchObject({
      removed: true,
      users: 4,
      objects: { moved: 16, missing: 3, failed: [] },
      erasures: { released: 0, held: 0 },
    });
    expect(steps).toEqual(["fill", "indexes", "push", "objects"]);
    await expectCutOver();
    expect(await listKeys(moving, "thumbnails")).toContain(`${ann.supabaseId}/left-behind.jpg`);
    // Cid's cover lay where Dan's belongs now.
    expect(await listKeys(moving, "thumbnails")).toEqual(
      expect.arrayContaining([`${dan.supabaseId}/cover.jpg`, `${cid.supabaseId}/cover.jpg`]),
    );
    const [rows] = await moving.sql`
      select count(*)::int as words from public.scenes
      where words @@ websearch_to_tsquery('simple', 'running')
        and user_id = any(${everybody.map((one) => one.supabaseId)}::uuid[])`;
    expect(rows).toEqual({ words: 4 });
  });

  test("run again finds nothing left to do", async () => {
    await cutOverNow(moving);
    const again = await cutOverNow(moving);
    expect(again).toMatchObject({ removed: false, users: 4, objects: { moved: 0, failed: [] } });
    expect(again.fill).toBeUndefined();
    await expectCutOver();
  });

  test("takes up a removal that was pushed alone", async () => {
    await pushAlone(moving);
    expect(await readOwners()).toEqual(newOwners);
    expect(await listKeys(moving, "uploads")).toContain(videoKeyOf(ann));
    expect(await cutOverNow(moving)).toMatchObject({ removed: false, objects: { moved: 16 } });
    await expectCutOver();
  });

  test("goes on after it broke off in the fill and before the push", async () => {
    let batches = 0;
    const broken = cutOver(moving.ctx, {
      push: () => pushAlone(moving),
      batchRows: 1,
      onProgress: () => {
        if (++batches === 7) throw new Error("broken off");
      },
    });
    await expect(broken).rejects.toThrow("broken off");
    const unpushed = cutOver(moving.ctx, {
      push: () => Promise.reject(new Error("no push")),
      batchRows: 1,
    });
    await expect(unpushed).rejects.toThrow("no push");
    expect(await cutOverNow(moving)).toMatchObject({ removed: true, fill: { readRows: 46 } });
    await expectCutOver();
  });

  test("builds an index anew that a killed run left broken", async () => {
    await moving.sql`select private.prepare_legacy_owners()`;
    await moving
      .sql`create index idx_audit_events_user_id_next on public.audit_events (supabase_user_id)`;
    await moving.world.sql()`
      update pg_index set indisvalid = false
      where indexrelid = 'public.idx_audit_events_user_id_next'::regclass`;
    await cutOverNow(moving);
    const [index] = await moving.sql`
      select i.indisvalid as valid, pg_get_indexdef(i.indexrelid) as definition
      from pg_index as i where i.indexrelid = 'public.idx_audit_events_user_id'::regclass`;
    expect(index).toEqual({
      valid: true,
      definition: expect.stringContaining("user_id, event_id"),
    });
  });

  test("is done when the push of a killed run got there first", async () => {
    const report = await cutOver(moving.ctx, {
      push: async () => {
        await pushAlone(moving);
        throw new Error("the connection broke");
      },
    });
    expect(report).toMatchObject({ users: 4, objects: { moved: 16 } });
    await expectCutOver();
  });

  test("tells two processes apart", async () => {
    let second: Promise<unknown> | undefined;
    await cutOver(moving.ctx, {
      push: async () => {
        const [row] = await moving.sql<{ taken: boolean }[]>`
          select pg_try_advisory_lock(hashtextextended('heimdex:legacy', 0)) as taken`;
        expect(row?.taken).toBe(false);
        second = cutOverNow(moving);
        await pushAlone(moving);
      },
    });
    expect(await second).toMatchObject({ removed: false });
  });
});

describe("a cutover is refused", { timeout: movingTimeout }, () => {
  test("without a verification", async () => {
    await moving.world.sql()`delete from private.legacy_verifications`;
    await expectRefusal(
      /^Cannot cut over: the move was never verified: run "heimdex legacy verify"/,
    );
  });

  test("when the last verification did not pass", async () => {
    await verifyNow(moving.world.sql(), false);
    await expectRefusal(/the last verification did not pass/);
  });

  test.each([
    ["a changed user", "update public.users set display_name = 'New'"],
    [
      "a new user",
      `with u as (insert into public.users (email) values ('new@example.test') returning user_id)
        insert into private.legacy_exports (legacy_user_id, supabase_user_id, origin)
        select user_id, user_id, 'created' from u`,
    ],
    [
      "a new video",
      `insert into public.videos (user_id, storage_key, mime_type, size_bytes)
        values ('${ann.legacyId}', 'k', 'video/mp4', 1)`,
    ],
    ["a deleted person", "delete from public.scene_people"],
  ])("after %s since the verification", async (_, write) => {
    await moving.world.sql().unsafe(write);
    await expectRefusal(/the legacy application has written since the last verification \(/);
  });

  test("while a user is not exported, or failed", async () => {
    await moving.world.sql()`insert into public.users (email) values ('new@example.test')`;
    await verifyNow(moving.world.sql());
    await expectRefusal(/1 of 5 legacy users are not exported .* "heimdex legacy export"/);
    await moving.world.sql()`
      insert into private.legacy_failures (legacy_user_id, cause, detail)
      values (${ann.legacyId}, 'email_taken', 'decide')`;
    await expectRefusal(/1 legacy users could not be exported/);
  });

  test("while loaded rows cannot be compared with the database they came from", async () => {
    await moving.world.sql()`
      insert into private.legacy_loads (relation, rows, fingerprint) values ('users', 4, 'x')`;
    await expectRefusal(/set LEGACY_DATABASE_URL. Nothing was changed$/);
  });

  test("while two people of one name are undecided", async () => {
    await moving.world.sql()`delete from private.legacy_decisions`;
    await expectRefusal(/4 names of people occur twice .* decide person_names/);
  });

  test("while the owner of a video is unknown, until that is decided", async () => {
    const unknown = "ffffffff-0000-4000-8000-000000000001";
    await moving.world.sql().begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`insert into public.videos (user_id, storage_key, mime_type, size_bytes)
        values (${unknown}, 'k', 'video/mp4', 1)`;
    });
    await verifyNow(moving.world.sql());
    await expectRefusal(/1 owners of videos or people are in no users row .* unknown_owner/);
    await moving.world.sql()`
      insert into private.legacy_decisions (kind, subject, action)
      values ('unknown_owner', ${unknown}, 'keep')`;
    await cutOverNow(moving);
    expect(Object.values(await readOwners())).toContain(unknown);
  });

  test("by the migration itself, in its words", async () => {
    const stale = cutOver(moving.ctx, {
      push: async () => {
        await moving.world.sql()`update public.users set display_name = 'New'`;
        await pushMigrations(moving.world.stack.databaseUrl);
      },
    });
    await expect(stale).rejects.toMatchObject({
      kind: "refused",
      message: expect.stringMatching(
        /^Cannot remove the users tables: the legacy application has written .*Nothing was changed$/,
      ),
    });
    await moving.world.sql()`update public.users set display_name = null`;
    await moving.sql`select private.discard_legacy_owners()`;
    await expectLegacyRows(moving);
  });
});

describe("erasures that were held for the cutover", { timeout: movingTimeout }, () => {
  async function askForErasure(userId: string, minutesAgo: number): Promise<void> {
    await moving.world.sql()`
      insert into private.erasures (kind, user_id, subject, origin, state, requested_at, effective_at)
      values ('user', ${userId}, ${crypto.randomUUID()}, 'event', 'held',
        now() - make_interval(mins => ${minutesAgo}), now() - make_interval(mins => ${minutesAgo}))`;
  }

  test("begin after it, as many as may begin within an hour", async () => {
    await askForErasure(ann.supabaseId, 120);
    await askForErasure(cid.supabaseId, 10);
    await askForErasure(dan.supabaseId, 5);
    const report = await cutOver({ ...moving.ctx, erasuresPerHour: 1 }, {
      push: () => pushAlone(moving),
    });
    expect(report.erasures).toEqual({ released: 2, held: 1 });
    const states = await moving.sql`
      select user_id, state from private.erasures order by requested_at`;
    expect(states).toEqual([
      { user_id: ann.supabaseId, state: "pending" },
      { user_id: cid.supabaseId, state: "pending" },
      { user_id: dan.supabaseId, state: "held" },
    ]);
  });

  test("stay held when the cutover is refused", async () => {
    await askForErasure(ann.supabaseId, 10);
    await verifyNow(moving.world.sql(), false);
    await expectRefusal(/did not pass/);
    expect(await moving.sql`select state from private.erasures`).toEqual([{ state: "held" }]);
  });
});

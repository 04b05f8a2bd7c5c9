import { beforeEach, describe, expect, test } from "vitest";
import { listMigrationVersions } from "../../../cli/push-migrations.ts";
import { runDueErasures } from "../../../shared/erasure/engine.ts";
import { createErasureContext } from "../../../shared/erasure/context.ts";
import { requestErasure } from "../../../shared/erasure/request.ts";
import { readEnv } from "../../../shared/env.ts";
import { createDeps } from "../../../shared/http/deps.ts";
import { cutOver } from "../../../shared/legacy/cutover/cutover.ts";
import { rollBack, type RollbackReport } from "../../../shared/legacy/rollback/rollback.ts";
import { restoreUsersTables } from "../../../shared/legacy/rollback/restore-users-tables.ts";
import { hashRows } from "../../legacy/support/rows.ts";
import { dumpCatalogue } from "../../migrations/support/catalogue.ts";
import { applyMigration, readMigrations, startServer } from "../../migrations/support/database.ts";
import {
  cutOverNow,
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
import { isLongRun } from "../../support/size.ts";

const moving = useMovingWorld();
const { ann, bob, cid, dan } = people;
const buckets = ["uploads", "thumbnails", "sidecars"];

async function rollBackNow(): Promise<RollbackReport> {
  return await rollBack(moving.ctx, { knownVersions: await listMigrationVersions() });
}

async function listAll(): Promise<string[][]> {
  return await Promise.all(buckets.map((bucket) => listKeys(moving, bucket)));
}

async function versions(): Promise<string[]> {
  const rows = await moving.sql<{ version: string }[]>`
    select version from supabase_migrations.schema_migrations order by version`;
  return rows.map(({ version }) => version);
}

describe("a rollback of what was not cut over", { timeout: movingTimeout }, () => {
  test("leaves a project alone in which nothing was prepared", async () => {
    const shape = await dumpCatalogue(moving.world.sql());
    expect(await rollBackNow()).toEqual({ from: "filled", accounts: 4 });
    expect(await dumpCatalogue(moving.world.sql())).toEqual(shape);
    await expectLegacyRows(moving);
  });

  test("takes away what a broken cutover had prepared", async () => {
    const shape = await dumpCatalogue(moving.world.sql());
    const broken = cutOver(moving.ctx, { push: () => Promise.reject(new Error("no push")) });
    await expect(broken).rejects.toThrow("no push");
    expect(await dumpCatalogue(moving.world.sql())).not.toEqual(shape);
    await expectLegacyRows(moving);

    expect(await rollBackNow()).toEqual({ from: "filled", accounts: 4 });
    expect(await dumpCatalogue(moving.world.sql())).toEqual(shape);
    await expectLegacyRows(moving);
    await expect(cutOverNow(moving)).rejects.toThrow("not verified since");
    await verifyNow(moving.sql);
    expect(await cutOverNow(moving)).toMatchObject({ removed: true });
  });
});

describe("a rollback of a cutover", { timeout: movingTimeout }, () => {
  beforeEach(() => storeObjects(moving));

  test("brings back every row, object and rule, and the way forward again", async () => {
    const before = {
      shape: await dumpCatalogue(moving.world.sql()),
      objects: await listAll(),
      versions: await versions(),
    };
    for (let round = 0; round < 2; round++) {
      await verifyNow(moving.sql);
      await cutOverNow(moving);
      expect(await listAll()).not.toEqual(before.objects);
      expect(await rollBackNow()).toMatchObject({
        from: "removed",
        objects: { moved: 16, missing: 3, failed: [] },
        users: { added: 0, withoutEmail: 0 },
        tables: { unvalidated: [], unowned: false },
      });
      await expectLegacyRows(moving);
      expect(await dumpCatalogue(moving.world.sql())).toEqual(before.shape);
      expect(await listAll()).toEqual(before.objects);
      expect(await versions()).toEqual(before.versions);
      const left = await moving.sql`
        select (select count(*)::int from private.legacy_object_moves) as moves,
          (select count(*)::int from private.legacy_renames) as renames,
          (select count(*)::int from private.legacy_removals) as removals,
          (select count(*)::int from private.legacy_exports) as exports`;
      expect(left).toEqual([{ moves: 0, renames: 0, removals: 0, exports: 4 }]);
    }
  });

  test("works where the removal was pushed alone", async () => {
    await pushAlone(moving);
    expect(await rollBackNow()).toMatchObject({ from: "removed", objects: { moved: 0 } });
    await expectLegacyRows(moving);
  });

  test("keeps the foreign keys open for owners whom nobody knows", async () => {
    const unknown = "ffffffff-0000-4000-8000-000000000001";
    await moving.world.sql().begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`insert into public.videos (user_id, storage_key, mime_type, size_bytes)
        values (${unknown}, 'k', 'video/mp4', 1)`;
    });
    await moving.world.sql()`
      insert into private.legacy_decisions (kind, subject, action)
      values ('unknown_owner', '*', 'keep')`;
    await verifyNow(moving.world.sql());
    const before = await hashRows(moving.world.sql());
    await cutOverNow(moving);
    expect(await rollBackNow()).toMatchObject({ tables: { unvalidated: ["videos"] } });
    expect(await hashRows(moving.world.sql())).toEqual(before);
  });

  test("gives who registered since a users row, and the rows of everybody their owner", async () => {
    await cutOverNow(moving);
    const { data: eve } = await moving.admin.auth.admin.createUser({
      email: "eve@example.test",
      email_confirm: true,
      user_metadata: { display_name: "Eve", email_consent: true },
      app_metadata: { tier: "enterprise" },
    });
    // Ann's legacy id is free in Supabase Auth, and somebody gets it.
    await moving.admin.auth.admin.createUser({ id: ann.legacyId, email: "ann2@example.test" });
    const { data: twin } = await moving.admin.auth.admin.createUser({ email: "x@example.test" });
    await moving.world.sql()`
      update auth.users set email = 'BOB@example.test' where id = ${twin.user?.id ?? null}`;
    const owners = [eve.user?.id ?? "", ann.legacyId, ann.supabaseId];
    for (const owner of owners) {
      await moving.world
        .sql()`insert into public.videos (user_id, storage_key, mime_type, size_bytes)
        values (${owner}, ${`videos/${owner}/new.mp4`}, 'video/mp4', 1)`;
    }
    // Single sign-on lets two accounts have one address.
    await moving.world.sql()`
      insert into auth.users (id, email, is_sso_user, created_at)
      values (gen_random_uuid(), 'Eve@example.test', true, now() + interval '1 second')`;
    expect(await rollBackNow()).toMatchObject({ users: { added: 4, withoutEmail: 2 } });
    const videos = await moving.sql`
      select v.storage_key, u.supabase_user_id, u.user_id = u.supabase_user_id as same_id
      from public.videos as v join public.users as u on u.user_id = v.user_id
      where v.storage_key like '%new.mp4' order by v.created_at`;
    expect(videos).toEqual([
      { storage_key: `videos/${owners[0]}/new.mp4`, supabase_user_id: owners[0], same_id: true },
      { storage_key: `videos/${owners[1]}/new.mp4`, supabase_user_id: owners[1], same_id: false },
      { storage_key: `videos/${owners[2]}/new.mp4`, supabase_user_id: owners[2], same_id: false },
    ]);
    const [row] = await moving.sql`
      select email, email_verified, password_hash, display_name, tier, email_consent
      from public.users where user_id = ${owners[0] ?? null}`;
    expect(row).toEqual({
      email: "eve@example.test",
      email_verified: true,
      password_hash: null,
      display_name: "Eve",
      tier: "enterprise",
      email_consent: true,
    });
    const after = await hashRows(moving.world.sql());
    for (const table of ["users", "videos", "face_profiles"]) {
      expect(after[table]).toMatchObject(moving.before[table] ?? {});
    }
  });

  test("leaves erased users erased", async () => {
    await cutOverNow(moving);
    const erasures = createErasureContext(createDeps(readEnv(moving.world.stack.environment)));
    for (const { supabaseId } of [ann, cid]) {
      await moving.admin.auth.admin.deleteUser(supabaseId);
    }
    await expect(rollBackNow()).rejects.toMatchObject({
      kind: "refused",
      message: expect.stringMatching(/^2 legacy users were deleted in Supabase Auth since/),
    });
    for (const { supabaseId } of [ann, cid]) {
      await requestErasure(erasures, { kind: "user", userId: supabaseId, origin: "event" });
    }
    await expect(rollBackNow()).rejects.toMatchObject({
      kind: "refused",
      message: expect.stringMatching(/2 erasures are under way: run "heimdex erasure run"/),
    });
    expect(await runDueErasures(erasures, new Date(Date.now() + 60_000)))
      .toMatchObject({ provisional: 2 });
    await rollBackNow();

    const after = await hashRows(moving.world.sql());
    const remaining = [bob, dan].map(({ legacyId }) => legacyId).sort();
    expect(Object.keys(after.users ?? {})).toEqual(remaining);
    expect(Object.keys(after.videos ?? {})).toEqual([thingOf(bob), thingOf(dan)]);
    for (const table of ["users", "videos", "scenes", "face_profiles", "rate_limits"]) {
      expect(moving.before[table]).toMatchObject(after[table] ?? {});
    }
    const keys = (await listAll()).flat();
    expect(keys.filter((key) => key.includes(thingOf(ann)) || key.includes(thingOf(cid)))).toEqual(
      [],
    );
    expect(keys).toContain(videoKeyOf(dan));
    const [held] = await moving.sql`
      select count(*)::int as maps from private.legacy_exports
      where legacy_user_id in (${ann.legacyId}, ${cid.legacyId})`;
    expect(held).toEqual({ maps: 0 });
  });

  test("holds new erasures again", async () => {
    await cutOverNow(moving);
    await rollBackNow();
    const erasures = createErasureContext(createDeps(readEnv(moving.world.stack.environment)));
    await moving.admin.auth.admin.deleteUser(bob.supabaseId);
    expect(
      await requestErasure(erasures, { kind: "user", userId: bob.supabaseId, origin: "event" }),
    ).toMatchObject({ state: "held" });
  });

  test("keeps a video without an owner that its organisation has", async () => {
    await cutOverNow(moving);
    await moving.world.sql()`
      with o as (insert into public.organizations (name) values ('Choir') returning organization_id)
      update public.videos as v set organization_id = o.organization_id, user_id = null
      from o where v.video_id = ${thingOf(dan)}`;
    expect(await rollBackNow()).toMatchObject({ tables: { unowned: true } });
    expect(await moving.sql`select user_id from public.videos where video_id = ${thingOf(dan)}`)
      .toEqual([{ user_id: null }]);
  });
});

describe("a rollback is refused", { timeout: movingTimeout }, () => {
  test("at a migration that it does not know", async () => {
    await cutOverNow(moving);
    await moving.world.sql()`
      insert into supabase_migrations.schema_migrations (version) values ('20280101000000')`;
    await expect(rollBackNow()).rejects.toMatchObject({
      kind: "refused",
      message: expect.stringMatching(/does not know \(20280101000000\)/),
    });
  });

  test("while an account is deleted and its rows are not erased", async () => {
    await cutOverNow(moving);
    const gone = crypto.randomUUID();
    await moving.world.sql()`insert into public.videos (user_id, storage_key, mime_type, size_bytes)
      values (${gone}, 'k', 'video/mp4', 1)`;
    await expect(rollBackNow()).rejects.toMatchObject({
      kind: "refused",
      message: expect.stringMatching(/1 owners .* were deleted in Supabase Auth/),
    });
    const [state] = await moving.sql`
      select to_regclass('legacy_archive.users') is not null as archived`;
    expect(state).toEqual({ archived: true });
    await moving.world.sql()`delete from public.videos where user_id = ${gone}`;
    await rollBackNow();
    await expectLegacyRows(moving);
  });

  // It waits ten seconds for the lock.
  test.runIf(isLongRun)("while somebody uses the tables", async () => {
    await cutOverNow(moving);
    const waiting = await moving.world.sql().reserve();
    await waiting`begin`;
    await waiting`select count(*) from public.videos`;
    try {
      await expect(rollBackNow()).rejects.toMatchObject({
        kind: "refused",
        message: expect.stringMatching(/in use by a long transaction/),
      });
    } finally {
      await waiting`rollback`;
      waiting.release();
    }
    await rollBackNow();
    await expectLegacyRows(moving);
  });
});

describe("restoreUsersTables", { timeout: movingTimeout }, () => {
  test("makes a project without legacy users as it was before the removal", async () => {
    const server = await startServer();
    try {
      const db = await server.createDatabase({ migrated: false });
      const migrations = await readMigrations();
      for (const migration of migrations.slice(0, -1)) await applyMigration(db.sql, migration);
      const before = await dumpCatalogue(db.admin);
      const [removal] = migrations.slice(-1);
      if (!removal) throw new Error("There is no removal");
      await applyMigration(db.sql, removal);
      const removed = await dumpCatalogue(db.admin);
      expect(removed).not.toEqual(before);
      await db.sql.begin((tx) => restoreUsersTables(tx));
      expect(await dumpCatalogue(db.admin)).toEqual(before);
      await applyMigration(db.sql, removal);
      expect(await dumpCatalogue(db.admin)).toEqual(removed);
      await db.stop();
    } finally {
      await server.stop();
    }
  });
});

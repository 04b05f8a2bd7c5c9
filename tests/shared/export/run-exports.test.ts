import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExportOptions, ExportPoint } from "../../../shared/export/context.ts";
import { runDueExports, runExport } from "../../../shared/export/run-exports.ts";
import { createObjectStore } from "../../../shared/storage/object-store.ts";
import { deadPort, depsWith, withOutage } from "../../support/app.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { createUser } from "../../support/users.ts";
import {
  type Content,
  createContext,
  downloadExport,
  listZips,
  openExport,
  readState,
  seedContent,
  soon,
} from "./support.ts";

const points: ExportPoint[] = ["claimed", "page", "built", "uploaded", "recorded"];

/** Small enough that the seeded user fills several zips and several pages a table. */
const small: ExportOptions = { partBytes: 600, pageRows: 2 };

class Stopped extends Error {
  override name = "Stopped";
}

function stopAt(wanted: ExportPoint, time = 1): ExportOptions {
  let passed = 0;
  return {
    onPoint: (point) => {
      if (point === wanted && ++passed === time) throw new Stopped();
    },
  };
}

describe.runIf(hasAdminSql())("runExport", () => {
  const context = createContext();
  /** What it gives back is not due for the drains of the stack. */
  const tomorrow = createContext({ now: () => new Date(Date.now() + 86_400_000) });
  let userId: string;
  let content: Content;

  beforeAll(async () => {
    const { id } = await createUser({ userMetadata: { display_name: "Mina" } });
    userId = id;
    content = await seedContent(id, 7);
    await seedContent((await createUser()).id);
  });
  afterAll(() => Promise.all([context.close(), tomorrow.close()]));

  async function start(): Promise<string> {
    // One open export a user: what a test before left open ends here.
    await adminSql()`update private.exports set state = 'cancelled', expires_at = 'infinity'
      where user_id = ${userId} and state in ('pending', 'running')`;
    return await openExport(userId);
  }

  async function expectComplete(exportId: string) {
    expect(await readState(exportId)).toMatchObject({
      state: "completed",
      last_error: null,
      leased: false,
    });
    const unzipped = await downloadExport(exportId);
    expect(unzipped.manifest).toMatchObject({ export_id: exportId, user_id: userId });
    expect(unzipped.rows("scenes").map((row) => row["scene_id"]))
      .toEqual([...content.sceneIds].sort());
    expect(unzipped.rows("videos").map((row) => row["video_id"])).toEqual([content.videoId]);
    expect(unzipped.rows("scene_people")).toHaveLength(content.sceneIds.length);
    expect(unzipped.rows("objects").filter((row) => row["bucket"] !== "exports")).toHaveLength(3);
    return unzipped;
  }

  it("writes every table, the profile and the list of objects into one zip", async () => {
    const exportId = await start();
    expect(await runExport(context, exportId, soon())).toBe("completed");
    const { files, rows } = await expectComplete(exportId);
    expect([...files.keys()]).toEqual(expect.arrayContaining([
      "README.txt",
      "profile.json",
      "manifest.json",
      "videos.ndjson",
      "video_metadata.ndjson",
      "scenes.ndjson",
      "jobs.ndjson",
      "face_profiles.ndjson",
      "scene_people.ndjson",
      "audit_events.ndjson",
      "rate_limits.ndjson",
      "user_analytics.ndjson",
      "consents.ndjson",
      "organization_members.ndjson",
      "auth.sessions.ndjson",
      "objects.ndjson",
    ]));
    const profile = JSON.parse(files.get("profile.json") ?? "");
    expect(profile).toMatchObject({ id: userId, user_metadata: { display_name: "Mina" } });
    expect(profile.email).toMatch(/@/);
    for (const name of ["video_metadata", "jobs", "face_profiles", "rate_limits"]) {
      expect(rows(name), name).toHaveLength(1);
    }
    // A drain of the stack may have noted more of the user meanwhile.
    const seeded = { event_type: "login", ip_address: "203.0.113.7", user_agent: "test" };
    expect(rows("audit_events")).toContainEqual(expect.objectContaining(seeded));
    expect(rows("consents")).toEqual([
      {
        kind: "email",
        text_version: "2026-01",
        granted_at: expect.any(String),
        withdrawn_at: null,
      },
    ]);
    expect(rows("video_metadata")[0]).toMatchObject({ title: "항구 🚢", tags: ["sea"] });
    expect(rows("auth.sessions")[0]).toHaveProperty("user_agent");
    const stored = { bucket: "uploads", key: `videos/${userId}/${content.videoId}.mp4` };
    expect(rows("objects")).toContainEqual(
      expect.objectContaining({
        ...stored,
        size_bytes: new TextEncoder().encode(stored.key).length,
        content_type: "video/mp4",
      }),
    );
    const everything = [...files.values()].join("\n");
    expect(everything).not.toMatch(/password|token_hash|refresh_token"|eyJ/);
  });

  it("splits into parts whose files together hold every row once", async () => {
    const exportId = await start();
    expect(await runExport(context, exportId, soon(), small)).toBe("completed");
    const { manifest } = await expectComplete(exportId);
    const zips = new Set(manifest.files.map((file) => file.zip));
    expect(zips.size).toBeGreaterThan(3);
    expect([...zips][1]).toBe("heimdex-export-2.zip");
    expect(manifest.files.map((file) => file.name)).toContain("scenes-2.ndjson");
  });

  it.each([...points.map((p) => [p, 1] as const), ...points.slice(1).map((p) => [p, 3] as const)])(
    "goes on after a failure at point %s, time %i",
    async (point, time) => {
      const exportId = await start();
      const failing = { ...small, ...stopAt(point, time) };
      expect(await runExport(context, exportId, soon(), failing)).toBe("retried");
      const stopped = await readState(exportId);
      expect(stopped).toMatchObject({ last_error: "Stopped", leased: false, waits: true });
      expect(await runExport(context, exportId, soon(), small)).toBe("completed");
      const { manifest } = await expectComplete(exportId);
      expect(manifest.files.filter((file) => file.name === "profile.json")).toHaveLength(1);
      const state = await readState(exportId);
      expect((await listZips(userId)).filter((key) => key.includes(exportId)))
        .toEqual(state?.parts.map((part) => part.key));
      // Recorded parts are not built again.
      if (stopped && stopped.parts.length > 0) {
        expect(state?.parts.slice(0, stopped.parts.length)).toEqual(stopped.parts);
      }
    },
  );

  it("is left alone while its lease lives and taken over when the process is dead", async () => {
    const exportId = await start();
    const hung = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const dead = runExport(context, exportId, soon(), {
      onPoint: async (point) => {
        if (point !== "built") return;
        reached.resolve();
        await hung.promise;
      },
    });
    await reached.promise;
    expect(await runExport(context, exportId, soon())).toBeUndefined();
    const later = createContext({ now: () => new Date(Date.now() + 200_000) });
    expect(await runExport(later, exportId, new Date(Date.now() + 300_000), small))
      .toBe("completed");
    await later.close();
    const before = await readState(exportId);
    hung.resolve();
    expect(await dead).toBe("lost");
    expect(await readState(exportId)).toEqual(before);
    await expectComplete(exportId);
  });

  it("pauses at the deadline after the part under way and goes on", async () => {
    const exportId = await start();
    expect(await runExport(tomorrow, exportId, new Date(0), small)).toBe("paused");
    const paused = await readState(exportId);
    expect(paused).toMatchObject({ state: "running", leased: false, last_error: null });
    expect(paused?.parts).toHaveLength(1);
    expect(await runExport(context, exportId, soon(), small)).toBe("completed");
    await expectComplete(exportId);
  });

  it("waits while Storage, Supabase Auth or the database is away", async () => {
    const deadStore = createObjectStore({
      ...depsWith().env,
      supabaseUrl: `http://127.0.0.1:${deadPort}`,
    });
    const { auth } = depsWith({ environment: withOutage("supabase") });
    for (
      const [reason, away] of [
        ["storage_unavailable", createContext({ objects: deadStore })],
        ["auth_unavailable", createContext({ auth })],
      ] as const
    ) {
      const exportId = await start();
      expect(await runExport(away, exportId, soon())).toBe("retried");
      expect(await readState(exportId)).toMatchObject({
        state: "running",
        last_error: reason,
        attempts: 1,
        waits: true,
        leased: false,
      });
      expect(await runExport(context, exportId, soon())).toBe("completed");
      await expectComplete(exportId);
      await away.close();
    }
    const { database } = depsWith({ environment: withOutage("database") });
    await expect(runDueExports(createContext({ database }), soon()))
      .rejects.toMatchObject({ code: "database_unavailable" });
  });

  it("fails with a reason after eight runs without a new part", async () => {
    const exportId = await start();
    for (let run = 1; run < 8; run++) {
      expect(await runExport(context, exportId, soon(), stopAt("built"))).toBe("retried");
    }
    expect(await runExport(context, exportId, soon(), stopAt("built"))).toBe("failed");
    expect(await readState(exportId)).toMatchObject({ state: "failed", last_error: "Stopped" });
    expect(await runExport(context, exportId, soon())).toBeUndefined();
  });

  it("fails when the process was killed every time", async () => {
    const exportId = await start();
    await adminSql()`update private.exports set attempts = 8 where export_id = ${exportId}`;
    expect(await runExport(context, exportId, soon())).toBe("failed");
    expect(await readState(exportId)).toMatchObject({ last_error: "interrupted" });
  });

  it("begins anew when a release knows other tables", async () => {
    const exportId = await start();
    expect(await runExport(tomorrow, exportId, new Date(0), small)).toBe("paused");
    await adminSql()`update private.exports
      set checkpoint = jsonb_set(checkpoint, '{source}', '"former_table"')
      where export_id = ${exportId}`;
    expect(await runExport(context, exportId, soon())).toBe("completed");
    const { manifest } = await expectComplete(exportId);
    expect(new Set(manifest.files.map((file) => file.zip))).toEqual(
      new Set(["heimdex-export.zip"]),
    );
  });

  it("removes the zips once seven days are over, and says expired", async () => {
    const exportId = await start();
    const eightDaysAgo = createContext({ now: () => new Date(Date.now() - 8 * 86_400_000) });
    expect(await runExport(eightDaysAgo, exportId, soon())).toBe("completed");
    expect((await listZips(userId)).filter((key) => key.includes(exportId))).toHaveLength(1);
    // Drains of the stack may have been quicker.
    for (let i = 0; i < 20 && (await readState(exportId))?.state !== "expired"; i++) {
      await runDueExports(context, soon());
    }
    expect(await readState(exportId)).toMatchObject({ state: "expired", removed: true, parts: [] });
    expect((await listZips(userId)).filter((key) => key.includes(exportId))).toEqual([]);
    await eightDaysAgo.close();
  });
});

describe.runIf(hasAdminSql())("runExport of a user who goes", () => {
  const context = createContext();
  afterAll(() => context.close());

  async function createSeeded() {
    const { id } = await createUser();
    await seedContent(id);
    return { id, exportId: await openExport(id) };
  }

  const bury = (id: string) =>
    adminSql()`insert into private.erased_users (subject, user_id)
      values (encode(sha256(${id}::bytea), 'hex'), ${id})`;

  it.each(["page", "built", "uploaded"] as const)(
    "is cancelled by the tombstone at point %s and leaves no object",
    async (wanted) => {
      const { id, exportId } = await createSeeded();
      const outcome = await runExport(context, exportId, soon(), {
        ...small,
        onPoint: async (point) => {
          if (point === wanted) await bury(id).catch(() => {});
        },
      });
      expect(outcome).toBe("cancelled");
      expect(await readState(exportId)).toMatchObject({ state: "cancelled", leased: false });
      expect(await listZips(id)).toEqual([]);
    },
  );

  it("leaves no object when the erasure took its row after an upload", async () => {
    const { id, exportId } = await createSeeded();
    const outcome = await runExport(context, exportId, soon(), {
      onPoint: async (point) => {
        if (point !== "uploaded") return;
        await bury(id);
        await adminSql()`delete from private.exports where export_id = ${exportId}`;
      },
    });
    expect(outcome).toBe("cancelled");
    expect(await readState(exportId)).toBeUndefined();
    expect(await listZips(id)).toEqual([]);
  });

  it("does not begin once the account is deleted or soft-deleted", async () => {
    const { id, exportId } = await createSeeded();
    await adminSql()`update auth.users set deleted_at = now() where id = ${id}`;
    expect(await runExport(context, exportId, soon())).toBe("cancelled");
    expect(await listZips(id)).toEqual([]);
  });
});

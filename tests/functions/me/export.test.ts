import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createApp } from "../../../supabase/functions/me/app.ts";
import { exportSchema, openExportSchema } from "../../../supabase/functions/me/schemas.ts";
import { listZips, openZips, seedContent } from "../../shared/export/support.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { knowsSetting, useStack } from "../../support/stack.ts";
import { adminClient, createUser, type TestUser } from "../../support/users.ts";

const request = async (token: string) =>
  openExportSchema.parse(
    await expectJson(await call("/me/export", { method: "POST", token }), 202),
  );

const read = async (token: string, id: string) =>
  exportSchema.parse(await expectJson(await call(`/me/export/${id}`, { token }), 200));

/** Keeps the stack's own drain away from what this user asks for next. */
async function openHeld(user: TestUser): Promise<string> {
  const [row] = await adminSql()<[{ export_id: string }]>`
    insert into private.exports (user_id, next_attempt_at) values (${user.id}, 'infinity')
    returning export_id`;
  return row.export_id;
}

async function waitUntilCompleted(token: string, id: string) {
  for (let i = 0; i < 100; i++) {
    const answer = await read(token, id);
    if (answer.state !== "pending" && answer.state !== "running") return answer;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("The export was not completed in time");
}

describe.runIf(hasAdminSql())("POST /me/export", () => {
  it("starts an export and joins the open one, also under concurrent calls", async () => {
    const user = await createUser();
    const held = await openHeld(user);
    const answers = await Promise.all([1, 2, 3].map(() => request(user.accessToken)));
    expect(new Set(answers.map((answer) => answer.export_id))).toEqual(new Set([held]));
    expect(answers[0]).toMatchObject({ state: "pending" });
    const fresh = await createUser();
    const first = await Promise.all([1, 2, 3].map(() => request(fresh.accessToken)));
    expect(new Set(first.map((answer) => answer.export_id)).size).toBe(1);
  });

  it("refuses a fourth within 24 hours and says when to come back", async () => {
    const user = await createUser();
    await adminSql()`
      insert into private.exports (user_id, state, finished_at, expires_at)
      select ${user.id}, 'completed', now() - make_interval(hours => h), 'infinity'
      from unnest(array[1, 2, 23, 25, 26]) as h`;
    const response = await call("/me/export", { method: "POST", token: user.accessToken });
    const seconds = Number(response.headers.get("retry-after"));
    await expectProblem(response, "rate_limited", 429);
    expect(seconds).toBeGreaterThan(3500);
    expect(seconds).toBeLessThanOrEqual(3600);
    await adminSql()`update private.exports set finished_at = finished_at - interval '1 hour'
      where user_id = ${user.id}`;
    await request(user.accessToken);
  });

  it("does not count exports that failed", async () => {
    const user = await createUser();
    await adminSql()`
      insert into private.exports (user_id, state, finished_at, expires_at, removed_at)
      select ${user.id}, 'failed', now(), now(), now() from generate_series(1, 5)`;
    await request(user.accessToken);
  });

  it("answers 503 while the database is down", async () => {
    const { accessToken } = await createUser();
    const app = createApp(depsWith({ environment: withOutage("database") }));
    for (const path of ["/me/export", `/me/export/${crypto.randomUUID()}`]) {
      const method = path === "/me/export" ? "POST" : "GET";
      const response = await app.request(path, toRequestInit({ method, token: accessToken }));
      await expectProblem(response, "database_unavailable", 503);
    }
  });
});

describe.runIf(hasAdminSql())("GET /me/export/:id", () => {
  it("answers a foreign id as an id nobody has, and no id as invalid", async () => {
    const [user, other] = await Promise.all([createUser(), createUser()]);
    const id = await openHeld(other);
    const foreign = await call(`/me/export/${id}`, { token: user.accessToken });
    const unknown = await call(`/me/export/${crypto.randomUUID()}`, { token: user.accessToken });
    const [{ detail }, nobodys] = [
      await expectProblem(foreign, "export_not_found", 404),
      await expectProblem(unknown, "export_not_found", 404),
    ];
    expect(detail).toBe(nobodys.detail);
    const invalid = await call("/me/export/one", { token: user.accessToken });
    await expectProblem(invalid, "validation_failed", 422);
    expect(await read(other.accessToken, id)).toMatchObject({ state: "pending", files: [] });
  });

  it("says expired as soon as the time is over, before anything was removed", async () => {
    const user = await createUser();
    const [row] = await adminSql()<[{ export_id: string }]>`
      insert into private.exports (user_id, state, finished_at, expires_at, parts, removed_at)
      values (${user.id}, 'completed', now() - interval '7 days', now(), ${
      adminSql().json([{ name: "a.zip", key: `${user.id}/a.zip`, size_bytes: 1, sha256: "0" }])
    }, now())
      returning export_id`;
    expect(await read(user.accessToken, row.export_id)).toMatchObject({
      state: "expired",
      files: [],
    });
  });

  it("gives the reason of a failed export", async () => {
    const user = await createUser();
    const [row] = await adminSql()<[{ export_id: string }]>`
      insert into private.exports (user_id, state, finished_at, removed_at, last_error)
      values (${user.id}, 'failed', now(), now(), 'storage_unavailable') returning export_id`;
    expect(await read(user.accessToken, row.export_id)).toMatchObject({
      state: "failed",
      reason: "storage_unavailable",
      files: [],
    });
  });

  it.runIf(knowsSetting("HEIMDEX_CRON_SECRET"))(
    "hands out the zip that a drain made, with the data of this user and nobody else",
    async () => {
      const [user, other] = await Promise.all([createUser(), createUser()]);
      const content = await seedContent(user.id);
      const foreign = await seedContent(other.id);
      const { export_id } = await request(user.accessToken);
      const answer = await waitUntilCompleted(user.accessToken, export_id);
      expect(answer).toMatchObject({ state: "completed", reason: null });
      const kept = Date.parse(answer.expires_at ?? "") - Date.parse(answer.finished_at ?? "");
      expect(kept).toBe(7 * 86_400_000);
      const [file] = answer.files;
      if (!file) throw new Error("A completed export has no file");
      expect(file.name).toBe("heimdex-export.zip");
      expect(Date.parse(file.expires_at) - Date.now()).toBeGreaterThan(3_500_000);

      const bytes = new Uint8Array(await (await fetch(file.url)).arrayBuffer());
      expect(bytes.length).toBe(file.size_bytes);
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(file.sha256);
      const { files, rows, manifest } = openZips([{ name: file.name, bytes }]);
      expect(manifest).toMatchObject({ export_id, user_id: user.id });
      expect(rows("videos").map((row) => row["video_id"])).toEqual([content.videoId]);
      expect(rows("scenes")).toHaveLength(content.sceneIds.length);
      const everything = [...files.values()].join("\n");
      for (const id of [other.id, other.email, foreign.videoId, foreign.personId]) {
        expect(everything).not.toContain(id);
      }
      const stored = rows("objects").find((row) => row["content_type"] === "video/mp4");
      const download = `${useStack().url}/storage/v1/object/authenticated/uploads/${
        stored?.["key"]
      }`;
      const object = await fetch(download, {
        headers: {
          apikey: useStack().publishableKey,
          authorization: `Bearer ${user.accessToken}`,
        },
      });
      expect(await object.text(), "as README.txt says").toBe(stored?.["key"]);

      const without = new URL(file.url);
      without.search = "";
      expect((await fetch(without)).ok).toBe(false);

      const app = createApp(depsWith({ environment: withOutage("supabase") }));
      const down = await app.request(
        `/me/export/${export_id}`,
        toRequestInit({ token: user.accessToken }),
      );
      await expectProblem(down, "storage_unavailable", 503);
    },
  );

  it.runIf(knowsSetting("HEIMDEX_CRON_SECRET"))(
    "goes with its zips when the account is deleted",
    async () => {
      const user = await createUser();
      await seedContent(user.id);
      const { export_id } = await request(user.accessToken);
      const { files } = await waitUntilCompleted(user.accessToken, export_id);
      expect(await listZips(user.id)).toHaveLength(1);
      const { error } = await adminClient().auth.admin.deleteUser(user.id);
      expect(error).toBeNull();
      await expect.poll(async () => ({
        zips: await listZips(user.id),
        rows: await adminSql()`select from private.exports where user_id = ${user.id}`,
      }), { timeout: 25_000, interval: 300 }).toMatchObject({ zips: [], rows: { length: 0 } });
      expect((await fetch(files[0]?.url ?? "")).ok).toBe(false);
      const refused = await call(`/me/export/${export_id}`, { token: user.accessToken });
      await expectProblem(refused, "session_revoked", 401);
    },
  );
});

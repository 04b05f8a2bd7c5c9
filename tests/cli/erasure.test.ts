import { describe, expect, it } from "vitest";
import { requestErasure } from "../../shared/erasure/engine.ts";
import { type ErasureState, stepNames } from "../../shared/erasure/erasure.ts";
import { deadPort } from "../support/app.ts";
import { heimdex } from "../support/heimdex.ts";
import { adminSql, hasAdminSql } from "../support/sql.ts";
import { knowsSetting, useStack } from "../support/stack.ts";
import { createUser } from "../support/users.ts";
import {
  deleteUserSilently,
  expectNothingLeft,
  expectUntouched,
  openErasures,
  seedUser,
} from "../shared/erasure/support.ts";

const run = (args: string[], env: Record<string, string> = {}) =>
  heimdex(["erasure", ...args], { ...useStack().environment, ...env });

/** An erasure that the stack's own drain leaves alone: its next attempt is a day ahead. */
async function plantErasure(state: ErasureState = "pending") {
  const { id: userId } = await createUser();
  await seedUser(userId);
  await deleteUserSilently(userId);
  const erasures = openErasures();
  const { erasureId } = await requestErasure(erasures, { kind: "user", userId, origin: "event" });
  await erasures.close();
  await adminSql()`update private.erasures set state = ${state} where erasure_id = ${erasureId}`;
  return { userId, erasureId };
}

async function readState(erasureId: string): Promise<string> {
  const [row] = await adminSql()`
    select state from private.erasures where erasure_id = ${erasureId}`;
  return row?.state;
}

/** Once it is due, the stack's own drain may take it before a command does. */
async function untilProvisional(erasureId: string): Promise<void> {
  await expect.poll(() => readState(erasureId), { timeout: 20_000 }).toBe("provisional");
}

describe.runIf(hasAdminSql() && knowsSetting("HEIMDEX_RECEIPT_KEY"))("heimdex erasure", () => {
  it("run brings one to its provisional receipt and shows each step; show and list agree", async () => {
    const { userId, erasureId } = await plantErasure();
    const { id: bystander } = await createUser();
    await seedUser(bystander);
    const { code, out, err } = await run(["run", erasureId, "--json"]);
    expect({ code, ...JSON.parse(out) }).toMatchObject({
      code: 0,
      erasure_id: erasureId,
      state: "provisional",
      late_sweep_at: expect.any(String),
    });
    const steps = err.trim().split("\n").map((line) => line.split(/ +/).slice(0, 2));
    expect(steps).toEqual(stepNames.map((step) => [erasureId, step]));
    await expectNothingLeft(userId);
    await expectUntouched(bystander);

    const shown = JSON.parse((await run(["show", erasureId, "--json"])).out);
    expect(shown).toMatchObject({
      erasure_id: erasureId,
      state: "provisional",
      origin: "event",
      objects_waiting: 0,
      receipts: [{ stage: "provisional", hash: expect.stringMatching(/^[0-9a-f]{64}$/) }],
    });
    expect(shown.counts_before.tables["public.videos"]).toBe(1);
    expect(shown.counts_after.tables["public.videos"]).toBe(0);
    const words = (await run(["show", erasureId])).out;
    expect(words).toMatch(/state +provisional/);
    expect(words).toMatch(/public\.videos +1 +0/);

    const listed = await run(["list", "--state", "provisional", "--limit", "1000", "--json"]);
    expect(JSON.parse(listed.out)).toContainEqual(
      expect.objectContaining({ erasure_id: erasureId, state: "provisional" }),
    );
    const again = await run(["run", erasureId]);
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining("is provisional, late") });
  });

  it("run without an id takes what is due and says how it went", async () => {
    const { code, out } = await run(["run", "--timeout", "30", "--json"]);
    const result = JSON.parse(out);
    expect(result).toEqual({
      ran: expect.any(Number),
      provisional: expect.any(Number),
      final: expect.any(Number),
      failed: expect.any(Number),
    });
    expect(code).toBe(result.failed > 0 ? 1 : 0);
  });

  it("run exits 3 while Storage is away, and the next run goes on", async () => {
    const { userId, erasureId } = await plantErasure();
    const away = await run(["run", erasureId], {
      SUPABASE_URL: `http://127.0.0.1:${deadPort}`,
    });
    expect(away.code).toBe(3);
    expect(await readState(erasureId)).toBe("running");
    expect((await run(["run", erasureId])).code).toBe(0);
    await expectNothingLeft(userId);
  });

  it("release lets a held one begin; run says so before", async () => {
    const { userId, erasureId } = await plantErasure("held");
    expect(await run(["run", erasureId])).toMatchObject({
      code: 2,
      err: expect.stringContaining(`heimdex erasure release ${erasureId}`),
    });
    await expectUntouched(userId);
    const released = await run(["release", erasureId, "--json"]);
    expect({ code: released.code, erasures: JSON.parse(released.out) }).toEqual({
      code: 0,
      erasures: [{ erasure_id: erasureId, state: "pending" }],
    });
    expect((await run(["release", erasureId])).code).toBe(2);
    await untilProvisional(erasureId);
    await expectNothingLeft(userId);
  });

  it("release --all takes every held one, and none without --yes", async () => {
    const planted = [await plantErasure("held"), await plantErasure("held")];
    expect(await run(["release", "--all"])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^([2-9]|\d\d+) erasures are held and none was released/),
    });
    for (const { erasureId } of planted) expect(await readState(erasureId)).toBe("held");
    const { code, out } = await run(["release", "--all", "--yes"]);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/released: ([2-9]|\d\d+)/),
    });
    for (const { erasureId } of planted) expect(await readState(erasureId)).not.toBe("held");
  });

  it("retry takes up one that gave up; run says so before", async () => {
    const { userId, erasureId } = await plantErasure("dead");
    expect(await run(["run", erasureId])).toMatchObject({
      code: 2,
      err: expect.stringContaining(`heimdex erasure retry ${erasureId}`),
    });
    expect(await run(["retry", erasureId])).toMatchObject({
      code: 0,
      out: `Erasure ${erasureId} is pending again\n`,
    });
    expect((await run(["retry", erasureId])).code).toBe(2);
    await untilProvisional(erasureId);
    await expectNothingLeft(userId);
  });

  it.each(["show", "run", "retry", "release"])(
    "%s exits 2 for an id nobody knows",
    async (verb) => {
      const { code, err } = await run([verb, crypto.randomUUID()]);
      expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/erasure/i) });
    },
  );

  it("run exits 2 and names the setting that is missing", async () => {
    const { HEIMDEX_RECEIPT_KEY: _key, ...others } = useStack().environment;
    expect(await heimdex(["erasure", "run"], others)).toMatchObject({
      code: 2,
      err: "HEIMDEX_RECEIPT_KEY is not set\n",
    });
  });
});

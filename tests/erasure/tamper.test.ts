import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ErasureContext, ErasurePoint } from "../../shared/erasure/context.ts";
import { runErasure } from "../../shared/erasure/engine.ts";
import { verifyReceipts } from "../../shared/erasure/receipts/mod.ts";
import { buckets } from "../../shared/storage/keys.ts";
import { hasAdminSql } from "../support/sql.ts";
import { testSize } from "../support/size.ts";
import { knowsSetting, useStack } from "../support/stack.ts";
import {
  expectErased,
  expectReceipts,
  readChain,
  readCounts,
  readReceiptsOf,
} from "./support/evidence.ts";
import {
  type Bystanders,
  openQuietly,
  seedBystanders,
  seedSubject,
  type Subject,
} from "./support/seed.ts";
import { deadlineOf, openWorld, readErasureRow, type World } from "./support/world.ts";

describe.runIf(hasAdminSql() && knowsSetting("HEIMDEX_RECEIPT_KEY"))("a receipt", () => {
  let world: World;
  let bystanders: Bystanders;

  beforeAll(async () => {
    world = await openWorld(useStack());
    bystanders = await seedBystanders(world);
  });

  afterAll(() => world.close());

  async function open(): Promise<{ subject: Subject; erasureId: string }> {
    const subject = await seedSubject(world, bystanders);
    return { subject, erasureId: await openQuietly(world.sql, subject.userId) };
  }

  async function run(erasureId: string, overrides: Partial<ErasureContext> = {}, minutes = 0) {
    const ctx = world.context(overrides, minutes);
    return await runErasure(ctx, erasureId, deadlineOf(ctx));
  }

  const verify = (receipts: string[], head?: string) =>
    verifyReceipts(receipts, world.publicKey, head === undefined ? {} : { head });

  describe("that was changed or taken away is noticed:", () => {
    let chain: string[];

    beforeAll(async () => {
      for (let count = 0; count < 3; count++) await run((await open()).erasureId);
      chain = await readChain(world.sql);
      expect(await verify(chain)).toMatchObject({ valid: true, receipts: chain.length });
    });

    it("one byte of it, at any place", async () => {
      const [text = ""] = chain.slice(-1);
      const bytes = new TextEncoder().encode(text);
      const stride = testSize({ sampled: 11, long: 1 });
      for (let place = 0; place < bytes.length; place += stride) {
        const changed = bytes.slice();
        changed[place] = (changed[place] ?? 0) ^ 1;
        const report = await verify([new TextDecoder().decode(changed)]);
        expect({ place, valid: report.valid }).toEqual({ place, valid: false });
        expect(report.faults).not.toHaveLength(0);
      }
    });

    it("one byte of one receipt of the chain, by its name", async () => {
      const changed = chain.with(-2, (chain.at(-2) ?? "").replace('"stage":"', '"stage": "'));
      const { valid, faults } = await verify(changed);
      expect(valid).toBe(false);
      expect(faults).toMatchObject([{ code: "not_canonical", sequence: chain.length - 1 }]);
    });

    it("one receipt dropped from the chain, at its start, inside it or at its end", async () => {
      const withoutFirst = await verify(chain.slice(1));
      expect(withoutFirst.faults).toMatchObject([{ code: "start_missing" }]);
      const inside = await verify(chain.toSpliced(chain.length - 2, 1));
      expect(inside.faults).toMatchObject([{
        code: "gap",
        message: `Receipt ${chain.length - 1} is missing`,
      }]);
      const head: string = JSON.parse(chain.at(-1) ?? "").hash;
      expect(await verify(chain, head)).toMatchObject({ valid: true });
      expect((await verify(chain.slice(0, -1), head)).faults).toMatchObject([
        { code: "head_differs" },
      ]);
    });
  });

  it("is not written while a row is left behind, and is once it is gone", async () => {
    const { subject, erasureId } = await open();
    let rows = 0;
    const onPoint = async (point: ErasurePoint) => {
      if (point !== "before:verify") return;
      rows++;
      await world.sql`insert into public.consents (user_id, kind, text_version, granted_at)
        values (${subject.userId}, 'email', 'left behind', now())`;
    };
    await expect(run(erasureId, { onPoint })).rejects.toThrow("while the erasure runs");
    // Each time it was noticed, taken away, and there once more.
    expect(rows).toBeGreaterThan(1);
    expect(await readErasureRow(world.sql, erasureId)).toMatchObject({
      state: "running",
      last_error: "IncompleteErasureError",
    });
    expect(await readReceiptsOf(world.sql, erasureId)).toEqual([]);

    expect(await run(erasureId, {}, 10)).toMatchObject({ state: "provisional" });
    await expectErased(world, subject);
    await expectReceipts(world, erasureId, ["provisional"]);
    const { tables } = await readCounts(world.sql, erasureId);
    expect(tables["public.consents"]).toBe(rows + 1);
  });

  it("is written after an object that came in the middle was noticed and removed", async () => {
    const { subject, erasureId } = await open();
    const key = `videos/${subject.userId}/${crypto.randomUUID()}.mp4`;
    let rounds = 0;
    const onPoint = async (point: ErasurePoint) => {
      if (point !== "before:verify" || rounds++ > 0) return;
      await world.deps.objects.put(buckets.uploads, key, subject.marker, {
        contentType: "video/mp4",
      });
    };
    expect(await run(erasureId, { onPoint })).toMatchObject({ state: "provisional" });
    expect(rounds).toBe(2);
    await expectErased(world, subject);
    await expectReceipts(world, erasureId, ["provisional"]);
  });
});

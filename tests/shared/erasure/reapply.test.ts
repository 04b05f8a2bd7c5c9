import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ErasureContext } from "../../../shared/erasure/context.ts";
import { requestErasure, runErasure } from "../../../shared/erasure/engine.ts";
import {
  carryOutReapply,
  planReapply,
  readCopies,
  type ReceiptCopy,
  ReceiptsInvalidError,
} from "../../../shared/erasure/reapply.ts";
import {
  appendReceipt,
  ChainChangedError,
  openReceiptSigner,
  verifyReceipts,
} from "../../../shared/erasure/receipts/mod.ts";
import { useOwnStack } from "../../support/own-stack.ts";
import { newFacts, newSigner } from "./receipts/support.ts";

// A restore takes the newest receipts away, which would break the chain of other tests.
const own = useOwnStack("reapply");
let ctx: ErasureContext;
let bystander: string;

beforeAll(async () => {
  ctx = own.erasures;
  bystander = await createUser();
  await store(bystander);
});

beforeEach(async () => {
  await own.sql`truncate private.erasure_receipts, private.erasures, private.erased_users,
    private.erasure_objects, private.auth_events`;
  const { error } = await own.admin.storage.emptyBucket("receipts");
  expect(error).toBeNull();
});

async function createUser(id: string = crypto.randomUUID()): Promise<string> {
  const email = `u-${crypto.randomUUID()}@example.test`;
  const { error } = await own.admin.auth.admin.createUser({ id, email, email_confirm: true });
  expect(error).toBeNull();
  return id;
}

/** A video with its object, and a person with a photo; gives the person. */
async function store(userId: string): Promise<string> {
  const key = `videos/${userId}/${crypto.randomUUID()}.mp4`;
  const personId = crypto.randomUUID();
  const photo = `faces/${userId}/${personId}/photo_1.png`;
  await own.sql`
    insert into public.videos (user_id, storage_key, mime_type, size_bytes)
    values (${userId}, ${key}, 'video/mp4', 3)`;
  await own.sql`
    insert into public.face_profiles (person_id, user_id, name, photo_keys)
    values (${personId}, ${userId}, ${personId}, array[${photo}])`;
  await ctx.objects.put("uploads", key, "abc", { contentType: "video/mp4" });
  await ctx.objects.put("uploads", photo, "abc", { contentType: "image/png" });
  return personId;
}

async function countLeft(userId: string) {
  const [row] = await own.sql<{ accounts: number; rows: number; objects: number }[]>`
    select (select count(*)::int from auth.users where id = ${userId}) as accounts,
      (select count(*)::int from public.videos where user_id = ${userId})
        + (select count(*)::int from public.face_profiles where user_id = ${userId}) as rows,
      (select count(*)::int from storage.objects where name like ${`%${userId}%`}) as objects`;
  return row;
}

const nothing = { accounts: 0, rows: 0, objects: 0 };
const everything = { accounts: 1, rows: 2, objects: 2 };

function inAMinute(): Date {
  return new Date(ctx.now().getTime() + 60_000);
}

/** Deletes the account and runs its erasure up to the provisional receipt. */
async function erase(userId: string): Promise<void> {
  await own.admin.auth.admin.deleteUser(userId);
  const { erasureId } = await requestErasure(ctx, { kind: "user", userId, origin: "event" });
  expect(await runErasure(ctx, erasureId, inAMinute())).toMatchObject({ state: "provisional" });
  expect(await countLeft(userId)).toEqual(nothing);
}

async function erasePerson(userId: string, personId: string): Promise<void> {
  const request = { kind: "person", personId, userId, origin: "person" } as const;
  const { erasureId } = await requestErasure(ctx, request);
  expect(await runErasure(ctx, erasureId, inAMinute())).toMatchObject({ state: "provisional" });
}

/** Under an id that was there before: with the time of then, as a backup has it. */
async function restoreUser(id: string): Promise<void> {
  await createUser(id);
  await own.sql`update auth.users set created_at = now() - interval '1 day' where id = ${id}`;
}

/** The database as it was before the receipts above `sequence` were written, users included. */
async function restore({ sequence, users }: { sequence: number; users: string[] }): Promise<void> {
  await own.sql`delete from private.erasure_receipts where sequence > ${sequence}`;
  await own.sql`truncate private.erasures, private.erased_users, private.erasure_objects,
    private.auth_events`;
  for (const userId of users) {
    await restoreUser(userId);
    await store(userId);
  }
}

const bucket = () => readCopies(ctx.objects);

async function* asCopies(texts: string[]): AsyncGenerator<ReceiptCopy> {
  for (const [index, text] of texts.entries()) {
    yield await Promise.resolve({ text, source: `copy ${index + 1}`, group: "copies" });
  }
}

async function readTexts(copies: AsyncIterable<ReceiptCopy>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of copies) texts.push(text);
  return texts;
}

async function verifyChain() {
  const rows = await own.sql<{ receipt: string }[]>`
    select receipt from private.erasure_receipts order by sequence`;
  const { publicKey } = await openReceiptSigner(ctx.receiptKey);
  return await verifyReceipts(rows.map((row) => row.receipt), { ...publicKey });
}

describe("reapply", () => {
  it("erases again whom a restore brought back, and nobody else", async () => {
    const [first, second] = [await createUser(), await createUser()];
    for (const userId of [first, second]) {
      await store(userId);
      await erase(userId);
    }
    await restore({ sequence: 1, users: [first, second] });
    const plan = await planReapply(ctx, bucket());
    expect(plan.report).toMatchObject({ valid: true, receipts: 2 });
    expect(plan.missing.map((receipt) => receipt.sequence)).toEqual([2]);
    expect(plan.returned.map((one) => one.id).sort()).toEqual([first, second].sort());
    for (const userId of [first, second]) expect(await countLeft(userId)).toEqual(everything);

    const progress: string[] = [];
    const done = await carryOutReapply(ctx, plan, ({ state }) => progress.push(state));
    expect(done.map(({ kind, state }) => `${kind} ${state}`)).toEqual(
      Array(2).fill("user provisional"),
    );
    expect(progress).toEqual(["provisional", "provisional"]);
    for (const userId of [first, second]) expect(await countLeft(userId)).toEqual(nothing);
    expect(await countLeft(bystander)).toEqual(everything);
    expect(await verifyChain()).toMatchObject({ valid: true, receipts: 4 });
    const origins = await own.sql`select distinct origin from private.erasures`;
    expect([...origins]).toEqual([{ origin: "reapply" }]);
  });

  it("leaves receipts that name nobody and no file", async () => {
    const userId = await createUser();
    const personId = await store(userId);
    const [row] = await own.sql<{ names: string[] }[]>`
      select array[u.email, split_part(u.email, '@', 1), v.video_id::text, v.storage_key] as names
      from auth.users as u join public.videos as v on v.user_id = u.id where u.id = ${userId}`;
    const names = [userId, personId, ...row?.names ?? []];
    expect(names).toHaveLength(6);
    await erasePerson(userId, personId);
    await erase(userId);
    const chain = (await readTexts(bucket())).join("\n");
    expect(chain.split("\n")).toHaveLength(2);
    const secrets = [ctx.pseudonymKey, JSON.parse(ctx.receiptKey).d];
    for (const name of [...names, ...names.map((one) => one.replaceAll("-", "")), ...secrets]) {
      expect(chain.toLowerCase()).not.toContain(name.toLowerCase());
    }
  });

  it("finds nothing more to do the second time", async () => {
    const userId = await createUser();
    await erase(userId);
    await restore({ sequence: 0, users: [userId] });
    await carryOutReapply(ctx, await planReapply(ctx, bucket()));
    const again = await planReapply(ctx, bucket());
    expect(again).toMatchObject({ missing: [], returned: [] });
    expect(await carryOutReapply(ctx, again)).toEqual([]);
  });

  it("begins an erasure anew that waits for its late sweep, when only the user was restored", async () => {
    const userId = await createUser();
    await store(userId);
    await erase(userId);
    await restoreUser(userId);
    await store(userId);
    await carryOutReapply(ctx, await planReapply(ctx, bucket()));
    expect(await countLeft(userId)).toEqual(nothing);
    expect(await verifyChain()).toMatchObject({ valid: true, receipts: 1 });
    const later = { ...ctx, now: () => new Date(Date.now() + 3 * 3_600_000) };
    const [row] = await own.sql<{ erasure_id: string }[]>`select erasure_id from private.erasures`;
    const end = new Date(later.now().getTime() + 60_000);
    expect(await runErasure(later, row?.erasure_id ?? "", end)).toMatchObject({ state: "final" });
    expect(await verifyChain()).toMatchObject({ valid: true, erasures: { final: 1 } });
  });

  it("lets an erasure go on that the returned account had brought to a halt", async () => {
    const userId = await createUser();
    await store(userId);
    await erase(userId);
    await restoreUser(userId);
    await store(userId);
    const later = { ...ctx, now: () => new Date(Date.now() + 3 * 3_600_000) };
    const [row] = await own.sql<{ erasure_id: string }[]>`select erasure_id from private.erasures`;
    const end = new Date(later.now().getTime() + 60_000);
    await expect(runErasure(later, row?.erasure_id ?? "", end)).rejects.toThrow();
    const [done] = await carryOutReapply(later, await planReapply(later, bucket()));
    expect(done).toMatchObject({ state: "final" });
    expect(await countLeft(userId)).toEqual(nothing);
  });

  it("erases a person again whose user stays", async () => {
    const userId = await createUser();
    const personId = await store(userId);
    const photo = `faces/${userId}/${personId}/photo_1.png`;
    await erasePerson(userId, personId);
    await restore({ sequence: 0, users: [] });
    await own.sql`
      insert into public.face_profiles (person_id, user_id, name, photo_keys, created_at)
      values (${personId}, ${userId}, 'Ada', array[${photo}], now() - interval '1 day')`;
    await ctx.objects.put("uploads", photo, "abc", { contentType: "image/png" });
    const plan = await planReapply(ctx, bucket());
    expect(plan.returned).toEqual([{ kind: "person", id: personId, userId }]);
    expect(await carryOutReapply(ctx, plan)).toMatchObject([
      { kind: "person", state: "provisional" },
    ]);
    expect(await countLeft(userId)).toEqual({ accounts: 1, rows: 1, objects: 1 });
    expect(await verifyChain()).toMatchObject({ valid: true, receipts: 2 });
  });

  it("takes a person along whose user is back too", async () => {
    const userId = await createUser();
    const personId = await store(userId);
    await erasePerson(userId, personId);
    await erase(userId);
    await restore({ sequence: 0, users: [userId] });
    await own.sql`insert into public.face_profiles (person_id, user_id, name, created_at)
      values (${personId}, ${userId}, 'Ada', now() - interval '1 day')`;
    const plan = await planReapply(ctx, bucket());
    expect(plan.returned).toEqual([{ kind: "user", id: userId, userId }]);
    await carryOutReapply(ctx, plan);
    expect(await countLeft(userId)).toEqual(nothing);
  });

  it("leaves an account alone that was created anew under an erased id", async () => {
    const [restored, anew] = [await createUser(), await createUser()];
    for (const userId of [restored, anew]) await erase(userId);
    await restore({ sequence: 0, users: [restored] });
    await createUser(anew);
    await store(anew);
    const plan = await planReapply(ctx, bucket());
    expect(plan.returned.map((one) => one.id)).toEqual([restored]);
    expect(plan.recreated).toMatchObject([{ kind: "user", id: anew, userId: anew }]);
    expect(await carryOutReapply(ctx, plan)).toHaveLength(1);
    expect(await countLeft(anew)).toEqual(everything);
  });

  it("erases an account again that was created anew, erased and then restored", async () => {
    const userId = await createUser();
    await erase(userId);
    await restore({ sequence: 1, users: [] });
    await createUser(userId);
    const [row] = await own.sql<{ created_at: Date }[]>`
      select created_at from auth.users where id = ${userId}`;
    await erase(userId);
    await restore({ sequence: 2, users: [userId] });
    await own.sql`update auth.users set created_at = ${
      row?.created_at ?? null
    } where id = ${userId}`;
    expect(await planReapply(ctx, bucket())).toMatchObject({
      returned: [{ id: userId }],
      recreated: [],
    });
  });

  it("tells of receipts whose subjects another key named", async () => {
    const [former, present] = [await createUser(), await createUser()];
    await erase(former);
    ctx = { ...own.erasures, pseudonymKey: "another key, of more than thirty-two characters" };
    await erase(present);
    await restore({ sequence: 0, users: [former, present] });
    const plan = await planReapply(ctx, bucket()).finally(() => ctx = own.erasures);
    expect(plan).toMatchObject({ foreign: 1, returned: [{ id: present }] });
    expect(await planReapply(ctx, bucket())).toMatchObject({
      foreign: 1,
      returned: [{ id: former }],
    });
  });

  it("copies receipts to the bucket that came from elsewhere", async () => {
    const userId = await createUser();
    await erase(userId);
    const texts = await readTexts(bucket());
    await restore({ sequence: 0, users: [] });
    await own.admin.storage.emptyBucket("receipts");
    await carryOutReapply(ctx, await planReapply(ctx, asCopies(texts)));
    expect(await readTexts(bucket())).toEqual(texts);
  });

  it("holds what goes beyond the erasures of an hour", async () => {
    const userId = await createUser();
    await erase(userId);
    await restore({ sequence: 0, users: [userId] });
    const strict = { ...ctx, erasuresPerHour: 0 };
    const [done] = await carryOutReapply(strict, await planReapply(strict, bucket()));
    expect(done).toMatchObject({ state: "held" });
    expect(await countLeft(userId)).toMatchObject({ accounts: 0, rows: 2 });
  });

  describe("refuses, and erases nobody, when", () => {
    let userId: string;
    let texts: string[];

    beforeEach(async () => {
      userId = await createUser();
      await erase(userId);
      await appendReceipt(ctx, newFacts());
      await appendReceipt(ctx, newFacts());
      texts = await readTexts(bucket());
      await restore({ sequence: 0, users: [userId] });
    });

    async function expectRefusal(copies: string[], code: string): Promise<void> {
      const error = await planReapply(ctx, asCopies(copies)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ReceiptsInvalidError);
      expect(String(error)).toContain(code);
      expect(await countLeft(userId)).toEqual(everything);
    }

    it("a byte of a copy was changed", async () => {
      await expectRefusal(texts.map((text) => text.replace("4096", "4097")), "hash_wrong");
    });

    it("a copy is missing", async () => {
      await expectRefusal(texts.toSpliced(1, 1), "gap");
    });

    it("a copy was signed with another key", async () => {
      const stranger = await newSigner();
      await own.sql`truncate private.erasure_receipts`;
      await own.admin.storage.emptyBucket("receipts");
      await appendReceipt({ ...ctx, receiptKey: stranger.privateKey }, newFacts());
      const foreign = await readTexts(bucket());
      await own.sql`truncate private.erasure_receipts`;
      await expectRefusal(foreign, "key_unknown");
      const plan = await planReapply(ctx, asCopies(foreign), { keys: [stranger.jwk] });
      expect(plan.missing).toHaveLength(1);
    });

    it("the restored database has begun a chain of its own", async () => {
      await own.admin.storage.emptyBucket("receipts");
      await appendReceipt(ctx, newFacts());
      await expectRefusal(texts, "fork");
    });

    it("there is no receipt at all", async () => {
      await expectRefusal([], "empty");
    });

    it("somebody writes a receipt between plan and import", async () => {
      const plan = await planReapply(ctx, asCopies(texts));
      await own.admin.storage.emptyBucket("receipts");
      await appendReceipt(ctx, newFacts());
      await expect(carryOutReapply(ctx, plan)).rejects.toThrow(ChainChangedError);
      expect(await countLeft(userId)).toEqual(everything);
    });
  });
});

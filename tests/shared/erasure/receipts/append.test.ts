import { createClient } from "@supabase/supabase-js";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDatabase } from "../../../../shared/database/doors.ts";
import type { ErasureContext } from "../../../../shared/erasure/context.ts";
import {
  appendReceipt,
  keyedSubject,
  openReceiptSigner,
  type Receipt,
  receiptKey,
  ReceiptsLostError,
  repairReceiptCopies,
  toCanonicalJson,
  verifyReceipts,
} from "../../../../shared/erasure/receipts/mod.ts";
import { createObjectStore } from "../../../../shared/storage/object-store.ts";
import { deadPort } from "../../../support/app.ts";
import { useOwnStack } from "../../../support/own-stack.ts";
import { newFacts, pairsOfFacts } from "./support.ts";

const json = { contentType: "application/json" };

// The chain is one for a whole project, and these tests break it.
const own = useOwnStack("receipts");
let context: ErasureContext;

beforeAll(() => {
  context = own.erasures;
});

beforeEach(async () => {
  own.lines.length = 0;
  await own.sql`truncate private.erasure_receipts`;
  const { error } = await own.admin.storage.emptyBucket("receipts");
  expect(error).toBeNull();
});

/** A context whose Storage does not answer. */
function withoutStorage(): ErasureContext {
  const supabaseUrl = `http://127.0.0.1:${deadPort}`;
  return { ...context, objects: createObjectStore({ ...own.env, supabaseUrl }) };
}

async function readChain(): Promise<string[]> {
  const rows = await own.sql<{ receipt: string }[]>`
    select receipt from private.erasure_receipts order by sequence
  `;
  return rows.map((row) => row.receipt);
}

async function verifyChain() {
  const { publicKey } = await openReceiptSigner(context.receiptKey);
  return await verifyReceipts(await readChain(), { ...publicKey });
}

async function listCopies(): Promise<string[]> {
  const { objects } = await context.objects.list("receipts");
  return objects.map((object) => object.key);
}

function keyOf(receipt: Receipt): string {
  return receiptKey({
    sequence: receipt.sequence,
    erasureId: receipt.erasure_id,
    stage: receipt.stage,
  });
}

describe("appendReceipt", () => {
  it("writes a chain that verifies, and a copy of each receipt", async () => {
    const receipts: Receipt[] = [];
    for (const facts of pairsOfFacts(2)) receipts.push(await appendReceipt(context, facts));
    expect(await readChain()).toEqual(receipts.map(toCanonicalJson));
    expect(await verifyChain()).toMatchObject({
      valid: true,
      receipts: 4,
      erasures: { provisional: 0, final: 2 },
    });
    expect(await listCopies()).toEqual(receipts.map(keyOf));
    for (const receipt of receipts) {
      const copy = await context.objects.get("receipts", keyOf(receipt));
      expect(new TextDecoder().decode(copy ?? undefined)).toBe(toCanonicalJson(receipt));
    }
  });

  it("gives the same receipt again, whatever the facts of the second call", async () => {
    const facts = newFacts();
    const first = await appendReceipt(context, facts);
    const second = await appendReceipt(context, { ...facts, finishedAt: new Date() });
    expect(second).toEqual(first);
    expect(await readChain()).toHaveLength(1);
  });

  it("makes one chain of 20 appends at once", async () => {
    const receipts = await Promise.all(
      Array.from({ length: 20 }, () => appendReceipt(context, newFacts())),
    );
    expect(receipts.map((receipt) => receipt.sequence).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    expect(await verifyChain()).toMatchObject({ valid: true, receipts: 20 });
    expect(await listCopies()).toHaveLength(20);
  });

  it("makes one receipt when 20 processes finish the same erasure", async () => {
    const facts = newFacts();
    const others = Array.from({ length: 4 }, () => createDatabase(own.env));
    const receipts = await Promise.all(
      Array.from(
        { length: 20 },
        (_, index) =>
          appendReceipt({ ...context, database: others[index % 4] ?? context.database }, facts),
      ),
    );
    await Promise.all(others.map((other) => other.close()));
    expect(new Set(receipts.map((receipt) => receipt.hash)).size).toBe(1);
    expect(await readChain()).toHaveLength(1);
  });

  it("holds nothing that names the user", async () => {
    const email = `grace-${crypto.randomUUID()}@example.test`;
    const { data } = await own.admin.auth.admin.createUser({ email, email_confirm: true });
    const userId = data.user?.id ?? "";
    const subject = await keyedSubject(context.pseudonymKey, "user", userId);
    await appendReceipt(context, newFacts({ subject }));
    const [text = ""] = await readChain();
    expect(text).toContain(subject);
    const { d } = JSON.parse(context.receiptKey);
    for (
      const secret of [userId, userId.replaceAll("-", ""), email, "grace", d, context.pseudonymKey]
    ) {
      expect(text).not.toContain(secret);
    }
  });

  it("refuses a fact that names somebody, and writes nothing", async () => {
    const leftovers = [{ what: "auth.users", reason: "ada@example.test is still there" }];
    await expect(appendReceipt(context, newFacts({ leftovers }))).rejects.toThrow();
    expect(await readChain()).toEqual([]);
  });

  it("refuses a key that is none before it writes", async () => {
    const appended = appendReceipt({ ...context, receiptKey: "a key of some length" }, newFacts());
    await expect(appended).rejects.toThrow(/HEIMDEX_RECEIPT_KEY/);
    expect(await readChain()).toEqual([]);
  });

  it("refuses to begin a second chain when the database has lost what the bucket holds", async () => {
    for (const facts of pairsOfFacts(2)) await appendReceipt(context, facts);
    await own.sql`delete from private.erasure_receipts where sequence > 2`;
    await expect(appendReceipt(context, newFacts())).rejects.toThrow(ReceiptsLostError);
    expect(await readChain()).toHaveLength(2);
  });
});

describe("the copies in bucket receipts", () => {
  it("wait for Storage and come with the next receipt", async () => {
    await appendReceipt(withoutStorage(), newFacts());
    await appendReceipt(withoutStorage(), newFacts());
    expect(own.lines).toContainEqual(
      expect.objectContaining({ event: "receipt_copy_waits", reason: "storage_unavailable" }),
    );
    expect(await listCopies()).toEqual([]);
    await own.sql`update private.erasure_receipts set created_at = now() - interval '10 seconds'`;
    await appendReceipt(context, newFacts());
    expect(await listCopies()).toHaveLength(3);
  });

  it("are repaired page by page without a new receipt", async () => {
    for (let count = 0; count < 120; count++) {
      await appendReceipt(withoutStorage(), newFacts());
    }
    expect(await repairReceiptCopies(context)).toEqual({ copied: 120, differing: [] });
    expect(await listCopies()).toHaveLength(120);
    expect(await repairReceiptCopies(context)).toEqual({ copied: 0, differing: [] });
  });

  it("are made again when they have gone, once somebody asks for a recount", async () => {
    const receipt = await appendReceipt(context, newFacts());
    await context.objects.remove("receipts", [keyOf(receipt)]);
    expect(await repairReceiptCopies(context)).toMatchObject({ copied: 0 });
    expect(await repairReceiptCopies(context, { recount: true })).toMatchObject({ copied: 1 });
    expect(await listCopies()).toEqual([keyOf(receipt)]);
  });

  it("are taken as done when the answer to the upload was lost", async () => {
    const receipt = await appendReceipt(withoutStorage(), newFacts());
    await context.objects.put("receipts", keyOf(receipt), toCanonicalJson(receipt), json);
    expect(await repairReceiptCopies(context)).toEqual({ copied: 1, differing: [] });
  });

  it("are never overwritten: another receipt at the key is told", async () => {
    const receipt = await appendReceipt(withoutStorage(), newFacts());
    await context.objects.put("receipts", keyOf(receipt), "{}", json);
    expect(await repairReceiptCopies(context)).toEqual({ copied: 0, differing: [1] });
    expect(own.lines).toContainEqual(
      { level: "error", event: "receipt_copy_differs", sequence: receipt.sequence },
    );
    const copy = await context.objects.get("receipts", keyOf(receipt));
    expect(new TextDecoder().decode(copy ?? undefined)).toBe("{}");
  });

  it("are closed to everybody but the server", async () => {
    const receipt = await appendReceipt(context, newFacts());
    const password = `pw-${crypto.randomUUID()}`;
    const email = `eve-${crypto.randomUUID()}@example.test`;
    await own.admin.auth.admin.createUser({ email, password, email_confirm: true });
    const { url, publishableKey } = own.stack;
    const quiet = { auth: { persistSession: false, autoRefreshToken: false } };
    const anonymous = createClient(url, publishableKey, quiet);
    const user = createClient(url, publishableKey, quiet);
    expect((await user.auth.signInWithPassword({ email, password })).error).toBeNull();
    for (const client of [anonymous, user]) {
      const bucket = client.storage.from("receipts");
      expect((await bucket.list()).data ?? []).toEqual([]);
      expect((await bucket.download(keyOf(receipt))).error).not.toBeNull();
      expect((await bucket.upload("x.json", "{}", json)).error).not.toBeNull();
      expect((await bucket.createSignedUrl(keyOf(receipt), 60)).error).not.toBeNull();
      expect((await bucket.remove([keyOf(receipt)])).data ?? []).toEqual([]);
    }
    expect(await listCopies()).toEqual([keyOf(receipt)]);
  });
});

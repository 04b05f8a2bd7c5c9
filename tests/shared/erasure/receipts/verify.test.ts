import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  digestReceipt,
  type Receipt,
  type ReceiptFacts,
  ReceiptKeyError,
  toCanonicalJson,
  verifyReceipts,
} from "../../../../shared/erasure/receipts/mod.ts";
import { toHex } from "../../../../shared/erasure/receipts/canonical.ts";
import { testSize } from "../../../support/size.ts";
import {
  newChain,
  newFacts,
  newSigner,
  pairsOfFacts,
  type TestSigner,
  toTexts,
} from "./support.ts";

let signer: TestSigner;
let chain: Receipt[];
let texts: string[];

beforeAll(async () => {
  signer = await newSigner();
  chain = await newChain(signer, pairsOfFacts(3));
  texts = toTexts(chain);
});

async function faultsOf(given: readonly string[], options = {}): Promise<string[]> {
  const report = await verifyReceipts(given, signer.jwk, options);
  expect(report.valid).toBe(report.faults.length === 0);
  return report.faults.map((fault) =>
    fault.sequence === undefined ? fault.code : `${fault.code} ${fault.sequence}`
  );
}

/** Signs a changed receipt anew, as somebody could who has the key. */
async function resign(receipt: Receipt, changes: Partial<Receipt>): Promise<Receipt> {
  const { hash: _hash, signature, ...body } = { ...receipt, ...changes };
  const digest = await digestReceipt(body);
  return {
    ...body,
    hash: toHex(digest),
    signature: { ...signature, value: await signer.sign(digest) },
  };
}

describe("verifyReceipts", () => {
  it("accepts a whole chain and says what it proves", async () => {
    expect(await verifyReceipts(texts, signer.jwk)).toEqual({
      valid: true,
      receipts: 6,
      excerpt: false,
      first: 1,
      head: { sequence: 6, hash: chain[5]?.hash },
      erasures: { provisional: 0, final: 3 },
      leftovers: 6,
      faults: [],
    });
  });

  it("accepts one receipt by itself, as an excerpt", async () => {
    const report = await verifyReceipts(texts.slice(3, 4), signer.jwk);
    expect(report).toMatchObject({ valid: true, excerpt: true, first: 4, receipts: 1 });
  });

  it("accepts the receipts of one erasure out of many when told so", async () => {
    const [first, , third, , , last] = texts;
    expect(await faultsOf([third, last].map(String), { excerpt: true })).toEqual([]);
    expect(await faultsOf([first, third].map(String))).toEqual(["gap 3"]);
  });

  it("notices every changed byte of a receipt", async () => {
    const [text = ""] = texts;
    const byte = fc.record({
      at: fc.nat({ max: text.length - 1 }),
      to: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)),
    });
    await fc.assert(
      fc.asyncProperty(byte, async ({ at, to }) => {
        fc.pre(text[at] !== to);
        const changed = text.slice(0, at) + to + text.slice(at + 1);
        expect((await verifyReceipts([changed], signer.jwk)).valid, changed).toBe(false);
      }),
      { numRuns: testSize({ sampled: 500, long: 20_000 }) },
    );
  });

  it("notices the unused bits at the end of a signature", async () => {
    const [receipt] = chain;
    const value = receipt?.signature.value ?? "";
    const twins = { A: "B", Q: "R", g: "h", w: "x" };
    const twin = Object.entries(twins).find(([end]) => value.endsWith(end))?.[1];
    const changed = {
      ...receipt,
      signature: { ...receipt?.signature, value: value.slice(0, -1) + twin },
    };
    expect(await faultsOf(toTexts([changed]))).toEqual(["signature_wrong 1"]);
  });

  it.each([
    ["first", 0, ["start_missing 2", "provisional_missing 2"]],
    ["second", 1, ["gap 3"]],
    ["third", 2, ["gap 4", "provisional_missing 4"]],
  ])("notices that the %s receipt was dropped", async (_which, index, expected) => {
    expect(await faultsOf(texts.toSpliced(index, 1))).toEqual(expected);
  });

  it("notices that the newest receipt was dropped when it is told the last hash", async () => {
    const head = chain.at(-1)?.hash ?? "";
    expect(await faultsOf(texts, { head })).toEqual([]);
    expect(await faultsOf(texts.slice(0, -1), { head })).toEqual(["head_differs 5"]);
  });

  it("notices two that changed places", async () => {
    const [a = "", b = "", ...rest] = texts;
    expect(await faultsOf([b, a, ...rest])).toEqual(["out_of_order 1"]);
  });

  it("notices two whose numbers were exchanged, although somebody with the key signed them", async () => {
    const [a, b, ...rest] = chain;
    if (!a || !b) throw new Error("The chain is too short");
    const first = await resign(b, { sequence: 1, previous_hash: null });
    const second = await resign(a, { sequence: 2, previous_hash: first.hash });
    expect(await faultsOf(toTexts([first, second, ...rest]))).toEqual([
      "chain_broken 3",
      "stages_differ 1",
    ]);
  });

  it("notices a fork", async () => {
    const other = await newChain(signer, [newFacts(), newFacts(), newFacts()]);
    const faults = await faultsOf([
      ...texts.slice(0, 3),
      ...toTexts(other.slice(2)),
      texts[3] ?? "",
    ]);
    expect(faults).toContain("fork 3");
  });

  it("notices another key, and a receipt that claims to be of this one", async () => {
    const stranger = await newSigner();
    const [forged] = await newChain(stranger, [newFacts()]);
    expect(await faultsOf(toTexts([forged]))).toEqual(["key_unknown 1"]);
    const claiming = {
      ...forged,
      signature: { ...forged?.signature, kid: signer.publicKey.kid },
    };
    expect(await faultsOf(toTexts([claiming]))).toEqual(["signature_wrong 1"]);
  });

  it("accepts a chain whose key was changed when it has both keys", async () => {
    const next = await newSigner();
    const [first] = await newChain(signer, [newFacts()]);
    if (!first) throw new Error("The chain is empty");
    const { signature: _signature, hash: _hash, ...body } = {
      ...first,
      sequence: 2,
      previous_hash: first.hash,
      erasure_id: crypto.randomUUID(),
    };
    const digest = await digestReceipt(body);
    const second = {
      ...body,
      hash: toHex(digest),
      signature: { alg: "Ed25519", kid: next.publicKey.kid, value: await next.sign(digest) },
    };
    const both = { keys: [signer.jwk, next.jwk] };
    expect((await verifyReceipts(toTexts([first, second]), both)).faults).toEqual([]);
    expect(await faultsOf(toTexts([first, second]))).toEqual(["key_unknown 2"]);
  });

  it.each<[string, Partial<ReceiptFacts>]>([
    ["a row", { tables: { "public.videos": { before: 3, after: 1, disposition: "erase" } } }],
    ["a name", {
      tables: { "public.audit_events": { before: 3, after: 1, disposition: "anonymise" } },
    }],
    ["an object", {
      buckets: {
        uploads: {
          before: { objects: 1, bytes: 1 },
          after: { objects: 1, bytes: 0 },
          disposition: "erase",
        },
      },
    }],
  ])("notices that %s was left, although the receipt is signed", async (_what, left) => {
    expect(await faultsOf(toTexts(await newChain(signer, [newFacts(left)])))).toEqual([
      "counts_left 1",
    ]);
  });

  it("accepts what the manifest retains", async () => {
    const tables = { "public.consents": { before: 1, after: 1, disposition: "retain" as const } };
    expect(await faultsOf(toTexts(await newChain(signer, [newFacts({ tables })])))).toEqual([]);
  });

  it("notices that the two receipts of an erasure do not agree", async () => {
    const facts = newFacts();
    const other = { ...facts, stage: "final" as const, subject: "ef".repeat(32) };
    expect(await faultsOf(toTexts(await newChain(signer, [facts, other])))).toEqual([
      "stages_differ 2",
    ]);
    expect(await faultsOf(toTexts(await newChain(signer, [facts, facts])))).toEqual([
      "stage_repeated 2",
    ]);
  });

  it.each([
    ["no receipt at all", [], ["empty"]],
    ["no JSON", ["{"], ["unreadable", "empty"]],
    ["another document", ['{"version":1}'], ["malformed", "empty"]],
    ["a number", ["7"], ["malformed", "empty"]],
  ])("notices %s", async (_what, given, expected) => {
    expect(await faultsOf(given)).toEqual(expected);
  });

  it("notices white space, another order of members, and a member more", async () => {
    const [receipt] = chain;
    expect(await faultsOf([JSON.stringify(receipt, null, 2)])).toEqual(["not_canonical 1"]);
    expect(await faultsOf([JSON.stringify({ ...receipt })])).toEqual(["not_canonical 1"]);
    expect(await faultsOf(toTexts([{ ...receipt, note: "x" }]))).toEqual(["malformed", "empty"]);
  });

  it("counts a receipt that was read twice once", async () => {
    const report = await verifyReceipts([...texts, texts[5] ?? ""], signer.jwk);
    expect(report).toMatchObject({ valid: true, receipts: 6 });
  });

  it("refuses a key that is none", async () => {
    await expect(verifyReceipts(texts, { kty: "RSA" })).rejects.toThrow(ReceiptKeyError);
  });
});

describe("canonical form and hash", () => {
  const members = fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.string(), fc.boolean()));
  const runs = { numRuns: testSize({ sampled: 300, long: 10_000 }) };

  it("does not depend on the order of members", () => {
    fc.assert(
      fc.property(members, (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(toCanonicalJson(turned)).toBe(toCanonicalJson(value));
      }),
      runs,
    );
  });

  it("is read back as what it was, and written again the same", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = toCanonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(toCanonicalJson(JSON.parse(text))).toBe(text);
      }),
      runs,
    );
  });

  it("gives two receipts the same hash only when their content is the same", async () => {
    const facts = fc.record({
      before: fc.nat(),
      rows: fc.nat(),
      reason: fc.constantFrom("a reason", "another", "näher erklärt", "まだ"),
    });
    await fc.assert(
      fc.asyncProperty(facts, facts, async (one, other) => {
        const [a, b] = await Promise.all([one, other].map(async ({ before, rows, reason }) => {
          const [receipt] = await newChain(signer, [newFacts({
            erasureId: "11111111-1111-4111-8111-111111111111",
            tables: { "public.videos": { before, after: rows, disposition: "retain" } },
            leftovers: [{ what: "auth.flow_state", reason }],
          })]);
          return receipt?.hash;
        }));
        expect(a === b).toBe(toCanonicalJson(one) === toCanonicalJson(other));
      }),
      { numRuns: testSize({ sampled: 50, long: 2000 }) },
    );
  });

  it("follows RFC 8785 in its order, its numbers and its escapes", () => {
    const value = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      numbers: [333333333.33333329, 1E30, 4.50, 2e-3, 1e-27],
    };
    expect(toCanonicalJson(value)).toBe(
      '{"\\r":"Carriage Return","1":"One","numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"\u20ac":"Euro Sign","\ud83d\ude00":"Emoji: Grinning Face"}',
    );
  });
});

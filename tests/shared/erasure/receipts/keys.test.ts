import { calculateJwkThumbprint } from "jose";
import { describe, expect, it } from "vitest";
import {
  createPseudonymizer,
  keyedSubject,
  openReceiptKeyring,
  openReceiptSigner,
  ReceiptKeyError,
  signReceipt,
} from "../../../../shared/erasure/receipts/mod.ts";
import { newFacts, newReceiptKey, newSigner } from "./support.ts";

describe("openReceiptSigner", () => {
  it("names its key by the thumbprint of RFC 7638 and hands out the public half only", async () => {
    const { publicKey } = await openReceiptSigner(await newReceiptKey());
    expect(publicKey).toEqual({
      kty: "OKP",
      crv: "Ed25519",
      x: expect.stringMatching(/^[\w-]{43}$/),
      alg: "Ed25519",
      use: "sig",
      kid: await calculateJwkThumbprint(publicKey),
    });
  });

  it("finds the thumbprint of RFC 8037 appendix A", async () => {
    const jwk = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
    const keyring = await openReceiptKeyring(jwk);
    expect(keyring.has("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")).toBe(true);
  });

  it.each([
    ["no JSON", () => "open sesame, please"],
    ["another key type", () => JSON.stringify({ kty: "oct", k: "c2VjcmV0" })],
    ["a public key", async () => {
      const { d: _d, ...publicHalf } = JSON.parse(await newReceiptKey());
      return JSON.stringify(publicHalf);
    }],
    ["halves of two keys", async () => {
      const [one, other] = [JSON.parse(await newReceiptKey()), JSON.parse(await newReceiptKey())];
      return JSON.stringify({ ...one, x: other.x });
    }],
  ])("refuses %s without showing it", async (_what, make) => {
    const key = await make();
    const error = await openReceiptSigner(key).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ReceiptKeyError);
    expect(String(error)).toContain("HEIMDEX_RECEIPT_KEY");
    expect(String(error)).not.toContain(key);
  });
});

describe("keyedSubject", () => {
  const id = "0B0C5E1E-8D3B-4A53-9C41-3D3A9C1D7E10";

  it("is the HMAC of kind and id, whatever the case of the id", async () => {
    const subject = await keyedSubject("a key of some length", "user", id);
    expect(subject).toMatch(/^[0-9a-f]{64}$/);
    expect(await keyedSubject("a key of some length", "user", id.toLowerCase())).toBe(subject);
    const pseudonymize = await createPseudonymizer("a key of some length", "user");
    expect(await pseudonymize(id)).toBe(subject);
  });

  it("differs by kind and by key", async () => {
    const subjects = await Promise.all([
      keyedSubject("a key of some length", "user", id),
      keyedSubject("a key of some length", "person", id),
      keyedSubject("another key of some length", "user", id),
    ]);
    expect(new Set(subjects).size).toBe(3);
  });

  it("agrees with HMAC-SHA256 as others compute it", async () => {
    const { createHmac } = await import("node:crypto");
    const expected = createHmac("sha256", "key").update(`person:${id.toLowerCase()}`).digest("hex");
    expect(await keyedSubject("key", "person", id)).toBe(expected);
  });
});

describe("signReceipt", () => {
  const place = { sequence: 1, previousHash: null, issuedAt: new Date() };

  it.each([
    ["the id of somebody", { what: crypto.randomUUID(), reason: "unknown" }],
    ["an id without dashes", { what: crypto.randomUUID().replaceAll("-", ""), reason: "unknown" }],
    ["an address", { what: "auth.users", reason: "ada@example.test still signs in" }],
  ])("refuses %s in a leftover", async (_what, leftover) => {
    const facts = newFacts({ leftovers: [leftover] });
    await expect(signReceipt(facts, place, await newSigner())).rejects.toThrow(/no UUID/);
  });

  it.each([
    ["a raw id as subject", { subject: crypto.randomUUID() }],
    ["a count below zero", {
      tables: { t: { before: -1, after: 0, disposition: "erase" as const } },
    }],
    ["an id as table", {
      tables: { [crypto.randomUUID()]: { before: 0, after: 0, disposition: "erase" as const } },
    }],
  ])("refuses %s", async (_what, given) => {
    await expect(signReceipt(newFacts(given), place, await newSigner())).rejects.toThrow();
  });
});

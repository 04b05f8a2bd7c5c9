import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Receipt,
  receiptKey,
  type VerificationReport,
} from "../../shared/erasure/receipts/mod.ts";
import {
  newChain,
  newFacts,
  newReceiptKey,
  newSigner,
  pairsOfFacts,
  type TestSigner,
  toTexts,
} from "../shared/erasure/receipts/support.ts";
import { heimdex } from "../support/heimdex.ts";

let folder: string;
let signer: TestSigner;
let chain: Receipt[];
let texts: string[];
let key: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "heimdex-verify-"));
  signer = await newSigner();
  chain = await newChain(signer, pairsOfFacts(2));
  texts = toTexts(chain);
  key = await put("receipts.pub.json", JSON.stringify(signer.jwk));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function put(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** The receipts in a folder of their own, named as in the bucket. */
async function putFolder(receipts: readonly Receipt[]): Promise<string> {
  const path = await mkdtemp(join(folder, "receipts-"));
  for (const receipt of receipts) {
    const { sequence, stage, erasure_id: erasureId } = receipt;
    const [text = ""] = toTexts([receipt]);
    await writeFile(join(path, receiptKey({ sequence, erasureId, stage })), text);
  }
  return path;
}

/** Offline: neither a database nor any setting is known to the command. */
function verify(...args: string[]) {
  const unset = { DATABASE_URL: undefined, SUPABASE_URL: undefined };
  return heimdex(["erasure", "verify", "--key", key, ...args], unset);
}

async function faultsOf(...args: string[]): Promise<string[]> {
  const { code, out } = await verify("--json", ...args);
  const report: VerificationReport = JSON.parse(out);
  expect({ code, valid: report.valid }).toEqual({ code: 1, valid: false });
  return report.faults.map((fault) => fault.code);
}

describe("heimdex erasure verify", () => {
  it("accepts one receipt, and says that it shows no chain", async () => {
    const { code, out } = await verify(await put("one.json", `${texts[2]}\n`));
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringContaining("valid, as an excerpt"),
    });
  });

  it("accepts a folder, a file with one a line, and several files", async () => {
    const lines = await put("chain.ndjson", `${texts.join("\n")}\n`);
    const files = await Promise.all(texts.map((text, at) => put(`file-${4 - at}.json`, text)));
    for (const given of [[await putFolder(chain)], [lines], files]) {
      const { code, out, err } = await verify(...given);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out.split("\n").slice(0, 2)).toEqual([
        "receipts   4, from 1 to 4",
        "erasures   2 final, 0 provisional",
      ]);
    }
  });

  it("writes a report for machines", async () => {
    const { code, out } = await verify("--json", await putFolder(chain));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      valid: true,
      receipts: 4,
      head: { sequence: 4, hash: chain[3]?.hash },
      faults: [],
    });
  });

  it("notices a changed byte, and names file, receipt and fault", async () => {
    const changed = texts.with(1, (texts[1] ?? "").replace('"before":12', '"before":13'));
    const path = await put("changed.ndjson", changed.join("\n"));
    const { code, out } = await verify(path);
    expect(code).toBe(1);
    expect(out).toMatch(/2\s+hash_wrong\s+The content does not have the hash it names\s+\S+:2$/m);
    expect(out.trimEnd()).toMatch(/NOT VALID$/);
  });

  it("notices one dropped, the newest dropped, two exchanged, and counts above zero", async () => {
    const head = ["--head", chain[3]?.hash ?? ""];
    expect(await faultsOf(await putFolder(chain.toSpliced(1, 1)))).toContain("gap");
    expect(await faultsOf(await putFolder(chain.slice(0, -1)), ...head)).toEqual(["head_differs"]);
    const [a = "", b = "", ...rest] = texts;
    expect(await faultsOf(await put("swapped.ndjson", [b, a, ...rest].join("\n")))).toEqual([
      "out_of_order",
    ]);
    const tables = { "public.videos": { before: 1, after: 1, disposition: "erase" as const } };
    const left = await newChain(signer, [newFacts({ tables })]);
    expect(await faultsOf(await putFolder(left))).toEqual(["counts_left"]);
  });

  it("accepts a gap in an excerpt only", async () => {
    const some = await putFolder([chain[0], chain[3]].filter((one) => one !== undefined));
    expect(await faultsOf(some)).toContain("gap");
    expect((await verify("--excerpt", some)).code).toBe(0);
  });

  it("notices another key, and takes several", async () => {
    const other = await put("other.pub.json", JSON.stringify((await newSigner()).jwk));
    const receipts = await putFolder(chain);
    const wrong = await heimdex(["erasure", "verify", "--key", other, "--json", receipts]);
    const { faults }: VerificationReport = JSON.parse(wrong.out);
    expect({ code: wrong.code, faults: faults.map((fault) => fault.code) }).toEqual({
      code: 1,
      faults: Array(4).fill("key_unknown"),
    });
    expect((await verify("--key", other, receipts)).code).toBe(0);
    const set = await put("keys.json", JSON.stringify({ keys: [signer.jwk] }));
    expect((await heimdex(["erasure", "verify", "--key", set, receipts])).code).toBe(0);
  });

  it("exits 2 with a sentence when it is used wrongly", async () => {
    const receipts = await putFolder(chain);
    const empty = await mkdtemp(join(folder, "empty-"));
    const text = await put("key.txt", "open sesame");
    const rsa = await put("rsa.json", '{"kty":"RSA"}');
    const cases = [
      { args: ["--key", key], says: "missing required argument" },
      { args: [receipts], says: "required option '--key <file>' not specified" },
      { args: ["--key", key, join(folder, "nowhere")], says: "Cannot read" },
      { args: ["--key", join(folder, "nowhere"), receipts], says: "Cannot read" },
      { args: ["--key", key, empty], says: "holds no .json or .ndjson file" },
      { args: ["--key", text, receipts], says: "holds no JSON Web Key" },
      { args: ["--key", rsa, receipts], says: "The key is no Ed25519 public JWK" },
    ];
    for (const { args, says } of cases) {
      const { code, out, err } = await heimdex(["erasure", "verify", ...args]);
      expect({ code, out, err }).toEqual({ code: 2, out: "", err: expect.stringContaining(says) });
    }
  });
});

describe("heimdex erasure key", () => {
  it("prints the public half of the key, which verifies", async () => {
    const { code, out } = await heimdex(["erasure", "key"], {
      HEIMDEX_RECEIPT_KEY: signer.privateKey,
    });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(signer.publicKey);
    expect(out).not.toContain(JSON.parse(signer.privateKey).d);
  });

  it("exits 2 without a key, or with one that is none, and shows no part of it", async () => {
    const none = await heimdex(["erasure", "key"], { HEIMDEX_RECEIPT_KEY: undefined });
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining("HEIMDEX_RECEIPT_KEY") });
    const jwk = { ...JSON.parse(await newReceiptKey()), crv: "X25519" };
    const bad = await heimdex(["erasure", "key"], { HEIMDEX_RECEIPT_KEY: JSON.stringify(jwk) });
    expect(bad).toMatchObject({ code: 2, err: expect.stringContaining("no Ed25519 private JWK") });
    expect(bad.err).not.toContain(jwk.d);
  });
});

import { describe, expect, it } from "vitest";
import { readEnv } from "../../shared/env.ts";
import { openReceiptSigner } from "../../shared/erasure/receipts/mod.ts";
import { createSecrets } from "../../tools/write-secrets.ts";

const platform = {
  SUPABASE_URL: "http://127.0.0.1:54321",
  SUPABASE_PUBLISHABLE_KEY: "publishable",
  SUPABASE_SECRET_KEY: "secret",
  SUPABASE_DB_URL: "postgresql://postgres@127.0.0.1:54322/postgres",
};

describe("createSecrets", () => {
  it("makes settings that the functions take, other ones each time", async () => {
    const [first, second] = await Promise.all([createSecrets(), createSecrets()]);
    const env = readEnv({ ...platform, ...first });
    expect(env.webhookSecrets).toEqual([first.HEIMDEX_WEBHOOK_SECRETS]);
    expect(env.workerKeys).toEqual([first.HEIMDEX_WORKER_KEYS]);
    for (const [name, value] of Object.entries(first)) expect(second[name]).not.toBe(value);
  });

  it("makes a key that signs receipts", async () => {
    const { HEIMDEX_RECEIPT_KEY: key = "" } = await createSecrets();
    const { publicKey } = await openReceiptSigner(key);
    expect(publicKey).toMatchObject({ kty: "OKP", crv: "Ed25519" });
    expect(publicKey).not.toHaveProperty("d");
  });
});

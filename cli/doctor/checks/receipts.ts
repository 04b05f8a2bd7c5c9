import { openReceiptSigner, ReceiptKeyError } from "../../../shared/erasure/receipts/mod.ts";
import { type Check, found, notChecked } from "../check.ts";

export const receipts: Check = {
  id: "receipts",
  looks:
    "HEIMDEX_RECEIPT_KEY against the last receipt, and receipts without their copy in the bucket",
  why:
    "Without a key that signs no erasure ends, and a receipt signed by a key nobody kept proves " +
    "nothing; without the copies a restore of the database takes the proofs away",
  mend:
    "Set HEIMDEX_RECEIPT_KEY to the JSON of an Ed25519 private JWK; keep the public key of every " +
    "key that was in use (heimdex erasure key); copy with heimdex erasure receipts --repair",
  async run({ read, env, knowsSettings }) {
    const [row] = await read((sql) =>
      sql<[{ uncopied: number; kid: string | null }]>`
        select
          (select count(*)::int from private.erasure_receipts
            where copied_at is null and created_at < now() - interval '1 hour') as uncopied,
          (select receipt::jsonb #>> '{signature,kid}' from private.erasure_receipts
            order by sequence desc limit 1) as kid`
    );
    const uncopied = row.uncopied > 0 ? [`Receipts without a copy: ${row.uncopied}`] : [];
    const { HEIMDEX_RECEIPT_KEY: key } = env;
    if (!key && !knowsSettings && uncopied.length === 0) {
      return notChecked("The settings of the functions are not in this environment");
    }
    return found([...uncopied, ...key ? await examineKey(key, row.kid) : [missing(knowsSettings)]]);
  },
};

function missing(knowsSettings: boolean): string {
  return knowsSettings
    ? "HEIMDEX_RECEIPT_KEY is not set: erasures stop before their receipt"
    : "HEIMDEX_RECEIPT_KEY is not in this environment";
}

async function examineKey(key: string, lastKid: string | null): Promise<string[]> {
  try {
    const { publicKey } = await openReceiptSigner(key);
    if (lastKid === null || lastKid === publicKey.kid) return [];
    return [
      `The last receipt was signed by another key (${lastKid}): keep the public half of that one`,
    ];
  } catch (error) {
    if (error instanceof ReceiptKeyError) return [error.message];
    throw error;
  }
}

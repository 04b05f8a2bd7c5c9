import type { Database } from "../../database/doors.ts";
import type { Receipt } from "./receipt.ts";
import { insertReceipts, lockChain } from "./store.ts";

const pageSize = 200;

/** Between plan and import somebody wrote to the chain. */
export class ChainChangedError extends Error {
  override readonly name = "ChainChangedError";
}

/**
 * Brings verified receipts back that the database has lost. All or none of a page of 200.
 * Throws: ChainChangedError when one of their places is taken by another receipt by now; AppError
 * database_unavailable.
 */
export async function importReceipts(
  database: Pick<Database, "asService">,
  receipts: readonly Receipt[],
): Promise<void> {
  for (let start = 0; start < receipts.length; start += pageSize) {
    const page = receipts.slice(start, start + pageSize);
    await database.asService(async (sql) => {
      await lockChain(sql);
      if (await insertReceipts(sql, page) === page.length) return;
      throw new ChainChangedError(
        "New receipts were written in the place of lost ones: stop the drain, then run it again",
      );
    });
  }
}

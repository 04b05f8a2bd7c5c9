import type { VerifiedToken } from "../../auth/verify-token.ts";
import type { Database, Transaction } from "../../database/doors.ts";
import { AppError } from "../../errors/app-error.ts";
import { hashStatusToken } from "./status-token.ts";
import {
  cancelErasureByToken,
  cancelOwnErasure,
  type ErasureRecord,
  readErasureByToken,
  readOwnErasure,
} from "./store.ts";

/** Who asks for an erasure: the user, or whoever holds its status token. */
export type ErasureHolder = { readonly verified: VerifiedToken } | { readonly statusToken: string };

/**
 * The erasure of a holder; of a user the open one, else the newest.
 * @throws AppError erasure_not_found (404), session_revoked (401), database_unavailable (503)
 */
export async function readErasure(
  database: Database,
  holder: ErasureHolder,
): Promise<ErasureRecord> {
  return await askAs(database, holder, { own: readOwnErasure, byToken: readErasureByToken });
}

/**
 * Cancels the erasure of a holder while it waits for its time; a cancelled one stays so.
 * @throws AppError erasure_not_cancellable (409), and what readErasure throws
 */
export async function cancelErasure(
  database: Database,
  holder: ErasureHolder,
): Promise<ErasureRecord> {
  return await askAs(database, holder, { own: cancelOwnErasure, byToken: cancelErasureByToken });
}

/** The same question for either holder. */
interface Question {
  own(sql: Transaction): Promise<ErasureRecord | null>;
  byToken(database: Database, tokenHash: string): Promise<ErasureRecord | null>;
}

async function askAs(
  database: Database,
  holder: ErasureHolder,
  { own, byToken }: Question,
): Promise<ErasureRecord> {
  const erasure = "verified" in holder
    ? await database.asUser(holder.verified, own)
    : await byToken(database, await hashStatusToken(holder.statusToken));
  if (erasure) return erasure;
  throw new AppError(
    "erasure_not_found",
    "There is no erasure for this token: a newer status token may have replaced it, or no " +
      "deletion was asked for",
  );
}

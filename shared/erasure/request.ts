import type { Transaction } from "../database/doors.ts";
import { AppError } from "../errors/app-error.ts";
import type { ErasureContext } from "./context.ts";
import { isNothing } from "./counts.ts";
import type { Erasure, ErasureOrigin } from "./erasure.ts";
import { hasUnmovedUsers } from "./legacy-hold.ts";
import { keyedSubject } from "./receipts/subject.ts";
import { countUser } from "./rows.ts";
import {
  bringForward,
  type ErasureJob,
  findFinalErasure,
  findOpenErasure,
  insertErasure,
} from "./store.ts";

/** Whom to erase, and on whose word. Ids are UUIDs in lower case. */
export type ErasureRequest =
  | { kind: "user"; userId: string; origin: Exclude<ErasureOrigin, "person"> }
  | { kind: "person"; personId: string; userId: string; origin: "person" };

/**
 * Opens an erasure or joins the one that is open; nothing is erased yet. A user who is erased
 * already gives that erasure back, unless a restore has brought something of theirs again.
 * Begins as `held` when more erasures than the configured number were asked for within the hour, or
 * while legacy users are not moved over.
 * @throws AppError user_still_exists while the account lives and is not soft-deleted,
 * user_not_found when nothing was ever known of this user, database_unavailable.
 */
export async function requestErasure(ctx: ErasureContext, o: ErasureRequest): Promise<Erasure> {
  return o.kind === "user" ? await requestUser(ctx, o) : await requestPerson(ctx, o);
}

async function requestPerson(
  ctx: ErasureContext,
  o: Extract<ErasureRequest, { kind: "person" }>,
): Promise<ErasureJob> {
  const subject = await keyedSubject(ctx.pseudonymKey, "person", o.personId);
  const now = ctx.now();
  return await ctx.database.asService((sql) =>
    insertErasure(sql, { ...o, subject, state: "pending", now })
  );
}

async function requestUser(
  ctx: ErasureContext,
  { userId, origin }: Extract<ErasureRequest, { kind: "user" }>,
): Promise<ErasureJob> {
  const subject = await keyedSubject(ctx.pseudonymKey, "user", userId);
  const now = ctx.now();
  return await ctx.database.asService(async (sql) => {
    await sql`select private.require_deleted_user(${userId})`;
    // Counting and opening belong together: two requests must not both be the last one allowed.
    await sql`select pg_advisory_xact_lock(hashtextextended('heimdex:request_erasure', 0))`;
    const open = await findOpenErasure(sql, userId);
    if (open && open.state !== "scheduled") return open;
    if (!open) {
      const done = await findDone(sql, userId, subject);
      if (done) return done;
    }
    const state = await mustBeHeld(sql, ctx) ? "held" : "pending";
    if (open) return await bringForward(sql, open.erasureId, { state, now });
    return await insertErasure(sql, {
      kind: "user",
      userId,
      personId: null,
      subject,
      origin,
      state,
      now,
    });
  });
}

/**
 * The final erasure of a user of whom nothing has come back since; undefined when there is something
 * to erase.
 * @throws AppError user_not_found for an id nobody ever had
 */
async function findDone(
  sql: Transaction,
  userId: string,
  subject: string,
): Promise<ErasureJob | undefined> {
  const [known] = await sql<{ account: boolean; tombstone: boolean }[]>`
    select exists (select from auth.users where id = ${userId}) as account,
      exists (select from private.erased_users where subject = ${subject}) as tombstone`;
  if (known?.account || !isNothing(await countUser(sql, userId))) return undefined;
  if (known?.tombstone) return await findFinalErasure(sql, subject);
  throw new AppError("user_not_found", "Nothing is stored of this user: check the user id");
}

async function mustBeHeld(sql: Transaction, ctx: ErasureContext): Promise<boolean> {
  const hourAgo = new Date(ctx.now().getTime() - 3_600_000);
  const [row] = await sql<{ recent: number }[]>`
    select count(*) as recent from private.erasures
    where kind = 'user' and state not in ('scheduled', 'held', 'cancelled')
      and greatest(requested_at, effective_at) > ${hourAgo}`;
  return (row?.recent ?? 0) >= ctx.erasuresPerHour || await hasUnmovedUsers(sql);
}

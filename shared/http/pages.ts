import type { z } from "zod";
import { type Env, requireSetting } from "../env.ts";
import { AppError } from "../errors/app-error.ts";
import { type CursorValue, hashQuery, readCursor, signCursor } from "./cursor.ts";

/** Cursors of one list, bound to the query they were made for. */
export interface Pager<T extends CursorValue[]> {
  /**
   * Reads the place a page begins after; undefined for the first page.
   * @throws AppError invalid_cursor
   */
  read(cursor: string | undefined): Promise<T | undefined>;
  sign(values: T): Promise<string>;
}

/** Where a page leaves off, as every list answers it. */
export interface NextPage {
  next_cursor: string | null;
  has_more: boolean;
}

/**
 * Opens the cursors of a list: `query` names the list, its owner and its filters; `shape` is what a
 * cursor of it holds.
 * @throws EnvError when HEIMDEX_CURSOR_KEY is not set
 */
export function openPager<T extends CursorValue[]>(
  env: Env,
  query: Record<string, unknown>,
  shape: z.ZodType<T>,
): Pager<T> {
  const key = requireSetting(env, "cursorKey");
  // Not waited for: it is ready when the page has been read, and the first page may never need it.
  const hash = hashQuery(query);
  return {
    async read(cursor) {
      if (cursor === undefined) return undefined;
      const parsed = shape.safeParse(await readCursor(key, await hash, cursor));
      if (parsed.success) return parsed.data;
      throw new AppError(
        "invalid_cursor",
        "The cursor is of an older kind, ask for the first page",
      );
    },
    sign: async (values) => signCursor(key, await hash, values),
  };
}

/**
 * Cuts a page out of `limit` rows and the one more by which a store tells that others follow, and
 * signs the place after the last row of the page.
 */
export async function cutPage<R, T extends CursorValue[]>(
  rows: R[],
  limit: number,
  pager: Pager<T>,
  place: (last: R) => T,
): Promise<NextPage & { rows: R[] }> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const hasMore = rows.length > limit;
  return {
    rows: page,
    next_cursor: hasMore && last !== undefined ? await pager.sign(place(last)) : null,
    has_more: hasMore,
  };
}

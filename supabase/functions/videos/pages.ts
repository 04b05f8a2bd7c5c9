import { z } from "zod";
import { AppError } from "../../../shared/errors/app-error.ts";
import { type Env, requireSetting } from "../../../shared/env.ts";
import {
  type CursorValue,
  hashQuery,
  readCursor,
  signCursor,
} from "../../../shared/http/cursor.ts";

/** Cursors of one list, bound to the query they were made for. */
export interface Pager<T extends CursorValue[]> {
  read(cursor: string | undefined): Promise<T | undefined>;
  sign(values: T): Promise<string>;
}

/** `query` names the list, its owner and its filters; `shape` is what a cursor of it holds. */
export async function openPager<T extends CursorValue[]>(
  env: Env,
  query: Record<string, unknown>,
  shape: z.ZodType<T>,
): Promise<Pager<T>> {
  const key = requireSetting(env, "cursorKey");
  const hash = await hashQuery(query);
  return {
    async read(cursor) {
      if (cursor === undefined) return undefined;
      const parsed = shape.safeParse(await readCursor(key, hash, cursor));
      if (parsed.success) return parsed.data;
      throw new AppError(
        "invalid_cursor",
        "The cursor is of an older kind, ask for the first page",
      );
    },
    sign: (values) => signCursor(key, hash, values),
  };
}

/** Cuts the one row too many off a page and signs the place after its last row. */
export async function cutPage<R, T extends CursorValue[]>(
  rows: R[],
  limit: number,
  pager: Pager<T>,
  place: (last: R) => T,
): Promise<{ rows: R[]; next_cursor: string | null; has_more: boolean }> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const hasMore = rows.length > limit;
  return {
    rows: page,
    next_cursor: hasMore && last !== undefined ? await pager.sign(place(last)) : null,
    has_more: hasMore,
  };
}

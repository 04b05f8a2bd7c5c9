import { requireSetting } from "../../../shared/env.ts";
import type { Env } from "../../../shared/env.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { hashQuery, readCursor, signCursor } from "../../../shared/http/cursor.ts";
import type { Position } from "./store.ts";

/** Cursors of one user's list of people. */
export async function createPositionCodec(env: Env, userId: string) {
  const key = requireSetting(env, "cursorKey");
  const query = await hashQuery({ route: "people", user: userId });
  return {
    write: (p: Position) => signCursor(key, query, [p.createdAt, p.personId]),
    read: async (cursor: string): Promise<Position> => {
      const [createdAt, personId] = await readCursor(key, query, cursor);
      if (typeof createdAt === "string" && typeof personId === "string") {
        return { createdAt, personId };
      }
      throw new AppError("invalid_cursor", "The cursor is not one of this list: start again");
    },
  };
}

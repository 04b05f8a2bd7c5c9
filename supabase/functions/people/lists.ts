import { z } from "zod";
import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { cutPage, type NextPage, openPager } from "../../../shared/http/pages.ts";
import type { Person, personListQuerySchema } from "./schemas.ts";
import { listPeople, toPerson } from "./store.ts";

/**
 * Creation time and id of the last person. Newest first, so what comes after the first page stands
 * before every place.
 */
const placeSchema = z.tuple([z.string(), z.string()]);

/** A page of the caller's people, newest first. */
export async function readPeoplePage(
  { env, database }: Deps,
  verified: VerifiedToken,
  { limit, cursor, count }: z.infer<typeof personListQuerySchema>,
): Promise<NextPage & { people: Person[]; total?: number }> {
  const bound = { list: "people", user: verified.user.supabaseUserId };
  const pager = await openPager(env, bound, placeSchema);
  const [createdAt, personId] = await pager.read(cursor) ?? [];
  const after = createdAt && personId ? { createdAt, personId } : undefined;
  const asked = { limit, after, count: count === "exact" };
  const { rows, total } = await database.asUser(verified, (sql) => listPeople(sql, asked));
  const { rows: page, ...next } = await cutPage(
    rows,
    limit,
    pager,
    (last) => [last.position, last.person_id],
  );
  return { people: page.map(toPerson), ...next, ...(total === undefined ? {} : { total }) };
}

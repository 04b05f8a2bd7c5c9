import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import type { Transaction } from "../../../shared/database/doors.ts";
import {
  type AskedScenes,
  findScenes,
  type HitRow,
} from "../../../supabase/functions/search/store.ts";

/** A scene that a pattern found, among other columns. */
export interface FoundScene {
  scene_id: string;
  video_id: string;
  transcript: string | null;
}

/**
 * The shape of the query that the original application sends: LIKE over the transcripts and the
 * joined metadata, of the videos of one user.
 */
export async function findByPattern(
  sql: Transaction,
  { userId, q, limit }: { userId: string; q: string; limit: number },
): Promise<FoundScene[]> {
  const pattern = `%${q.replace(/[\\%_]/g, "\\$&")}%`;
  return await sql<FoundScene[]>`
    select s.scene_id, s.video_id, s.start_s, s.end_s, s.transcript, m.title
      from public.scenes s
      join public.videos v on v.video_id = s.video_id
      left join public.video_metadata m on m.video_id = v.video_id
     where v.user_id = ${userId} and v.state = 'indexed'
       and (s.transcript ilike ${pattern} or m.title ilike ${pattern}
            or m.description ilike ${pattern})
     order by s.created_at desc, s.scene_id desc
     limit ${limit}`;
}

/**
 * The statement of a search for a role that no policy holds back, with the owner written by hand
 * where each row is read. What finds the candidates takes the caller from the claims, as ever.
 */
export async function findWithoutPolicies(
  sql: Transaction,
  { claims, user }: VerifiedToken,
  asked: AskedScenes,
): Promise<HitRow[]> {
  await sql`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`;
  return await findScenes(writeOwner(sql, user.supabaseUserId), asked);
}

const probe = /where (\w)\.(\w+) = page\.\2/g;
const probes = 3;

/** The same tag, that adds the owner to each probe of videos, scenes and metadata. */
function writeOwner(sql: Transaction, userId: string): Transaction {
  return new Proxy(sql, {
    apply(target, self, [strings, ...values]: [TemplateStringsArray, ...unknown[]]) {
      const count = [...strings.join("").matchAll(probe)].length;
      if (count !== probes) throw new Error(`The statement of a search has ${count} probes`);
      const texts = strings.map((text) =>
        text.replace(probe, `where $1.user_id = '${userId}' and $1.$2 = page.$2`)
      );
      return Reflect.apply(target, self, [Object.assign(texts, { raw: texts }), ...values]);
    },
  });
}

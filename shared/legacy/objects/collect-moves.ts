import type postgres from "postgres";
import { buckets } from "../../storage/keys.ts";

/** What one look for keys with a legacy id found. */
export interface CollectedMoves {
  /** Objects that could not be listed: another object stands at their new key. */
  conflicts: number;
}

const usersPerPage = 200;

/**
 * Writes down in `private.legacy_object_moves` every object whose key has the legacy id of its owner
 * as one of its parts: named by a row of the owner, or left in the owner's folder. A folder whose id
 * is also an account, or was one of another legacy user, is that one's unless a row says otherwise. Objects that
 * are listed already stay as they are; runs after the removal, when rows carry the new owner.
 */
export async function collectMoves(sql: postgres.Sql): Promise<CollectedMoves> {
  let conflicts = 0;
  for (let after: string | null = null;;) {
    const page: UserPage = await readUsers(sql, after);
    if (page.last === null) return { conflicts };
    conflicts += await collectPage(sql, page.users);
    after = page.last;
  }
}

interface UserPage {
  users: string[];
  last: string | null;
}

async function readUsers(sql: postgres.Sql, after: string | null): Promise<UserPage> {
  const rows = await sql<{ id: string }[]>`
    select legacy_user_id as id from private.legacy_exports
    where legacy_user_id <> supabase_user_id
      and (${after}::uuid is null or legacy_user_id > ${after}::uuid)
    order by legacy_user_id limit ${usersPerPage}`;
  const users = rows.map(({ id }) => id);
  return { users, last: users.at(-1) ?? null };
}

/** Writes down what one page of users has to move and answers the number of conflicts. */
async function collectPage(sql: postgres.Sql, users: string[]): Promise<number> {
  const [row] = await sql<[{ conflicts: number }]>`
    with moved as materialized (
      select legacy_user_id as old_user, supabase_user_id as user_id,
        legacy_user_id::text as old_id, supabase_user_id::text as new_id
      from private.legacy_exports where legacy_user_id = any(${users}::uuid[])
    ), named as (${selectNamedKeys(sql)} union ${selectFolderKeys(sql)}
    ), keyed as materialized (
      select distinct on (n.bucket, n.key) n.bucket, n.key as old_key, n.user_id,
        array_to_string(array_replace(string_to_array(n.key, '/'), n.old_id, n.new_id), '/') as new_key
      from named as n where n.key is not null and strpos(n.key, n.old_id) > 0
      order by n.bucket, n.key
    ), fresh as materialized (
      select k.bucket, k.old_key, k.new_key, k.user_id,
        exists (select from storage.objects as o
          where o.bucket_id = k.bucket and o.name = k.old_key) as stored,
        exists (select from storage.objects as o
          where o.bucket_id = k.bucket and o.name = k.new_key) as taken
      from keyed as k
      where k.old_key <> k.new_key and not exists (
        select from private.legacy_object_moves as m
        where m.bucket = k.bucket and m.old_key = k.old_key)
    ), listed as (
      insert into private.legacy_object_moves (bucket, old_key, new_key, user_id)
      select bucket, old_key, new_key, user_id from fresh where not (stored and taken)
      on conflict (bucket, old_key) do nothing
    )
    select (count(*) filter (where stored and taken))::int as conflicts from fresh`;
  return row.conflicts;
}

/** Keys in rows of the page's users, with the bucket each column names. */
function selectNamedKeys(sql: postgres.Sql) {
  return sql`
    select ${buckets.uploads} as bucket, v.storage_key::text as key, m.old_id, m.new_id, m.user_id
    from moved as m join public.videos as v on v.user_id = m.user_id
    union
    select ${buckets.uploads}, unnest(p.photo_keys)::text, m.old_id, m.new_id, m.user_id
    from moved as m join public.face_profiles as p on p.user_id = m.user_id
    union
    select ${buckets.thumbnails}, s.thumbnail_key::text, m.old_id, m.new_id, m.user_id
    from moved as m join public.scenes as s on s.user_id = m.user_id
    union
    select ${buckets.sidecars}, s.sidecar_key::text, m.old_id, m.new_id, m.user_id
    from moved as m join public.scenes as s on s.user_id = m.user_id
    union
    select ${buckets.thumbnails}, d.thumbnail_url::text, m.old_id, m.new_id, m.user_id
    from moved as m join public.video_metadata as d on d.user_id = m.user_id
    where strpos(d.thumbnail_url, '://') = 0`;
}

/** Objects in the folders of the page's users, whether a row names them or not. */
function selectFolderKeys(sql: postgres.Sql) {
  // "0" is the character after the "/" that a folder ends with.
  return sql`
    select o.bucket_id as bucket, o.name as key, m.old_id, m.new_id, m.user_id
    from moved as m
    cross join lateral (values
      (${buckets.uploads}, 'videos/' || m.old_id), (${buckets.uploads}, 'faces/' || m.old_id),
      (${buckets.thumbnails}, m.old_id), (${buckets.sidecars}, m.old_id)
    ) as f (bucket, folder)
    join storage.objects as o on o.bucket_id = f.bucket
      and o.name collate "C" >= f.folder || '/' and o.name collate "C" < f.folder || '0'
    where not exists (select from auth.users as u where u.id = m.old_user)
      and not exists (
        select from private.legacy_exports as e where e.supabase_user_id = m.old_user)`;
}

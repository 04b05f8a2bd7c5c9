import type postgres from "postgres";
import { type Bucket, buckets } from "../../storage/keys.ts";
import { inTransaction } from "../load/in-transaction.ts";

/** Objects of one bucket whose rows are to name the other key. */
export interface KeySwitch {
  bucket: string;
  /** `old_key` of their entries in `private.legacy_object_moves`. */
  oldKeys: string[];
  /** To the new keys, or back to the old ones. */
  to: "new" | "old";
}

/**
 * Lets every row that names one of these objects name its other key, and notes in
 * `private.legacy_object_moves` that this was done, in one transaction. Rows are found through the
 * index on their owner.
 */
export async function switchKeys(sql: postgres.Sql, o: KeySwitch): Promise<void> {
  await inTransaction(sql, async (tx) => {
    for (const update of updates[o.bucket] ?? []) await update(tx, selectBatch(tx, o));
    await tx`
      update private.legacy_object_moves
      set state = ${o.to === "new" ? "switched" : "copied"}, moved_at = now()
      where bucket = ${o.bucket} and old_key = any(${o.oldKeys})`;
  });
}

type Fragment = postgres.PendingQuery<postgres.Row[]>;

/** Rows of (key, target, user_id). */
function selectBatch(tx: postgres.TransactionSql, { bucket, oldKeys, to }: KeySwitch): Fragment {
  const columns = to === "new"
    ? tx`m.old_key as key, m.new_key as target`
    : tx`m.new_key as key, m.old_key as target`;
  return tx`
    select ${columns}, m.user_id from private.legacy_object_moves as m
    where m.bucket = ${bucket} and m.old_key = any(${oldKeys})`;
}

type Update = (tx: postgres.TransactionSql, batch: Fragment) => Promise<unknown>;

const updates: Record<string, readonly Update[]> = {
  [buckets.uploads]: [updateColumn("videos", "storage_key"), updatePhotoKeys],
  [buckets.thumbnails]: [
    updateColumn("scenes", "thumbnail_key"),
    updateColumn("video_metadata", "thumbnail_url"),
  ],
  [buckets.sidecars]: [updateColumn("scenes", "sidecar_key")],
} satisfies Partial<Record<Bucket, readonly Update[]>>;

function updateColumn(table: string, column: string): Update {
  return (tx, batch) =>
    tx`
      with batch as materialized (${batch})
      update ${tx(`public.${table}`)} as t set ${tx(column)} = b.target
      from batch as b where t.user_id = b.user_id and t.${tx(column)} = b.key`;
}

async function updatePhotoKeys(tx: postgres.TransactionSql, batch: Fragment): Promise<void> {
  await tx`
    with batch as materialized (${batch})
    update public.face_profiles as p
    set photo_keys = array(
      select coalesce(b.target, k.key)
      from unnest(p.photo_keys::text[]) with ordinality as k (key, place)
      left join batch as b on b.key = k.key
      order by k.place)
    where p.user_id in (select user_id from batch)
      and p.photo_keys::text[] && array(select key from batch)`;
}

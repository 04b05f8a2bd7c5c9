import type postgres from "postgres";

/**
 * Puts back what the removal took out of tables that stay: counters and names that repeat, words and
 * vectors. Then nothing is left in `legacy_archive`, and it goes. Rows that were erased since are in
 * neither. Needs the columns of restoreUsersTables.
 */
export async function restoreArchive(tx: postgres.TransactionSql): Promise<void> {
  await tx`
    insert into public.rate_limits
      (limit_id, user_id, ip_address, resource, count, window_start, expires_at)
    select limit_id, user_id, ip_address, resource, count, window_start, expires_at
    from legacy_archive.rate_limits`;
  await tx`
    update public.face_profiles as p set name = r.old_name from private.legacy_renames as r
    where r.person_id = p.person_id and r.new_name = p.name`;
  await tx`delete from private.legacy_renames`;
  await tx`
    update public.scenes as s set tsv = w.tsv from legacy_archive.scene_words as w
    where w.scene_id = s.scene_id`;
  await restoreVectors(tx);
  await tx`drop table legacy_archive.rate_limits, legacy_archive.scene_words,
    legacy_archive.kept_owners`;
  await tx`drop schema legacy_archive`;
  await tx`delete from private.legacy_fills`;
}

/** Vectors written since the cutover go to the legacy columns as well. */
async function restoreVectors(tx: postgres.TransactionSql): Promise<void> {
  const [tables] = await tx<{ there: boolean }[]>`
    select to_regclass('public.scene_vectors') is not null
      and private.has_column('public.scenes', 'text_vec') as there`;
  if (!tables?.there) return;
  await tx`
    update public.scenes as s set text_vec = v.text_vec, image_vec = v.image_vec
    from public.scene_vectors as v where v.scene_id = s.scene_id`;
  await tx`
    update public.face_profiles as p set adaface_vec = v.adaface_vec
    from public.face_vectors as v where v.person_id = p.person_id`;
  await tx`delete from public.scene_vectors`;
  await tx`delete from public.face_vectors`;
}

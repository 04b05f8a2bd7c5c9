import type postgres from "postgres";

/** Users of Supabase Auth who came after the cutover. */
export interface AddedUsers {
  /** Got a users row. */
  added: number;
  /** Of these, those whose address another users row has, or who have none: a placeholder stands in. */
  withoutEmail: number;
}

/** The relations whose `user_id` the removal exchanged, each with its key. */
const ownedTables = [
  ["videos", "video_id"],
  ["face_profiles", "person_id"],
  ["audit_events", "event_id"],
  ["rate_limits", "limit_id"],
] as const;

/**
 * Gives everybody who registered since the cutover, and who has videos or people without being a
 * legacy user, a row in the archived users table: under the id they have, or a new one where a legacy
 * user has that id, without a password. Makes the temporary table `legacy_new_users` (user_id,
 * supabase_user_id). Who was erased has no account and gets none.
 */
export async function addNewUsers(tx: postgres.TransactionSql): Promise<AddedUsers> {
  await tx`
    create temporary table legacy_new_users on commit drop as
    select a.id as supabase_user_id,
      case when exists (select from legacy_archive.users as u where u.user_id = a.id)
        then gen_random_uuid() else a.id end as user_id
    from auth.users as a
    where a.deleted_at is null
      and (a.created_at >= (select removed_at from private.legacy_removals)
        or exists (select from public.videos as v where v.user_id = a.id)
        or exists (select from public.face_profiles as p where p.user_id = a.id))
      and not exists (select from private.legacy_exports as e where e.supabase_user_id = a.id)
      and not exists (select from legacy_archive.users as u where u.supabase_user_id = a.id)`;
  const [row] = await tx<[{ added: number; without: number }]>`
    with added as (
      insert into legacy_archive.users (
        user_id, supabase_user_id, email, email_verified, display_name, avatar_url, tier,
        created_at, updated_at, last_login_at, industry, job_title, email_consent,
        onboarding_completed
      )
      select n.user_id, a.id,
        case when coalesce(a.email, '') = '' or exists (
            select from legacy_archive.users as u where lower(u.email) = lower(a.email))
          or row_number() over (partition by lower(a.email) order by a.created_at, a.id) > 1
          then a.id || '@no-address.invalid' else a.email end,
        a.email_confirmed_at is not null,
        left(m.data ->> 'display_name', 255), left(m.data ->> 'avatar_url', 512),
        case when a.raw_app_meta_data ->> 'tier' in ('pro', 'enterprise')
          then (a.raw_app_meta_data ->> 'tier')::legacy_archive.user_tier
          else 'free' end,
        coalesce(a.created_at, now()), coalesce(a.updated_at, now()), a.last_sign_in_at,
        left(m.data ->> 'industry', 100), left(m.data ->> 'job_title', 100),
        coalesce(m.data ->> 'email_consent', '') = 'true',
        coalesce(m.data ->> 'onboarding_completed', '') = 'true'
      from legacy_new_users as n
      join auth.users as a on a.id = n.supabase_user_id
      cross join lateral (
        select coalesce(a.raw_user_meta_data, '{}'::jsonb) as data
      ) as m
      returning email
    )
    select count(*)::int as added,
      (count(*) filter (where email like '%@no-address.invalid'))::int as without
    from added`;
  return { added: row.added, withoutEmail: row.without };
}

/**
 * Gives every row the owner it has in the users table: the map of ids backwards, for rows written
 * since as well. Rows that kept an id which is no legacy user's keep it again. Uniqueness that the
 * legacy system does not know is taken away before, since ids may change places.
 */
export async function restoreOwners(tx: postgres.TransactionSql): Promise<void> {
  await tx`drop index if exists public.face_profiles_user_id_name_key,
    public.rate_limits_user_id_resource_window_start_key`;
  await tx`
    create temporary table legacy_owner_map on commit drop as
    select supabase_user_id as new_id, legacy_user_id as old_id from private.legacy_exports
    where supabase_user_id <> legacy_user_id
    union all
    select supabase_user_id, user_id from legacy_new_users where supabase_user_id <> user_id`;
  await tx`analyze legacy_owner_map`;
  for (const [table, key] of ownedTables) {
    await tx`
      update ${tx(`public.${table}`)} as t set user_id = m.old_id
      from legacy_owner_map as m
      where t.user_id = m.new_id and not exists (
        select from legacy_archive.kept_owners as k
        where k.relation = ${table} and k.row_id = t.${tx(key)})`;
  }
}

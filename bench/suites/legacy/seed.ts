import type { Sql } from "../../../local/kept-databases.ts";

/** A hash of the legacy system's kind. Nobody signs in with it here. */
const passwordHash = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$" +
  "aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";

/**
 * Legacy users with a full profile, numbered from 1. With `linked` each has an account in Supabase
 * Auth under another id, as those have who signed in since the legacy system began to synchronise.
 */
export async function seedUsers(
  sql: Sql,
  { users, linked }: { users: number; linked: boolean },
): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select set_config('session_replication_role', 'replica', true)`;
    await tx`
      insert into public.users (supabase_user_id, email, email_verified, password_hash,
        display_name, tier, industry, job_title, email_consent, onboarding_completed)
      select case when ${linked} then gen_random_uuid() end, 'user-' || n || '@example.test', true,
        ${passwordHash}, 'User ' || n, (array['free', 'pro', 'enterprise'])[1 + n % 3]::user_tier,
        'Film', 'Editor', n % 2 = 0, true
      from generate_series(1, ${users}) as n`;
    if (linked) await insertAccounts(tx);
  });
  // Plans made for tables that are known to be empty read all of them later, again and again.
  const filled = linked ? "public.users, auth.users, auth.identities" : "public.users";
  await sql.unsafe(`vacuum (analyze) ${filled}`);
}

/** Supabase Auth's rows for every legacy user who has an id there. */
async function insertAccounts(sql: Pick<Sql, "unsafe">): Promise<void> {
  await sql.unsafe(`
    insert into auth.users (instance_id, id, aud, role, email, encrypted_password,
      email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
      confirmation_token, recovery_token, email_change_token_new, email_change)
    select '00000000-0000-0000-0000-000000000000', supabase_user_id, 'authenticated',
      'authenticated', email, password_hash, now(),
      '{"provider": "email", "providers": ["email"]}', '{}', now(), now(), '', '', '', ''
    from public.users where supabase_user_id is not null`);
  await sql.unsafe(`
    insert into auth.identities (id, provider, provider_id, user_id, identity_data, created_at,
      updated_at)
    select gen_random_uuid(), 'email', supabase_user_id::text, supabase_user_id,
      jsonb_build_object('sub', supabase_user_id, 'email', email), now(), now()
    from public.users where supabase_user_id is not null`);
}

/** How large the library of all legacy users together is. */
export interface Library {
  users: number;
  videos: number;
  /** So many videos have a scene and metadata, one each. */
  scenes: number;
}

/**
 * Linked legacy users who are exported and verified, with their videos spread evenly: a database
 * that waits for its cutover.
 */
export async function seedBeforeCutover(sql: Sql, library: Library): Promise<void> {
  await seedUsers(sql, { users: library.users, linked: true });
  await sql.begin(async (tx) => {
    await tx`select set_config('session_replication_role', 'replica', true)`;
    await tx`create temporary table owners on commit drop as
      select user_id, row_number() over (order by user_id) - 1 as place from public.users`;
    await tx`
      insert into public.videos (user_id, storage_key, mime_type, size_bytes, duration_s, state,
        created_at, indexed_at)
      select user_id, 'library/' || n || '.mp4', 'video/mp4', 1000, 60, 'indexed',
        now() - make_interval(mins => n), now()
      from generate_series(1, ${library.videos}) as n join owners on place = n % ${library.users}`;
    await tx`insert into public.video_metadata (video_id, title)
      select video_id, 'Take of ' || created_at from public.videos limit ${library.scenes}`;
    await tx`
      insert into public.scenes (video_id, start_s, end_s, transcript, tsv)
      select video_id, 0, 5, 'the crane lifts a container', '''crane'':2 ''contain'':5 ''lift'':3'
      from public.videos limit ${library.scenes}`;
    await tx`insert into public.face_profiles (user_id, name)
      select user_id, 'Person ' || n from public.users, generate_series(1, 3) as n`;
    await tx`insert into public.audit_events (user_id, event_type)
      select user_id, 'login' from public.users, generate_series(1, 10)`;
    await tx`
      insert into private.legacy_exports (legacy_user_id, supabase_user_id, origin, exported_at,
        verified_at, source_updated_at)
      select user_id, supabase_user_id, 'kept', now(), now(), updated_at from public.users`;
    await tx`
      insert into private.legacy_verifications (finished_at, passed, users_compared, fingerprint)
      select now(), true, count(*), private.legacy_fingerprint() from public.users`;
  });
  await sql.unsafe("vacuum (analyze)");
}

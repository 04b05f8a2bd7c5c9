-- The schema of the legacy system as its last revision left it: the ground that the later files change step by step.
--
-- Why it is here: a legacy database may already lie in this project (then its tables are adopted as they are), or it is
-- empty (then the tables are created). Both roads meet after this file, so that every later file knows one shape only.
-- An adopted schema is compared column by column, because "if not exists" alone hides drift; a difference refuses the
-- push and names each column.
-- What stays unchanged: adopted rows, defaults and extra indexes. Once 20261122100100 has run, this file does nothing:
-- later files have then reshaped these tables, and to repeat the old shape would undo their grants.
-- Vector columns exist only where pgvector is available; 20270101000000 drops them once side tables hold them.

do $migration$
declare
    drift text;
    relation text;
    vector_schema text;
begin
    if pg_catalog.to_regclass('private.legacy_exports') is not null then
        return;
    end if;

    create schema if not exists extensions;

    if pg_catalog.to_regtype('public.user_tier') is null then
        create type public.user_tier as enum ('free', 'pro', 'enterprise');
    end if;
    if pg_catalog.to_regtype('public.video_state') is null then
        create type public.video_state as enum ('uploading', 'validating', 'processing', 'indexed', 'failed', 'deleted');
    end if;
    if pg_catalog.to_regtype('public.job_stage') is null then
        create type public.job_stage as enum (
            'upload_validate', 'audio_extract', 'asr_fast', 'scene_detect', 'align_merge', 'embed_text',
            'vision_sample_frames', 'vision_embed_frames', 'vision_affect_tags', 'faces_enroll_match',
            'sidecar_build', 'commit'
        );
    end if;
    if pg_catalog.to_regtype('public.job_state') is null then
        create type public.job_state as enum ('pending', 'running', 'completed', 'failed', 'cancelled');
    end if;

    create table if not exists public.users (
        user_id uuid not null default gen_random_uuid(),
        supabase_user_id uuid,
        email varchar(255) not null,
        email_verified boolean not null default false,
        password_hash varchar(255),
        display_name varchar(255),
        avatar_url varchar(512),
        tier public.user_tier not null default 'free',
        created_at timestamptz not null default current_timestamp,
        updated_at timestamptz not null default current_timestamp,
        last_login_at timestamptz,
        industry varchar(100),
        job_title varchar(100),
        email_consent boolean not null default false,
        onboarding_completed boolean not null default false,
        constraint users_pkey primary key (user_id),
        constraint users_email_key unique (email),
        constraint users_supabase_user_id_key unique (supabase_user_id)
    );

    create table if not exists public.videos (
        video_id uuid not null default gen_random_uuid(),
        user_id uuid not null,
        storage_key varchar(512) not null,
        mime_type varchar(127) not null,
        size_bytes bigint not null,
        duration_s numeric(10, 3),
        state public.video_state not null default 'uploading',
        error_text text,
        created_at timestamptz not null default current_timestamp,
        indexed_at timestamptz,
        constraint videos_pkey primary key (video_id),
        constraint videos_user_id_fkey foreign key (user_id) references public.users (user_id) on delete cascade
    );

    create table if not exists public.scenes (
        scene_id uuid not null default gen_random_uuid(),
        video_id uuid not null,
        start_s numeric(10, 3) not null,
        end_s numeric(10, 3) not null,
        transcript text,
        tsv tsvector,
        vision_tags jsonb,
        sidecar_key varchar(512),
        created_at timestamptz not null default current_timestamp,
        thumbnail_key varchar(512),
        constraint scenes_pkey primary key (scene_id),
        constraint scenes_video_id_fkey foreign key (video_id) references public.videos (video_id) on delete cascade
    );

    create table if not exists public.jobs (
        job_id uuid not null default gen_random_uuid(),
        video_id uuid not null,
        stage public.job_stage not null,
        state public.job_state not null default 'pending',
        progress double precision not null default 0,
        error_text text,
        started_at timestamptz,
        finished_at timestamptz,
        metadata jsonb,
        constraint jobs_pkey primary key (job_id),
        constraint jobs_video_id_fkey foreign key (video_id) references public.videos (video_id) on delete cascade
    );

    create table if not exists public.face_profiles (
        person_id uuid not null default gen_random_uuid(),
        user_id uuid not null,
        name varchar(255) not null,
        photo_keys varchar[],
        created_at timestamptz not null default current_timestamp,
        constraint face_profiles_pkey primary key (person_id),
        constraint face_profiles_user_id_fkey foreign key (user_id) references public.users (user_id) on delete cascade
    );

    create table if not exists public.scene_people (
        scene_id uuid not null,
        person_id uuid not null,
        confidence double precision not null,
        frame_count integer not null,
        constraint scene_people_pkey primary key (scene_id, person_id),
        constraint scene_people_scene_id_fkey foreign key (scene_id) references public.scenes (scene_id)
        on delete cascade,
        constraint scene_people_person_id_fkey foreign key (person_id) references public.face_profiles (person_id)
        on delete cascade
    );

    create table if not exists public.video_metadata (
        video_id uuid not null,
        title varchar(255),
        description text,
        tags jsonb,
        thumbnail_url varchar(512),
        created_at timestamptz not null default current_timestamp,
        updated_at timestamptz not null default current_timestamp,
        constraint video_metadata_pkey primary key (video_id),
        constraint video_metadata_video_id_fkey foreign key (video_id) references public.videos (video_id)
        on delete cascade
    );

    create table if not exists public.refresh_tokens (
        token_id uuid not null default gen_random_uuid(),
        user_id uuid not null,
        token_hash varchar(255) not null,
        expires_at timestamptz not null,
        revoked boolean not null default false,
        created_at timestamptz not null default current_timestamp,
        constraint refresh_tokens_pkey primary key (token_id),
        constraint refresh_tokens_token_hash_key unique (token_hash),
        constraint refresh_tokens_user_id_fkey foreign key (user_id) references public.users (user_id)
        on delete cascade
    );

    create table if not exists public.email_verification_tokens (
        token_id uuid not null default gen_random_uuid(),
        user_id uuid not null,
        token_hash varchar(255) not null,
        expires_at timestamptz not null,
        used boolean not null default false,
        created_at timestamptz not null default current_timestamp,
        constraint email_verification_tokens_pkey primary key (token_id),
        constraint email_verification_tokens_token_hash_key unique (token_hash),
        constraint email_verification_tokens_user_id_fkey foreign key (user_id) references public.users (user_id)
        on delete cascade
    );

    -- No foreign key on these two: the legacy system kept both beyond the life of an account.
    create table if not exists public.audit_events (
        event_id uuid not null default gen_random_uuid(),
        user_id uuid,
        event_type varchar(127) not null,
        ip_address varchar(45),
        user_agent varchar(512),
        metadata jsonb,
        created_at timestamptz not null default current_timestamp,
        constraint audit_events_pkey primary key (event_id)
    );

    create table if not exists public.rate_limits (
        limit_id uuid not null default gen_random_uuid(),
        user_id uuid,
        ip_address varchar(45),
        resource varchar(127) not null,
        count integer not null default 1,
        window_start timestamptz not null,
        expires_at timestamptz not null,
        constraint rate_limits_pkey primary key (limit_id)
    );

    -- null in "required" says that the legacy history does not fix the nullability of that column.
    with legacy (relname, attname, type, required) as (
        values
        ('users', 'user_id', 'uuid', true), ('users', 'supabase_user_id', 'uuid', false),
        ('users', 'email', 'character varying(255)', true), ('users', 'email_verified', 'boolean', true),
        ('users', 'password_hash', 'character varying(255)', false),
        ('users', 'display_name', 'character varying(255)', false),
        ('users', 'avatar_url', 'character varying(512)', false), ('users', 'tier', 'user_tier', true),
        ('users', 'created_at', 'timestamp with time zone', true),
        ('users', 'updated_at', 'timestamp with time zone', true),
        ('users', 'last_login_at', 'timestamp with time zone', false),
        ('users', 'industry', 'character varying(100)', false),
        ('users', 'job_title', 'character varying(100)', false), ('users', 'email_consent', 'boolean', true),
        ('users', 'onboarding_completed', 'boolean', true),
        ('videos', 'video_id', 'uuid', true), ('videos', 'user_id', 'uuid', true),
        ('videos', 'storage_key', 'character varying(512)', true),
        ('videos', 'mime_type', 'character varying(127)', true), ('videos', 'size_bytes', 'bigint', true),
        ('videos', 'duration_s', 'numeric(10,3)', false), ('videos', 'state', 'video_state', true),
        ('videos', 'error_text', 'text', false), ('videos', 'created_at', 'timestamp with time zone', true),
        ('videos', 'indexed_at', 'timestamp with time zone', false),
        ('scenes', 'scene_id', 'uuid', true), ('scenes', 'video_id', 'uuid', true),
        ('scenes', 'start_s', 'numeric(10,3)', true), ('scenes', 'end_s', 'numeric(10,3)', true),
        ('scenes', 'transcript', 'text', null), ('scenes', 'tsv', 'tsvector', null),
        ('scenes', 'text_vec', 'vector(1152)', null), ('scenes', 'image_vec', 'vector(1152)', null),
        ('scenes', 'vision_tags', 'jsonb', null), ('scenes', 'sidecar_key', 'character varying(512)', null),
        ('scenes', 'created_at', 'timestamp with time zone', null),
        ('scenes', 'thumbnail_key', 'character varying(512)', null),
        ('jobs', 'job_id', 'uuid', true), ('jobs', 'video_id', 'uuid', null), ('jobs', 'stage', 'job_stage', null),
        ('jobs', 'state', 'job_state', null), ('jobs', 'progress', 'double precision', null),
        ('jobs', 'error_text', 'text', null), ('jobs', 'started_at', 'timestamp with time zone', null),
        ('jobs', 'finished_at', 'timestamp with time zone', null), ('jobs', 'metadata', 'jsonb', null),
        ('face_profiles', 'person_id', 'uuid', true), ('face_profiles', 'user_id', 'uuid', null),
        ('face_profiles', 'name', 'character varying(255)', true),
        ('face_profiles', 'adaface_vec', 'vector(512)', null),
        ('face_profiles', 'photo_keys', 'character varying[]', null),
        ('face_profiles', 'created_at', 'timestamp with time zone', null),
        ('scene_people', 'scene_id', 'uuid', true), ('scene_people', 'person_id', 'uuid', true),
        ('scene_people', 'confidence', 'double precision', true), ('scene_people', 'frame_count', 'integer', true),
        ('video_metadata', 'video_id', 'uuid', true), ('video_metadata', 'title', 'character varying(255)', null),
        ('video_metadata', 'description', 'text', null), ('video_metadata', 'tags', 'jsonb', null),
        ('video_metadata', 'thumbnail_url', 'character varying(512)', null),
        ('video_metadata', 'created_at', 'timestamp with time zone', null),
        ('video_metadata', 'updated_at', 'timestamp with time zone', null),
        ('refresh_tokens', 'token_id', 'uuid', true), ('refresh_tokens', 'user_id', 'uuid', null),
        ('refresh_tokens', 'token_hash', 'character varying(255)', null),
        ('refresh_tokens', 'expires_at', 'timestamp with time zone', null),
        ('refresh_tokens', 'revoked', 'boolean', null),
        ('refresh_tokens', 'created_at', 'timestamp with time zone', null),
        ('email_verification_tokens', 'token_id', 'uuid', true),
        ('email_verification_tokens', 'user_id', 'uuid', null),
        ('email_verification_tokens', 'token_hash', 'character varying(255)', null),
        ('email_verification_tokens', 'expires_at', 'timestamp with time zone', null),
        ('email_verification_tokens', 'used', 'boolean', null),
        ('email_verification_tokens', 'created_at', 'timestamp with time zone', null),
        ('audit_events', 'event_id', 'uuid', true), ('audit_events', 'user_id', 'uuid', false),
        ('audit_events', 'event_type', 'character varying(127)', null),
        ('audit_events', 'ip_address', 'character varying(45)', null),
        ('audit_events', 'user_agent', 'character varying(512)', null),
        ('audit_events', 'metadata', 'jsonb', null),
        ('audit_events', 'created_at', 'timestamp with time zone', null),
        ('rate_limits', 'limit_id', 'uuid', true), ('rate_limits', 'user_id', 'uuid', false),
        ('rate_limits', 'ip_address', 'character varying(45)', null),
        ('rate_limits', 'resource', 'character varying(127)', null), ('rate_limits', 'count', 'integer', null),
        ('rate_limits', 'window_start', 'timestamp with time zone', null),
        ('rate_limits', 'expires_at', 'timestamp with time zone', null)
    ),

    actual (relname, attname, type, required) as (
        select
            c.relname::text,
            a.attname::text,
            pg_catalog.regexp_replace(pg_catalog.format_type(a.atttypid, a.atttypmod), '^"?\w+"?\.', ''),
            a.attnotnull
        from pg_catalog.pg_class as c
        inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid
        where
            c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
            and c.relname in (select l.relname from legacy as l)
    )

    select pg_catalog.string_agg(difference, '; ' order by difference) into drift
    from (
        select e.name || ' has the values ' || pg_catalog.array_to_string(e.actual, ', ') as difference
        from (
            select
                l.name,
                l.labels,
                array(
                    select v.enumlabel::text
                    from pg_catalog.pg_enum as v
                    where v.enumtypid = pg_catalog.to_regtype('public.' || l.name)
                    order by v.enumsortorder
                ) as actual
            from (
                values
                ('user_tier', array['free', 'pro', 'enterprise']),
                ('video_state', array['uploading', 'validating', 'processing', 'indexed', 'failed', 'deleted']),
                ('job_state', array['pending', 'running', 'completed', 'failed', 'cancelled']),
                ('job_stage', array[
                    'upload_validate', 'audio_extract', 'asr_fast', 'scene_detect', 'align_merge', 'embed_text',
                    'vision_sample_frames', 'vision_embed_frames', 'vision_affect_tags', 'faces_enroll_match',
                    'sidecar_build', 'commit'
                ])
            ) as l (name, labels)
        ) as e
        where not (e.actual @> e.labels and e.labels @> e.actual)
        union all
        select
            coalesce(l.relname, a.relname) || '.' || coalesce(l.attname, a.attname)
            || case
                when a.attname is null then ' is missing'
                when l.attname is null then ' is not known'
                when l.type <> a.type then ' is ' || a.type || ' instead of ' || l.type
                else ' is ' || case when a.required then 'not null' else 'nullable' end
            end as difference
        from legacy as l
        full join actual as a on l.relname = a.relname and l.attname = a.attname
        where
            (a.attname is null and l.type not like 'vector%')
            or l.attname is null or l.type <> a.type or l.required <> a.required
    ) as differences;

    if drift is not null then
        raise exception using
            errcode = 'HD000',
            message = 'Cannot adopt the legacy schema: ' || drift || '. Bring the legacy database to its last revision '
            || 'and push again. Nothing was changed';
    end if;

    create index if not exists idx_users_email on public.users (email);
    create index if not exists idx_users_supabase_user_id on public.users (supabase_user_id);
    create index if not exists idx_videos_user_id on public.videos (user_id);
    create index if not exists idx_videos_state on public.videos (state);
    create index if not exists idx_videos_created_at on public.videos (created_at);
    create index if not exists idx_scenes_video_id on public.scenes (video_id);
    create index if not exists idx_scenes_video_start on public.scenes (video_id, start_s);
    create index if not exists idx_scenes_vision_tags on public.scenes using gin (vision_tags jsonb_path_ops);
    create index if not exists idx_scenes_tsv on public.scenes using gin (tsv);

    if exists (select from pg_catalog.pg_available_extensions where name = 'vector') then
        begin
            create extension if not exists vector with schema extensions;
        exception when insufficient_privilege then
            raise notice 'pgvector is there, but this role may not create it: %', sqlerrm;
        end;
    end if;
    select n.nspname into vector_schema
    from pg_catalog.pg_extension as e
    inner join pg_catalog.pg_namespace as n on e.extnamespace = n.oid
    where e.extname = 'vector';
    if vector_schema is null then
        raise notice 'pgvector is not installed: search by meaning and by face is off';
    else
        execute pg_catalog.format('alter table public.scenes add column if not exists text_vec %I.vector(1152), '
            'add column if not exists image_vec %I.vector(1152)', vector_schema, vector_schema);
        execute pg_catalog.format('alter table public.face_profiles '
            'add column if not exists adaface_vec %I.vector(512)', vector_schema);
    end if;

    -- Nothing of the legacy schema may ever be reachable with a publishable key, not even between two files of a push.
    foreach relation in array array[
        'users', 'videos', 'scenes', 'jobs', 'face_profiles', 'scene_people', 'video_metadata', 'refresh_tokens',
        'email_verification_tokens', 'audit_events', 'rate_limits', 'alembic_version'
    ] loop
        continue when pg_catalog.to_regclass('public.' || relation) is null;
        execute pg_catalog.format('alter table public.%I enable row level security', relation);
        execute pg_catalog.format('revoke all on table public.%I from public, anon, authenticated', relation);
    end loop;
end
$migration$;

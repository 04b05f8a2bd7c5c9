-- The queue of indexing jobs, their leases, and the one way in which the scenes of a video are replaced.
--
-- Why: a worker in any language takes jobs over HTTP with a worker key. It may die, come back late or send a part
-- twice, so a job is held by a lease, and scenes are staged in parts under a revision and swapped in at once. Captions
-- of an owner take the same way (private.set_captions in 20261122101100).
-- What stays unchanged: states and stages of jobs, rows of scenes, who reads them. due_at is new: when a pending job
-- may be claimed, and until when a running one is held; a legacy job that runs without a lease is due at once.
-- Functions of workers are called through the service door after the worker key was compared; no role is granted them.
-- Locks are taken in one order, video before job; whoever locks a job first never waits for a video.

alter table public.jobs
add column if not exists attempts integer not null default 0,
add column if not exists due_at timestamptz not null default now();

-- Owners who wait for a stage are found by jumps over this index, the oldest job of each at its front.
create index if not exists idx_jobs_queue
on public.jobs (stage, (coalesce(user_id, organization_id)), due_at) where state in ('pending', 'running');
create index if not exists idx_jobs_served
on public.jobs ((coalesce(user_id, organization_id)), started_at desc) where started_at is not null;
create index if not exists idx_jobs_exhausted
on public.jobs (due_at) where state = 'running' and attempts >= 5;

-- The last lease of each job that was ever claimed. It outlives the job's end, so that a repeated answer is recognised.
create table if not exists private.job_leases (
    job_id uuid not null,
    lease_id uuid not null,
    lease_seconds integer not null,
    worker text,
    claimed_at timestamptz not null default now(),
    constraint job_leases_pkey primary key (job_id),
    constraint job_leases_lease_id_key unique (lease_id),
    constraint job_leases_job_id_fkey foreign key (job_id) references public.jobs (job_id) on delete cascade
);

-- One row for each time the scenes of a video were or are being replaced. sequence: the order in which they began.
-- digests: part number -> MD5 of what was sent, by which a part that comes after the swap is told from another one.
-- The newest with swapped_at is the current one; the others are kept a day, so that a late part finds its revision.
create table if not exists private.scene_revisions (
    video_id uuid not null,
    revision uuid not null,
    sequence bigint generated always as identity,
    source text not null,
    begun_at timestamptz not null default now(),
    touched_at timestamptz not null default now(),
    digests jsonb not null default '{}'::jsonb,
    swapped_at timestamptz,
    parts integer,
    scenes integer,
    vectors_stored boolean not null default false,
    constraint scene_revisions_pkey primary key (video_id, revision),
    constraint scene_revisions_source_check check (source in ('captions', 'worker')),
    constraint scene_revisions_video_id_fkey foreign key (video_id) references public.videos (video_id)
    on delete cascade
);
create index if not exists idx_scene_revisions_touched_at on private.scene_revisions (touched_at);

-- Parts of a revision until it is swapped in. scenes: [{"scene_id", "start_s", "end_s", "transcript", "language",
-- "vision_tags", "thumbnail_key", "sidecar_key", "text_vec", "image_vec", "people"}], vectors in pgvector's text form.
-- transcript_length: characters of their transcripts. tag_count: their vision_tags.
create table if not exists private.scene_parts (
    video_id uuid not null,
    revision uuid not null,
    part integer not null,
    scenes jsonb not null,
    scene_count integer not null,
    transcript_length integer not null,
    tag_count integer not null,
    thumbnail_keys text[] not null,
    sidecar_keys text[] not null,
    constraint scene_parts_pkey primary key (video_id, revision, part),
    constraint scene_parts_revision_fkey foreign key (video_id, revision)
    references private.scene_revisions (video_id, revision) on delete cascade
);

-- Objects that no scene names any more and that wait to be removed from storage. user_id: whose folder they lie in,
-- null for an organisation's. No foreign key: an object may outlive its video.
create table if not exists private.stale_objects (
    bucket text not null,
    key text not null,
    video_id uuid not null,
    user_id uuid,
    queued_at timestamptz not null default now(),
    constraint stale_objects_pkey primary key (bucket, key)
);
create index if not exists idx_stale_objects_video_id on private.stale_objects (video_id);
create index if not exists idx_stale_objects_user_id on private.stale_objects (user_id);
create index if not exists idx_stale_objects_queued_at on private.stale_objects (queued_at);

do $migration$
declare
    relation text;
begin
    foreach relation in array array['job_leases', 'scene_revisions', 'scene_parts', 'stale_objects'] loop
        execute pg_catalog.format('alter table private.%I enable row level security', relation);
        execute pg_catalog.format(
            'revoke all on table private.%I from public, anon, authenticated, service_role', relation);
        execute pg_catalog.format('drop policy if exists %I on private.%I',
            relation || ' are closed to clients', relation);
        execute pg_catalog.format(
            'create policy %I on private.%I as restrictive for all to public using (false) with check (false)',
            relation || ' are closed to clients', relation);
    end loop;
end
$migration$;

-- Takes the next due job. p_stages: stages the worker can do, null for all. p_lease_seconds: how long the job is held
-- without a sign of life. p_worker: how the worker calls itself, or null.
-- Returns no row when nothing is due, else one: the job, its lease, what the worker must know of the video.
-- scenes_from: 'captions' or 'worker', where the present scenes come from; null without a revision.
-- Owners take turns: whoever was served longest ago comes first, then their oldest job; so a long backlog of one owner
-- keeps nobody else waiting. A job whose lease ran out is due again. Never waits: what another worker takes is skipped.
-- Not security definer: called through the service door.
create or replace function private.claim_job(p_stages text [], p_lease_seconds integer, p_worker text)
returns table (
    job_id uuid,
    lease_id uuid,
    lease_until timestamptz,
    stage text,
    attempt integer,
    video_id uuid,
    storage_key text,
    language text,
    mime_type text,
    size_bytes bigint,
    duration_s numeric,
    scenes_from text
)
language plpgsql
set search_path = ''
as $function$
declare
    v_stages public.job_stage [] := coalesce(p_stages::public.job_stage [], enum_range(null::public.job_stage));
    v_turn record;
    v_job public.jobs;
    v_lease uuid := gen_random_uuid();
begin
    for v_turn in
        with recursive waiting as (
            select
                s.stage,
                (
                    select coalesce(j.user_id, j.organization_id)
                    from public.jobs as j
                    where j.stage = s.stage and j.state in ('pending', 'running')
                    order by coalesce(j.user_id, j.organization_id)
                    limit 1
                ) as owner
            from unnest(v_stages) as s (stage)
            union all
            select
                w.stage,
                (
                    select coalesce(j.user_id, j.organization_id)
                    from public.jobs as j
                    where
                        j.stage = w.stage and j.state in ('pending', 'running')
                        and coalesce(j.user_id, j.organization_id) > w.owner
                    order by coalesce(j.user_id, j.organization_id)
                    limit 1
                )
            from waiting as w
            where w.owner is not null
        )

        select w.stage, w.owner
        from waiting as w
        cross join lateral (
            select j.due_at
            from public.jobs as j
            where
                j.stage = w.stage and coalesce(j.user_id, j.organization_id) = w.owner
                and j.state in ('pending', 'running') and j.due_at <= now() and j.attempts < 5
            order by j.due_at
            limit 1
        ) as oldest
        left join lateral (
            select j.started_at
            from public.jobs as j
            where coalesce(j.user_id, j.organization_id) = w.owner and j.started_at is not null
            order by j.started_at desc
            limit 1
        ) as served on true
        where not exists (select from private.erased_users as e where e.user_id = w.owner)
        order by served.started_at nulls first, oldest.due_at, w.owner, w.stage
    loop
        select j.* into v_job
        from public.jobs as j
        where
            j.stage = v_turn.stage and coalesce(j.user_id, j.organization_id) = v_turn.owner
            and j.state in ('pending', 'running') and j.due_at <= now() and j.attempts < 5
            and exists (
                select from public.videos as v
                where v.video_id = j.video_id and v.deleted_at is null and v.state not in ('uploading', 'deleted')
            )
        order by j.due_at
        limit 1
        for update skip locked;
        exit when v_job.job_id is not null;
    end loop;
    if v_job.job_id is null then
        return;
    end if;

    update public.jobs as j
    set
        state = 'running', progress = 0, attempts = j.attempts + 1, started_at = clock_timestamp(), finished_at = null,
        due_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
    where j.job_id = v_job.job_id
    returning j.* into v_job;
    insert into private.job_leases as l (job_id, lease_id, lease_seconds, worker)
    values (v_job.job_id, v_lease, p_lease_seconds, p_worker)
    on conflict on constraint job_leases_pkey do update
    set
        lease_id = excluded.lease_id, lease_seconds = excluded.lease_seconds, worker = excluded.worker,
        claimed_at = excluded.claimed_at;
    return query
    select
        v_job.job_id, v_lease, v_job.due_at, v_job.stage::text, v_job.attempts, v.video_id, v.storage_key::text,
        v.language, v.mime_type::text, v.size_bytes, v.duration_s,
        (
            select r.source
            from private.scene_revisions as r
            where r.video_id = v.video_id and r.swapped_at is not null
            order by r.sequence desc
            limit 1
        )
    from public.videos as v
    where v.video_id = v_job.video_id;
end
$function$;
revoke all on function private.claim_job(text [], integer, text) from public, anon, authenticated, service_role;

-- Finds and locks a job by its last lease. p_with_video: lock the video first, for callers that write to it.
-- Returns the row of public.jobs in whatever state it is. Errors: job_not_found; lease_lost (another lease).
-- Not security definer: called by the functions below.
create or replace function private.lock_job(p_job_id uuid, p_lease_id uuid, p_with_video boolean)
returns public.jobs
language plpgsql
set search_path = ''
as $function$
declare
    v_job public.jobs;
begin
    if p_with_video then
        perform
        from public.videos as v
        where v.video_id = (select j.video_id from public.jobs as j where j.job_id = p_job_id)
        for update;
    end if;
    select j.* into v_job from public.jobs as j where j.job_id = p_job_id for update;
    if v_job.job_id is null then
        perform private.raise_error('job_not_found', 'No such job: its video was deleted, or the id is wrong');
    end if;
    if not exists (select from private.job_leases as l where l.job_id = p_job_id and l.lease_id = p_lease_id) then
        perform private.raise_error('lease_lost', 'Another worker holds this job. Drop it and claim another one');
    end if;
    return v_job;
end
$function$;
revoke all on function private.lock_job(uuid, uuid, boolean) from public, anon, authenticated, service_role;

-- Refuses work on a job that is not held any more. p_job: the locked row. Returns nothing.
-- Errors: job_cancelled (video deleted, owner erased, or the video failed at another stage); lease_lost (it ran out).
-- The clock is read here and not at the start of the transaction: to wait for a lock may outlast the lease.
-- Not security definer: called by the functions below.
create or replace function private.require_running(p_job public.jobs) returns void
language plpgsql
set search_path = ''
as $function$
begin
    if p_job.state = 'cancelled' or exists (
        select from private.erased_users as e where e.user_id = p_job.user_id
    ) then
        perform private.raise_error('job_cancelled', 'The job was cancelled. Drop it and claim another one');
    end if;
    if p_job.state <> 'running' or p_job.due_at <= clock_timestamp() then
        perform private.raise_error('lease_lost', 'The lease has run out. Drop the job and claim another one');
    end if;
end
$function$;
revoke all on function private.require_running(public.jobs) from public, anon, authenticated, service_role;

-- Sign of life of a worker: writes the progress and extends the lease by its length.
-- p_progress: 0 to 1. p_message: text for operators, kept in jobs.metadata, or null.
-- Returns the state, the progress and the new end of the lease. Errors: job_not_found; lease_lost; job_cancelled.
-- Not security definer: called through the service door.
create or replace function private.progress_job(
    p_job_id uuid, p_lease_id uuid, p_progress double precision, p_message text
)
returns table (state text, progress double precision, lease_until timestamptz)
language plpgsql
set search_path = ''
as $function$
declare
    v_job public.jobs := private.lock_job(p_job_id, p_lease_id, false);
begin
    perform private.require_running(v_job);
    return query
    update public.jobs as j
    set
        progress = p_progress,
        due_at = clock_timestamp() + make_interval(secs => (
            select l.lease_seconds from private.job_leases as l where l.job_id = p_job_id
        )),
        metadata = private.note_on_job(j.metadata, jsonb_build_object('message', p_message))
    where j.job_id = p_job_id
    returning j.state::text, j.progress, j.due_at;
end
$function$;
revoke all on function private.progress_job(uuid, uuid, double precision, text)
from public, anon, authenticated, service_role;

-- Adds members to jobs.metadata; members that are null are left out. Returns the new value.
-- The column is free JSON: what the legacy system wrote there may be no object and is then replaced.
-- Not security definer: it reads its arguments only.
create or replace function private.note_on_job(p_metadata jsonb, p_note jsonb) returns jsonb
language sql
immutable
set search_path = ''
as $function$
    select case when jsonb_typeof(p_metadata) = 'object' then p_metadata else '{}'::jsonb end
        || jsonb_strip_nulls(p_note)
$function$;
revoke all on function private.note_on_job(jsonb, jsonb) from public, anon, authenticated, service_role;

-- Ends a job well and queues what follows, in one transaction.
-- p_next_stages: stages to queue for this video, null or empty for none; a stage that is open already is not queued
-- again. p_duration_s: seconds, or null. p_language: BCP 47 tag or null; a language that the owner set stays.
-- Returns the state of the job and of the video and the stages that were queued. The video is indexed once no job of it
-- is open. Called again under the same lease it answers the same and changes nothing.
-- Errors: job_not_found; lease_lost; job_cancelled. Not security definer: called through the service door.
create or replace function private.complete_job(
    p_job_id uuid, p_lease_id uuid, p_next_stages text [], p_duration_s numeric, p_language text
)
returns table (state text, video_state text, next_stages jsonb)
language plpgsql
set search_path = ''
as $function$
declare
    v_job public.jobs := private.lock_job(p_job_id, p_lease_id, true);
    v_next jsonb;
    v_open boolean;
begin
    if v_job.state <> 'completed' then
        perform private.require_running(v_job);
        update public.jobs set state = 'completed', progress = 1, finished_at = now(), error_text = null
        where job_id = p_job_id;
        with queued as (
            insert into public.jobs as j (video_id, stage, state)
            select distinct v_job.video_id, n.stage::public.job_stage, 'pending'::public.job_state
            from unnest(p_next_stages) as n (stage)
            where not exists (
                select from public.jobs as o
                where
                    o.video_id = v_job.video_id and o.stage = n.stage::public.job_stage
                    and o.state in ('pending', 'running')
            )
            returning j.stage
        )

        select coalesce(jsonb_agg(q.stage order by q.stage), '[]'::jsonb) into v_next from queued as q;
        update public.jobs
        set metadata = private.note_on_job(metadata, jsonb_build_object('next_stages', v_next))
        where job_id = p_job_id;
        v_open := exists (
            select from public.jobs as o where o.video_id = v_job.video_id and o.state in ('pending', 'running')
        );
        update public.videos as v
        set
            duration_s = coalesce(p_duration_s, v.duration_s),
            language = coalesce(v.language, p_language),
            state = case
                when v.state not in ('validating', 'processing') then v.state
                when v_open then 'processing'::public.video_state
                else 'indexed'::public.video_state
            end,
            indexed_at = case
                when v_open or v.state not in ('validating', 'processing', 'indexed') then v.indexed_at else now()
            end,
            error_text = case when v.state = 'failed' then v.error_text end
        where v.video_id = v_job.video_id;
    end if;
    return query
    select j.state::text, v.state::text, coalesce(j.metadata -> 'next_stages', '[]'::jsonb)
    from public.jobs as j
    inner join public.videos as v on j.video_id = v.video_id
    where j.job_id = p_job_id;
end
$function$;
revoke all on function private.complete_job(uuid, uuid, text [], numeric, text)
from public, anon, authenticated, service_role;

-- Ends a job for good: failed, the other open jobs of its video cancelled, the video failed unless it is indexed.
-- p_job: the row, locked after its video. p_error: text for the owner of the video. Returns nothing.
-- Not security definer: called by the functions below.
create or replace function private.give_up_job(p_job public.jobs, p_error text) returns void
language plpgsql
set search_path = ''
as $function$
begin
    update public.jobs set state = 'failed', error_text = p_error, finished_at = now() where job_id = p_job.job_id;
    update public.jobs set state = 'cancelled', finished_at = now()
    where video_id = p_job.video_id and state in ('pending', 'running');
    update public.videos
    set
        error_text = p_error,
        state = case when state in ('validating', 'processing') then 'failed'::public.video_state else state end
    where video_id = p_job.video_id;
end
$function$;
revoke all on function private.give_up_job(public.jobs, text) from public, anon, authenticated, service_role;

-- Ends an attempt badly. p_error: text for the owner of the video. p_retry: whether another attempt may succeed.
-- Returns the state of the job and of the video, how many attempts there were and when the next one is due (null for
-- none). After five attempts, or without retry, the job has failed. The pause is 30 s, doubled with each attempt, at
-- most an hour, and shortened by chance to between half and all of it, so that jobs that fell together do not come back
-- together. Called again under the same lease it answers the same and changes nothing.
-- Errors: job_not_found; lease_lost; job_cancelled. Not security definer: called through the service door.
create or replace function private.fail_job(p_job_id uuid, p_lease_id uuid, p_error text, p_retry boolean)
returns table (state text, video_state text, attempts integer, retry_at timestamptz)
language plpgsql
set search_path = ''
as $function$
declare
    v_job public.jobs := private.lock_job(p_job_id, p_lease_id, true);
begin
    if v_job.state not in ('pending', 'failed') then
        perform private.require_running(v_job);
        if p_retry and v_job.attempts < 5 then
            update public.jobs as j
            set
                state = 'pending', error_text = p_error, progress = 0,
                due_at = now()
                + make_interval(secs => least(3600, 30 * 2 ^ (j.attempts - 1)) * (0.5 + random() / 2))
            where j.job_id = p_job_id;
        else
            perform private.give_up_job(v_job, p_error);
        end if;
    end if;
    return query
    select j.state::text, v.state::text, j.attempts, case when j.state = 'pending' then j.due_at end
    from public.jobs as j
    inner join public.videos as v on j.video_id = v.video_id
    where j.job_id = p_job_id;
end
$function$;
revoke all on function private.fail_job(uuid, uuid, text, boolean) from public, anon, authenticated, service_role;

-- Gives a job back that was claimed and never reached its worker: due at once, and the attempt does not count.
-- Returns nothing. Errors: job_not_found; lease_lost. Not security definer: called through the service door.
create or replace function private.release_job(p_job_id uuid, p_lease_id uuid) returns void
language plpgsql
set search_path = ''
as $function$
begin
    perform private.lock_job(p_job_id, p_lease_id, false);
    update public.jobs set state = 'pending', attempts = attempts - 1, due_at = now()
    where job_id = p_job_id and state = 'running';
end
$function$;
revoke all on function private.release_job(uuid, uuid) from public, anon, authenticated, service_role;

-- Ends jobs whose fifth worker died without a word. p_limit: at most so many. Returns how many there were.
-- What somebody else works on is left to the next call. Not security definer: called through the service door.
create or replace function private.fail_exhausted_jobs(p_limit integer) returns integer
language plpgsql
set search_path = ''
as $function$
declare
    v_found record;
    v_job public.jobs;
    v_count integer := 0;
begin
    for v_found in
        select j.job_id, j.video_id
        from public.jobs as j
        where j.state = 'running' and j.attempts >= 5 and j.due_at <= now()
        order by j.due_at
        limit p_limit
    loop
        perform from public.videos as v where v.video_id = v_found.video_id for update skip locked;
        continue when not found;
        select j.* into v_job
        from public.jobs as j
        where j.job_id = v_found.job_id and j.state = 'running' and j.attempts >= 5 and j.due_at <= now()
        for update skip locked;
        continue when not found;
        perform private.give_up_job(v_job, 'The video could not be processed: five attempts ended without an answer');
        v_count := v_count + 1;
    end loop;
    return v_count;
end
$function$;
revoke all on function private.fail_exhausted_jobs(integer) from public, anon, authenticated, service_role;

-- The folder of a video's objects in the buckets thumbnails and sidecars, without a slash at its end.
-- Returns "{user}", or "organizations/{organisation}" for a video without a user. Not security definer: it reads its
-- argument only.
create or replace function private.folder_of(p_video public.videos) returns text
language sql
immutable
set search_path = ''
as $function$
    select coalesce(p_video.user_id::text, 'organizations/' || p_video.organization_id::text)
$function$;
revoke all on function private.folder_of(public.videos) from public, anon, authenticated, service_role;

-- The folder into which the worker that holds a job may upload thumbnails and the sidecar of its video.
-- Returns one row. Errors: job_not_found; lease_lost; job_cancelled. Not security definer: called through the service
-- door.
create or replace function private.read_job_folder(p_job_id uuid, p_lease_id uuid)
returns table (video_id uuid, folder text)
language plpgsql
set search_path = ''
as $function$
declare
    v_job public.jobs := private.lock_job(p_job_id, p_lease_id, false);
begin
    perform private.require_running(v_job);
    return query
    select v.video_id, private.folder_of(v) from public.videos as v where v.video_id = v_job.video_id;
end
$function$;
revoke all on function private.read_job_folder(uuid, uuid) from public, anon, authenticated, service_role;

-- Stages one part of a revision; the same part again takes the place of the first.
-- p_source: 'captions' or 'worker'. p_scenes: as in private.scene_parts, scene_id optional. The video is locked.
-- Returns the revision. Errors: revision_conflict (a newer revision is swapped in already, or this one is and the part
-- differs); validation_failed (more than 50000 scenes in the revision, 10000 where vectors are kept, more than ten
-- million characters of transcripts or two million tags).
-- Vectors are left out where there is no table for them. Not security definer: called by the functions below and by
-- private.set_captions.
create or replace function private.stage_scenes(
    p_video_id uuid, p_revision uuid, p_source text, p_part integer, p_scenes jsonb
)
returns private.scene_revisions
language plpgsql
set search_path = ''
as $function$
declare
    v_digest text := md5(p_scenes::text);
    v_vectors boolean := to_regclass('public.scene_vectors') is not null;
    v_replaced private.scene_parts;
    v_count bigint;
    v_length bigint;
    v_tags bigint;
    v_revision private.scene_revisions;
begin
    insert into private.scene_revisions (video_id, revision, source) values (p_video_id, p_revision, p_source)
    on conflict on constraint scene_revisions_pkey do nothing;
    select r.* into v_revision
    from private.scene_revisions as r
    where r.video_id = p_video_id and r.revision = p_revision
    for update;
    if exists (
        select from private.scene_revisions as r
        where r.video_id = p_video_id and r.swapped_at is not null and r.sequence > v_revision.sequence
    ) then
        perform private.raise_error(
            'revision_conflict', 'Newer scenes are in place. Begin a new revision only to replace those'
        );
    end if;
    if v_revision.swapped_at is not null then
        if v_revision.digests ->> p_part::text is distinct from v_digest then
            perform private.raise_error(
                'revision_conflict', 'This revision is in place and takes no other part. Begin a new revision'
            );
        end if;
        return v_revision;
    end if;

    delete from private.scene_parts as p
    where p.video_id = p_video_id and p.revision = p_revision and p.part = p_part
    returning p.* into v_replaced;
    insert into private.scene_parts (
        video_id, revision, part, scenes, scene_count, transcript_length, tag_count, thumbnail_keys, sidecar_keys
    )
    select
        p_video_id, p_revision, p_part,
        coalesce(jsonb_agg(
            jsonb_build_object('scene_id', gen_random_uuid())
            || case when v_vectors then s.scene else s.scene - 'text_vec' - 'image_vec' end
        ), '[]'::jsonb),
        count(*),
        coalesce(sum(length(s.scene ->> 'transcript')), 0),
        coalesce(sum(jsonb_array_length(s.scene -> 'vision_tags')), 0),
        coalesce(array_agg(s.scene ->> 'thumbnail_key') filter (where s.scene ->> 'thumbnail_key' is not null), '{}'),
        coalesce(
            array_agg(distinct s.scene ->> 'sidecar_key') filter (where s.scene ->> 'sidecar_key' is not null), '{}'
        )
    from jsonb_array_elements(p_scenes) as s (scene);
    delete from private.stale_objects as o
    using private.scene_parts as p
    where
        p.video_id = p_video_id and p.revision = p_revision and p.part = p_part and o.video_id = p_video_id
        and (
            (o.bucket = 'thumbnails' and o.key = any(p.thumbnail_keys))
            or (o.bucket = 'sidecars' and o.key = any(p.sidecar_keys))
        );
    if v_replaced.video_id is not null then
        perform private.queue_stale_objects(p_video_id, v_replaced.thumbnail_keys, v_replaced.sidecar_keys);
    end if;
    update private.scene_revisions
    set
        touched_at = now(), digests = digests || jsonb_build_object(p_part::text, v_digest),
        vectors_stored = vectors_stored or (
            v_vectors and jsonb_path_exists(p_scenes, '$[*] ? (exists (@.text_vec) || exists (@.image_vec))')
        )
    where video_id = p_video_id and revision = p_revision
    returning * into v_revision;
    select sum(p.scene_count), sum(p.transcript_length), sum(p.tag_count) into v_count, v_length, v_tags
    from private.scene_parts as p
    where p.video_id = p_video_id and p.revision = p_revision;
    -- The swap is one statement within a time limit. Words go through an index that takes a second for a million
    -- characters, tags and vectors through others.
    if
        v_count > (case when v_revision.vectors_stored then 10000 else 50000 end)
        or v_length > 10000000 or v_tags > 2000000
    then
        perform private.raise_error(
            'validation_failed',
            'A revision holds at most 50000 scenes, 10000 with vectors, 10 million characters of transcripts and '
            '2 million tags. Send fewer'
        );
    end if;
    return v_revision;
end
$function$;
revoke all on function private.stage_scenes(uuid, uuid, text, integer, jsonb)
from public, anon, authenticated, service_role;

-- Queues objects for removal that no scene and no staged part of the video names; names that came back leave the queue.
-- Returns nothing. Not security definer: called by the functions beside it.
create or replace function private.queue_stale_objects(p_video_id uuid, p_thumbnails text [], p_sidecars text [])
returns void
language plpgsql
set search_path = ''
as $function$
begin
    insert into private.stale_objects (bucket, key, video_id, user_id)
    select o.bucket, o.key, p_video_id, (select v.user_id from public.videos as v where v.video_id = p_video_id)
    from (
        select 'thumbnails' as bucket, t.key from unnest(p_thumbnails) as t (key)
        union
        select 'sidecars', s.key from unnest(p_sidecars) as s (key)
    ) as o
    on conflict on constraint stale_objects_pkey do nothing;
    delete from private.stale_objects as o
    using (
        select 'thumbnails' as bucket, s.thumbnail_key::text as key
        from public.scenes as s
        where s.video_id = p_video_id
        union
        select 'sidecars', s.sidecar_key::text from public.scenes as s where s.video_id = p_video_id
        union
        select 'thumbnails', unnest(p.thumbnail_keys) from private.scene_parts as p where p.video_id = p_video_id
        union
        select 'sidecars', unnest(p.sidecar_keys) from private.scene_parts as p where p.video_id = p_video_id
    ) as named
    where o.video_id = p_video_id and o.bucket = named.bucket and o.key = named.key;
end
$function$;
revoke all on function private.queue_stale_objects(uuid, text [], text [])
from public, anon, authenticated, service_role;

-- Puts a staged revision in the place of all scenes of its video. p_parts: of how many parts it consists.
-- The video is locked. Returns the numbers of the parts that are missing; none: the scenes are in place.
-- What was staged before it is dropped, objects that nothing names any more are queued for removal. People who were
-- deleted since their part was staged are left out, those who were merged count as the person they became part of.
-- Called again it changes nothing.
-- Errors: validation_failed (a part beyond p_parts, another count than before, a scene_id used twice).
-- Not security definer: called by the functions beside it.
create or replace function private.swap_scenes(p_video_id uuid, p_revision uuid, p_parts integer) returns integer []
language plpgsql
set search_path = ''
as $function$
declare
    v_video public.videos;
    v_revision private.scene_revisions;
    v_missing integer [];
    v_thumbnails text [];
    v_sidecars text [];
    v_scenes integer;
    v_vector text;
begin
    select v.* into v_video from public.videos as v where v.video_id = p_video_id;
    select r.* into v_revision
    from private.scene_revisions as r
    where r.video_id = p_video_id and r.revision = p_revision;
    if v_revision.swapped_at is not null then
        if v_revision.parts <> p_parts then
            perform private.raise_error(
                'validation_failed', 'This revision is in place with ' || v_revision.parts || ' parts'
            );
        end if;
        return '{}';
    end if;
    if exists (
        select from private.scene_parts as p
        where p.video_id = p_video_id and p.revision = p_revision and p.part > p_parts
    ) then
        perform private.raise_error(
            'validation_failed', 'A part of this revision has a number beyond ' || p_parts || '. Check parts'
        );
    end if;
    v_missing := array(
        select n from generate_series(1, p_parts) as n
        except
        select p.part from private.scene_parts as p where p.video_id = p_video_id and p.revision = p_revision
        order by 1
    );
    if cardinality(v_missing) > 0 then
        return v_missing;
    end if;
    -- Before any row goes, as private.merge_people locks people before their links. A merge or an erasure under way is
    -- waited for, and the links below follow what it left.
    perform
    from public.face_profiles as f
    where
        f.user_id = v_video.user_id
        and f.person_id in (
            select coalesce(m.target_id, w.person_id)
            from private.scene_parts as p
            cross join lateral jsonb_to_recordset(p.scenes) as s (people jsonb)
            cross join lateral jsonb_to_recordset(s.people) as w (person_id uuid)
            left join private.person_merges as m on w.person_id = m.source_id
            where p.video_id = p_video_id and p.revision = p_revision
        )
    order by f.person_id
    for key share;
    with dropped as (
        delete from private.scene_parts as p
        using private.scene_revisions as r
        where
            r.video_id = p_video_id and r.sequence < v_revision.sequence
            and p.video_id = r.video_id and p.revision = r.revision
        returning p.thumbnail_keys, p.sidecar_keys
    ),

    named as (
        select s.thumbnail_key::text as thumbnail, s.sidecar_key::text as sidecar
        from public.scenes as s
        where s.video_id = p_video_id
        union all
        select t.key, null from dropped as d cross join lateral unnest(d.thumbnail_keys) as t (key)
        union all
        select null, t.key from dropped as d cross join lateral unnest(d.sidecar_keys) as t (key)
    )

    select
        coalesce(array_agg(distinct n.thumbnail) filter (where n.thumbnail is not null), '{}'),
        coalesce(array_agg(distinct n.sidecar) filter (where n.sidecar is not null), '{}')
    into v_thumbnails, v_sidecars
    from named as n;
    delete from public.scenes where video_id = p_video_id;
    begin
        insert into public.scenes (
            scene_id, video_id, start_s, end_s, transcript, language, vision_tags, thumbnail_key, sidecar_key
        )
        select
            s.scene_id, p_video_id, s.start_s, s.end_s, s.transcript, coalesce(s.language, v_video.language),
            s.vision_tags, s.thumbnail_key, s.sidecar_key
        from private.scene_parts as p
        cross join lateral jsonb_to_recordset(p.scenes) as s (
            scene_id uuid, start_s numeric, end_s numeric, transcript text, language text, vision_tags jsonb,
            thumbnail_key text, sidecar_key text
        )
        where p.video_id = p_video_id and p.revision = p_revision;
        get diagnostics v_scenes = row_count;
    exception
        when unique_violation then
            perform private.raise_error('validation_failed', 'A scene_id is used twice. Give each scene its own');
    end;
    insert into public.scene_people (scene_id, person_id, confidence, frame_count)
    select s.scene_id, f.person_id, max(w.confidence), least(sum(w.frame_count), 2147483647)::integer
    from private.scene_parts as p
    cross join lateral jsonb_to_recordset(p.scenes) as s (scene_id uuid, people jsonb)
    cross join lateral jsonb_to_recordset(s.people) as w (
        person_id uuid, confidence double precision, frame_count integer
    )
    left join private.person_merges as m on w.person_id = m.source_id
    inner join public.face_profiles as f on coalesce(m.target_id, w.person_id) = f.person_id
    where
        p.video_id = p_video_id and p.revision = p_revision and f.user_id = v_video.user_id and f.deleted_at is null
    group by s.scene_id, f.person_id;
    if v_revision.vectors_stored then
        -- The extension may lie in any schema, and without it the type is not known to this file.
        select format_type(a.atttypid, a.atttypmod) into v_vector
        from pg_catalog.pg_attribute as a
        where a.attrelid = to_regclass('public.scene_vectors') and a.attname = 'text_vec';
        execute format($sql$
            insert into public.scene_vectors (scene_id, text_vec, image_vec)
            select s.scene_id, s.text_vec::%1$s, s.image_vec::%1$s
            from private.scene_parts as p
            cross join lateral jsonb_to_recordset(p.scenes) as s (scene_id uuid, text_vec text, image_vec text)
            where
                p.video_id = $1 and p.revision = $2 and (s.text_vec is not null or s.image_vec is not null)
        $sql$, v_vector) using p_video_id, p_revision;
    end if;

    delete from private.scene_parts where video_id = p_video_id and revision = p_revision;
    update private.scene_revisions set swapped_at = clock_timestamp(), parts = p_parts, scenes = v_scenes
    where video_id = p_video_id and revision = p_revision;
    if cardinality(v_thumbnails) + cardinality(v_sidecars) > 0 then
        perform private.queue_stale_objects(p_video_id, v_thumbnails, v_sidecars);
    end if;
    return '{}';
end
$function$;
revoke all on function private.swap_scenes(uuid, uuid, integer) from public, anon, authenticated, service_role;

-- Drops what is staged for a video that gets another owner: its keys lie in the folder of the one before, and name that
-- user in an organisation's video after the user was erased. The worker is told that the parts are missing.
-- Trigger function, not security definer: only the server changes an owner.
create or replace function private.drop_staged_parts() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    delete from private.scene_parts where video_id = new.video_id;
    return null;
end
$function$;
revoke all on function private.drop_staged_parts() from public, anon, authenticated, service_role;

create or replace trigger videos_drop_staged_parts
after update of user_id on public.videos
for each row
when (old.user_id is distinct from new.user_id)
execute function private.drop_staged_parts();

-- Takes one part of a revision from a worker that holds a job of the video, and swaps the revision in with the last.
-- p_parts: of how many parts the revision consists, null while more are to come. p_scenes: as in private.scene_parts.
-- Returns the numbers of the missing parts (not empty: staged, not swapped), whether the revision is in place, its
-- count of scenes then (else null), and whether its vectors are kept.
-- Errors: video_not_found; lease_lost; job_cancelled; revision_conflict; person_not_found (not a person of the owner);
-- validation_failed (a scene_id of another video, a key that is not the scene's own, and as the functions it calls).
-- Not security definer: called through the service door.
create or replace function private.put_scenes(
    p_video_id uuid, p_lease_id uuid, p_revision uuid, p_part integer, p_parts integer, p_scenes jsonb
)
returns table (missing integer [], swapped boolean, total integer, vectors_stored boolean)
language plpgsql
set search_path = ''
as $function$
declare
    v_job_id uuid;
    v_video public.videos;
    v_missing integer [] := '{}';
    v_fault text;
begin
    select l.job_id into v_job_id
    from private.job_leases as l
    inner join public.jobs as j on l.job_id = j.job_id
    where l.lease_id = p_lease_id and j.video_id = p_video_id;
    if v_job_id is null then
        if not exists (select from public.videos as v where v.video_id = p_video_id) then
            perform private.raise_error('video_not_found', 'No such video: it was deleted, or the id is wrong');
        end if;
        perform private.raise_error('lease_lost', 'This lease holds no job of the video. Claim one');
    end if;
    perform private.require_running(private.lock_job(v_job_id, p_lease_id, true));
    select v.* into v_video from public.videos as v where v.video_id = p_video_id;

    select string_agg(distinct w.person_id::text, ', ') into v_fault
    from jsonb_to_recordset(p_scenes) as s (people jsonb)
    cross join lateral jsonb_to_recordset(s.people) as w (person_id uuid)
    left join private.person_merges as m on w.person_id = m.source_id
    where not exists (
        select from public.face_profiles as f
        where
            f.person_id = coalesce(m.target_id, w.person_id) and f.user_id = v_video.user_id and f.deleted_at is null
    );
    if v_fault is not null then
        perform private.raise_error('person_not_found', 'The owner of this video has no person ' || left(v_fault, 200));
    end if;
    select string_agg(s.scene_id::text, ', ') into v_fault
    from jsonb_to_recordset(p_scenes) as s (scene_id uuid)
    inner join public.scenes as o on s.scene_id = o.scene_id
    where o.video_id <> p_video_id;
    if v_fault is not null then
        perform private.raise_error('validation_failed', 'Another video has the scenes ' || left(v_fault, 200));
    end if;
    select min(coalesce(s.thumbnail_key, s.sidecar_key)) into v_fault
    from jsonb_to_recordset(p_scenes) as s (scene_id uuid, thumbnail_key text, sidecar_key text)
    where
        s.thumbnail_key <> coalesce(
            private.folder_of(v_video) || '/' || p_video_id::text || '/' || s.scene_id::text || '.jpg', ''
        )
        or s.sidecar_key <> private.folder_of(v_video) || '/' || p_video_id::text || '.json';
    if v_fault is not null then
        perform private.raise_error(
            'validation_failed',
            'The key "' || left(v_fault, 200) || '" is not of this video and scene. Use the paths of jobs/{id}/uploads'
        );
    end if;

    perform private.stage_scenes(p_video_id, p_revision, 'worker', p_part, p_scenes);
    if p_parts is not null then
        v_missing := private.swap_scenes(p_video_id, p_revision, p_parts);
    end if;
    return query
    select v_missing, r.swapped_at is not null, r.scenes, r.vectors_stored
    from private.scene_revisions as r
    where r.video_id = p_video_id and r.revision = p_revision;
end
$function$;
revoke all on function private.put_scenes(uuid, uuid, uuid, integer, integer, jsonb)
from public, anon, authenticated, service_role;

-- Drops revisions that nobody has touched for a day, except the current one of each video; objects that only they named
-- are queued for removal. p_limit: at most so many. Returns how many there were.
-- Not security definer: called through the service door.
create or replace function private.sweep_scene_revisions(p_limit integer) returns integer
language plpgsql
set search_path = ''
as $function$
declare
    v_found private.scene_revisions;
    v_thumbnails text [];
    v_sidecars text [];
    v_count integer := 0;
begin
    for v_found in
        select r.*
        from private.scene_revisions as r
        where
            r.touched_at < now() - interval '24 hours'
            and (r.swapped_at is null or exists (
                select from private.scene_revisions as n
                where n.video_id = r.video_id and n.swapped_at is not null and n.sequence > r.sequence
            ))
        order by r.touched_at
        limit p_limit
        for update of r skip locked
    loop
        -- A video that somebody works on is left to the next call: to wait here would turn the order of locks round.
        perform from public.videos as v where v.video_id = v_found.video_id for update skip locked;
        continue when not found;
        select
            coalesce(array_agg(t.key) filter (where t.bucket = 'thumbnails'), '{}'),
            coalesce(array_agg(t.key) filter (where t.bucket = 'sidecars'), '{}')
        into v_thumbnails, v_sidecars
        from private.scene_parts as p
        cross join lateral (
            select 'thumbnails' as bucket, k.key from unnest(p.thumbnail_keys) as k (key)
            union all
            select 'sidecars', k.key from unnest(p.sidecar_keys) as k (key)
        ) as t
        where p.video_id = v_found.video_id and p.revision = v_found.revision;
        delete from private.scene_revisions where video_id = v_found.video_id and revision = v_found.revision;
        perform private.queue_stale_objects(v_found.video_id, v_thumbnails, v_sidecars);
        v_count := v_count + 1;
    end loop;
    return v_count;
end
$function$;
revoke all on function private.sweep_scene_revisions(integer) from public, anon, authenticated, service_role;

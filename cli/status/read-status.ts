import type postgres from "postgres";

/** What `heimdex status --json` writes, beside `over`. Ages in seconds. */
export interface Status {
  users: { total: number; onboarded: number };
  /** `without_admin` have members all the same. */
  organizations: { total: number; without_admin: number };
  /** Videos by state. */
  videos: Record<string, number>;
  /** Jobs of the indexing by state, and how long the job that is due longest has been due. */
  jobs: { states: Record<string, number>; oldest_seconds: number };
  outbox: { pending: number; oldest_seconds: number; dead: number };
  /** How long the erasure that is due longest has been due. */
  erasures: { states: Record<string, number>; oldest_seconds: number };
  /** The last daily count; null before the first one. */
  orphans: { counted_seconds: number; users: number | null; orphans: number | null } | null;
  /** How long ago the drain last came to its end; null: never. */
  drain: { finished_seconds: number | null };
}

/** Reads everything in one statement, so that the figures are of one moment. */
export async function readStatus(sql: postgres.Sql): Promise<Status> {
  const [row] = await sql<[{ status: Status }]>`
    select jsonb_build_object(
      'users', (
        select jsonb_build_object(
          'total', count(*),
          'onboarded', count(*) filter (
            where raw_user_meta_data -> 'onboarding_completed' = 'true'::jsonb))
        from auth.users where deleted_at is null),
      'organizations', (
        select jsonb_build_object(
          'total', (select count(*) from public.organizations),
          'without_admin', count(*))
        from (
          select from public.organization_members group by organization_id
          having not bool_or(role = 'admin')) as without_admin),
      'videos', (
        select coalesce(jsonb_object_agg(state, videos), '{}')
        from (select state, count(*) as videos from public.videos group by state) as by_state),
      'jobs', (
        select jsonb_build_object(
          'states', coalesce(jsonb_object_agg(state, jobs), '{}'),
          'oldest_seconds', coalesce(greatest(
            floor(extract(epoch from now() - min(due_since))), 0), 0))
        from (
          select state, count(*) as jobs,
            min(due_at) filter (where state in ('pending', 'running')) as due_since
          from public.jobs group by state) as by_state),
      'outbox', (
        select jsonb_build_object(
          'pending', count(*) filter (where dead_at is null),
          'oldest_seconds', coalesce(floor(extract(epoch from
            now() - min(created_at) filter (where dead_at is null))), 0),
          'dead', count(*) filter (where dead_at is not null))
        from private.auth_events
        where delivered_at is null),
      'erasures', (
        select jsonb_build_object(
          'states', coalesce(jsonb_object_agg(state, erasures), '{}'),
          'oldest_seconds', coalesce(greatest(
            floor(extract(epoch from now() - min(due_since))), 0), 0))
        from (
          select state, count(*) as erasures, min(
            case state
              when 'scheduled' then effective_at
              when 'pending' then greatest(requested_at, effective_at)
              when 'running' then coalesce(late_sweep_at, greatest(requested_at, effective_at))
              when 'provisional' then late_sweep_at
            end) filter (
              where state in ('pending', 'running')
                or (state = 'scheduled' and effective_at < now())
                or (state = 'provisional' and late_sweep_at < now())) as due_since
          from private.erasures group by state) as by_state),
      'orphans', (
        select jsonb_build_object(
          'counted_seconds', floor(extract(epoch from now() - counted_at)),
          'users', users, 'orphans', orphans)
        from private.orphan_counts where counted_at is not null order by day desc limit 1),
      'drain', jsonb_build_object('finished_seconds', (
        select floor(extract(epoch from now() - finished_at)) from private.drain_heartbeats))
    ) as status
  `;
  return row.status;
}

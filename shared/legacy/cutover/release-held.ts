import type postgres from "postgres";

/** What became of the erasures that waited for the cutover. */
export interface ReleasedErasures {
  /** Begin with the next run of erasures. */
  released: number;
  /** Stay held: more were asked for within an hour than begin without an operator. */
  held: number;
}

/**
 * Lets the erasures begin that were held because the legacy users were not moved over. Those that
 * would have been held anyway stay so: the hourly limit is asked as if it had been at the time.
 * Does nothing while the users tables stand.
 */
export async function releaseHeldErasures(
  sql: postgres.Sql,
  { erasuresPerHour, now }: { erasuresPerHour: number; now: Date },
): Promise<ReleasedErasures> {
  const [row] = await sql<[{ released: number; held: number }]>`
    with asked as (
      select erasure_id, state, greatest(requested_at, effective_at) as asked_at,
        count(*) over (
          order by greatest(requested_at, effective_at)
          range between interval '1 hour' preceding and current row
        ) - 1 as recent
      from private.erasures where kind = 'user' and state not in ('scheduled', 'cancelled')
    ), released as (
      update private.erasures as e
      set state = 'pending', attempts = 0, last_error = null, next_attempt_at = ${now},
        effective_at = least(e.effective_at, ${now})
      from asked, private.legacy_removals as r
      where e.erasure_id = asked.erasure_id and e.state = 'held' and e.last_error is null
        and asked.asked_at < r.removed_at and asked.recent < ${erasuresPerHour}
      returning e.erasure_id
    )
    select (select count(*) from released)::int as released,
      (select count(*) from private.erasures where state = 'held')::int
        - (select count(*) from released)::int as held`;
  return row;
}

import type postgres from "postgres";
import type { LegacyUser, TargetUser } from "../target.ts";
import { type ExportFailure, toFailure } from "./causes.ts";

/** What is to be remembered of one user. */
export type Outcome =
  | { user: LegacyUser; target: TargetUser }
  /** In the id map already, and nothing had to be done: what was verified stays verified. */
  | { user: LegacyUser; seen: true }
  | { user: LegacyUser; failure: ExportFailure };

const BATCH = 100;
const MAX_WAIT_MS = 500;

/**
 * Writes outcomes in batches behind the requests. A kill loses at most the last batch, and the next
 * run finds those users in Supabase Auth.
 */
export class Checkpoint {
  #waiting: Outcome[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #refused: ExportFailure[] = [];
  readonly #sql: postgres.Sql;

  constructor(sql: postgres.Sql) {
    this.#sql = sql;
  }

  /** Resolves at once, or after the batches before when writing falls behind. */
  async add(outcome: Outcome): Promise<void> {
    this.#waiting.push(outcome);
    if (this.#waiting.length < BATCH) {
      this.#timer ??= setTimeout(() => this.#write(), MAX_WAIT_MS);
      return;
    }
    const before = this.#writing;
    this.#write();
    await before;
  }

  /**
   * Resolves when everything is written, with the users whose account is another legacy user's by
   * the id map: they count as failed. Throws what any batch failed with.
   */
  async flush(): Promise<ExportFailure[]> {
    this.#write();
    await this.#writing;
    return this.#refused;
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#waiting.splice(0);
    if (batch.length === 0) return;
    this.#writing = this.#writing.then(async () => {
      this.#refused.push(...await writeOutcomes(this.#sql, batch));
    });
    // Whoever adds or flushes next is told.
    this.#writing.catch(() => {});
  }
}

async function writeOutcomes(sql: postgres.Sql, batch: Outcome[]): Promise<ExportFailure[]> {
  const exported = batch.filter((outcome) => "target" in outcome);
  const failures = batch.flatMap((outcome) => "failure" in outcome ? [outcome.failure] : []);
  const seen = batch.flatMap((outcome) => "seen" in outcome ? [outcome.user] : []);
  if (seen.length > 0) await writeSeen(sql, seen);
  const written = exported.length > 0 ? await writeExported(sql, exported) : new Set();
  const refused = exported.filter(({ user }) => !written.has(user.userId))
    .map(({ user }) => toFailure(user.userId, "link_taken"));
  const all = [...failures, ...refused];
  if (all.length > 0) await writeFailures(sql, all);
  return refused;
}

/**
 * A row of the id map never changes its ids, and an account never gets a second legacy user. What
 * was exported again is to be verified again.
 */
async function writeExported(
  sql: postgres.Sql,
  exported: Extract<Outcome, { target: TargetUser }>[],
): Promise<Set<string>> {
  const rows = JSON.stringify(exported.map(({ user, target }) => ({
    legacy_user_id: user.userId,
    supabase_user_id: target.supabaseUserId,
    origin: target.origin,
    source_updated_at: user.updatedAt,
  })));
  const written = await sql<{ legacy_user_id: string }[]>`
    with done as (
      select distinct on (supabase_user_id) d.*
      from jsonb_to_recordset(${rows}::text::jsonb) as d (
        legacy_user_id uuid, supabase_user_id uuid, origin text, source_updated_at timestamptz)
      where not exists (
        select from private.legacy_exports as other
        where other.supabase_user_id = d.supabase_user_id
          and other.legacy_user_id <> d.legacy_user_id)
    ), forgotten as (
      delete from private.legacy_failures as f using done
      where f.legacy_user_id = done.legacy_user_id
    )
    insert into private.legacy_exports as e
      (legacy_user_id, supabase_user_id, origin, source_updated_at)
    select legacy_user_id, supabase_user_id, origin, source_updated_at from done
    on conflict (legacy_user_id) do update
      set exported_at = now(), verified_at = null, source_updated_at = excluded.source_updated_at
      where e.supabase_user_id = excluded.supabase_user_id
    returning legacy_user_id`;
  return new Set(written.map((row) => row.legacy_user_id));
}

async function writeSeen(sql: postgres.Sql, users: LegacyUser[]): Promise<void> {
  const rows = JSON.stringify(users.map(({ userId, updatedAt }) => ({
    legacy_user_id: userId,
    source_updated_at: updatedAt,
  })));
  await sql`
    with seen as (
      select * from jsonb_to_recordset(${rows}::text::jsonb) as d (
        legacy_user_id uuid, source_updated_at timestamptz)
    ), forgotten as (
      delete from private.legacy_failures as f using seen
      where f.legacy_user_id = seen.legacy_user_id
    )
    update private.legacy_exports as e set source_updated_at = seen.source_updated_at
    from seen
    where e.legacy_user_id = seen.legacy_user_id
      and e.source_updated_at is distinct from seen.source_updated_at`;
}

async function writeFailures(
  sql: postgres.Sql,
  failures: ExportFailure[],
): Promise<void> {
  const rows = JSON.stringify(failures.map((failure) => ({
    legacy_user_id: failure.legacyUserId,
    cause: failure.cause,
    detail: failure.detail,
  })));
  await sql`
    insert into private.legacy_failures as f (legacy_user_id, cause, detail)
    select legacy_user_id, cause, detail from jsonb_to_recordset(${rows}::text::jsonb) as d (
      legacy_user_id uuid, cause text, detail text)
    on conflict (legacy_user_id) do update
      set cause = excluded.cause, detail = excluded.detail, attempts = f.attempts + 1,
        failed_at = now()`;
}

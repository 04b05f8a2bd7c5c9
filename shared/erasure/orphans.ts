import type { Transaction } from "../database/doors.ts";
import { nameFailure } from "../errors/name-failure.ts";
import type { ErasureContext } from "./context.ts";
import { requestErasure } from "./engine.ts";
import type { Erasure } from "./erasure.ts";
import { hasUnmovedUsers } from "./legacy-hold.ts";
import { type OwnerColumn, type OwnerFolder, ownerFolders, readOwnerColumns } from "./owners.ts";

/** A user of whom something is left although Supabase Auth knows the account no more. */
export interface Orphan {
  /** UUID in lower case. */
  readonly userId: string;
  /** Tables (`schema.table`) and buckets in which something is left. */
  readonly where: readonly string[];
  /** When the youngest row or object of those that carry a time was written; null when none does. */
  readonly newest: Date | null;
}

/** What a search for orphans found. */
export interface OrphanReport {
  /** Accounts that are not soft-deleted. */
  readonly users: number;
  /** Those older than the minimum age, ordered by id. */
  readonly orphans: readonly Orphan[];
  /** How many are younger, and so may belong to something under way. */
  readonly tooYoung: number;
}

/** Bounds of one sweep; what exceeds them is taken for a fault of the search or of the database. */
export interface SweepLimits {
  /** At most this many orphans. */
  readonly maxCount: number;
  /** At most this part of the accounts, from 0 to 1; rounded up, so that a small project may sweep. */
  readonly maxShare: number;
}

/** Why a sweep must not begin. The message says what to do. */
export class SweepRefusedError extends Error {
  override readonly name = "SweepRefusedError";
}

type Context = Pick<ErasureContext, "database">;

interface Traces {
  readonly where: string[];
  newest: Date | null;
}

/** How to search. */
export interface SearchOptions {
  /** Seconds since the youngest trace of an orphan was written. */
  readonly minAgeSeconds: number;
  /** Ids one statement looks at: keeps it short, however many users there are. Default 20,000. */
  readonly pageSize?: number;
}

/**
 * Finds users of whom rows or objects are left although they have no account: an anti-join of every
 * owner column and every folder of users against auth.users. A soft-deleted account counts as none.
 * A user whose erasure is open, whose deletion was recorded or whose youngest trace was written less
 * than `minAgeSeconds` ago is no orphan yet. Reads only, page by page along the owner indexes.
 * @throws SweepRefusedError while users of the former system are not moved, since rows then carry
 * ids that Supabase Auth does not know; as the service door does
 */
export async function findOrphans(
  { database }: Context,
  { minAgeSeconds, pageSize = 20_000 }: SearchOptions,
): Promise<OrphanReport> {
  const { users, columns } = await database.asService(async (sql) => {
    await assertMovedOver(sql);
    return { users: await countUsers(sql), columns: await readOwnerColumns(sql) };
  });
  const found = new Map<string, Traces>();
  for (const place of [...columns.map(toRowPlace), ...ownerFolders.map(toObjectPlace)]) {
    for (const ids of await findAll(database, place, pageSize)) {
      const ages = await database.asService((sql) => place.readAges(sql, ids));
      addTraces(found, place.name, ids, ages);
    }
  }
  const { waiting, limit } = await database.asService((sql) =>
    readWaiting(sql, [...found.keys()], minAgeSeconds)
  );
  const orphans = [...found]
    .filter(([id, { newest }]) => !waiting.has(id) && (newest === null || newest <= limit))
    .map(([userId, { where, newest }]) => ({ userId, where, newest }))
    .sort((a, b) => a.userId < b.userId ? -1 : 1);
  return { users, orphans, tooYoung: found.size - orphans.length };
}

async function assertMovedOver(sql: Transaction): Promise<void> {
  if (!await hasUnmovedUsers(sql)) return;
  throw new SweepRefusedError(
    "Users of the former system are not moved over yet, and rows carry their ids: finish the cutover first",
  );
}

async function countUsers(sql: Transaction): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    select count(*)::int as count from auth.users where deleted_at is null`;
  return row.count;
}

/** One page of ids in their order: the last one looked at, and those without an account. */
interface Page {
  last: string | null;
  orphans: string[];
}

interface PageBounds {
  after: string | null;
  pageSize: number;
}

type Ages = ReadonlyMap<string, Date | null>;

/** A table or a folder of users. */
interface Place {
  readonly name: string;
  find(sql: Transaction, bounds: PageBounds): Promise<Page>;
  /** When the youngest trace of each of these users was written, where that is known. */
  readAges(sql: Transaction, ids: string[]): Promise<Ages>;
}

const toRowPlace = (column: OwnerColumn): Place => ({
  name: column.table,
  find: (sql, bounds) => findOwners(sql, column, bounds),
  readAges: (sql, ids) => readRowAges(sql, column, ids),
});

const toObjectPlace = (folder: OwnerFolder): Place => ({
  name: folder.bucket,
  find: (sql, bounds) => findFolders(sql, folder, bounds),
  readAges: (sql, ids) => readObjectAges(sql, folder, ids),
});

/** Users whose traces one statement reads: each may have many. */
const tracedAtATime = 500;

/** Everybody at one place without an account, in portions. */
async function findAll(
  database: Context["database"],
  place: Place,
  pageSize: number,
): Promise<string[][]> {
  const ids: string[] = [];
  let after: string | null = null;
  do {
    const page: Page = await database.asService((sql) => place.find(sql, { after, pageSize }));
    ids.push(...page.orphans);
    after = page.last;
  } while (after !== null);
  const portions = Math.ceil(ids.length / tracedAtATime);
  return Array.from(
    { length: portions },
    (_each, n) => ids.slice(n * tracedAtATime, (n + 1) * tracedAtATime),
  );
}

/** Steps from owner to owner along the index, so that a user with many rows costs one look. */
async function findOwners(
  sql: Transaction,
  { table, column }: OwnerColumn,
  { after, pageSize }: PageBounds,
): Promise<Page> {
  const [name, owner] = [sql(table), sql(column)];
  const rest = after === null ? sql`is not null` : sql`> ${after}::uuid`;
  const [page] = await sql<[Page]>`
    with recursive owners as (
      (select t.${owner} as id from ${name} as t where t.${owner} ${rest} order by 1 limit 1)
      union all
      select (select t.${owner} from ${name} as t where t.${owner} > o.id order by 1 limit 1)
      from owners as o where o.id is not null
    ),
    page as (select id from owners where id is not null limit ${pageSize})
    select (array_agg(p.id order by p.id desc))[1] as last,
      coalesce(array_agg(p.id::text order by p.id) filter (where u.id is null), '{}') as orphans
    from page as p left join auth.users as u on u.id = p.id and u.deleted_at is null
  `;
  return page;
}

async function findFolders(
  sql: Transaction,
  { bucket, head }: OwnerFolder,
  { after, pageSize }: PageBounds,
): Promise<Page> {
  const from = (name: ReturnType<typeof sql>) =>
    sql`
    select split_part(substr(o.name, ${head.length + 1}::int), '/', 1)
    from storage.objects as o
    where o.bucket_id = ${bucket} and starts_with(o.name, ${head}) and o.name collate "C" >= ${name}
    order by o.name collate "C" limit 1`;
  // "0" is the character after "/": it stands behind everything in the folder.
  const [page] = await sql<[Page]>`
    with recursive folders as (
      select (${from(after === null ? sql`${head}` : sql`${`${head}${after}0`}`)}) as id
      union all
      select (${from(sql`(${head} || f.id || '0') collate "C"`)})
      from folders as f where f.id is not null
    ),
    page as (select id from folders where id is not null limit ${pageSize}),
    named as (
      select p.id, case when p.id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p.id::uuid end as user_id
      from page as p
    )
    select (array_agg(n.id order by n.id collate "C" desc))[1] as last,
      coalesce(array_agg(n.id order by n.id) filter (where n.user_id is not null and u.id is null), '{}')
        as orphans
    from named as n left join auth.users as u on u.id = n.user_id and u.deleted_at is null
  `;
  return page;
}

async function readRowAges(
  sql: Transaction,
  { table, column, writtenAt }: OwnerColumn,
  ids: string[],
): Promise<Ages> {
  if (writtenAt === undefined) return new Map();
  const rows = await sql<{ id: string; at: Date | null }[]>`
    select who.id, (
      select max(t.${sql(writtenAt)}) from ${sql(table)} as t
      where t.${sql(column)} = who.id::uuid) as at
    from unnest(${ids}::text[]) as who (id)
  `;
  return new Map(rows.map(({ id, at }) => [id, at]));
}

async function readObjectAges(
  sql: Transaction,
  { bucket, head }: OwnerFolder,
  ids: string[],
): Promise<Ages> {
  const rows = await sql<{ id: string; at: Date | null }[]>`
    select who.id, (
      select max(o.created_at) from storage.objects as o
      where o.bucket_id = ${bucket} and o.name collate "C" >= ${head} || who.id || '/'
        and o.name collate "C" < ${head} || who.id || '0') as at
    from unnest(${ids}::text[]) as who (id)
  `;
  return new Map(rows.map(({ id, at }) => [id, at]));
}

function addTraces(found: Map<string, Traces>, place: string, ids: string[], ages: Ages): void {
  for (const id of ids) {
    const traces = found.get(id) ?? { where: [], newest: null };
    if (!traces.where.includes(place)) traces.where.push(place);
    const at = ages.get(id) ?? null;
    if (at !== null && (traces.newest === null || at > traces.newest)) traces.newest = at;
    found.set(id, traces);
  }
}

/** Those whom an erasure or a recent deletion already takes care of, and the time before which. */
async function readWaiting(
  sql: Transaction,
  ids: string[],
  minAgeSeconds: number,
): Promise<{ waiting: Set<string>; limit: Date }> {
  const [row] = await sql<[{ limit: Date; waiting: string[] }]>`
    select now() - make_interval(secs => ${minAgeSeconds}) as limit, array(
      select e.user_id::text from private.erasures as e
      where e.user_id = any(${ids}::uuid[]) and e.kind = 'user'
        and e.state not in ('cancelled', 'final')
      union
      select a.user_id::text from private.auth_events as a
      where a.user_id = any(${ids}::uuid[]) and a.type = 'user.deleted'
        and a.created_at > now() - make_interval(secs => ${minAgeSeconds})
    ) as waiting
  `;
  return { waiting: new Set(row.waiting), limit: row.limit };
}

/**
 * Refuses a report that nobody should believe.
 * @throws SweepRefusedError when auth.users is empty: then everybody looks like an orphan
 */
export function assertUsers({ users }: OrphanReport): void {
  if (users > 0) return;
  throw new SweepRefusedError(
    "Supabase Auth has no users at all, so everybody would look like an orphan: check that auth.users was restored",
  );
}

/**
 * Refuses a sweep that would go too far.
 * @throws SweepRefusedError as `assertUsers`, and when there are more orphans than a limit allows
 */
export function assertWithinLimits(report: OrphanReport, limits: SweepLimits): void {
  assertUsers(report);
  const { users, orphans: { length } } = report;
  const share = Math.ceil(users * limits.maxShare);
  if (length > limits.maxCount) {
    throw new SweepRefusedError(
      `There are ${length} orphans and the cap is ${limits.maxCount}: find out why before you raise it with --max-count`,
    );
  }
  if (length > share) {
    throw new SweepRefusedError(
      `There are ${length} orphans beside ${users} users and the cap is ${
        limits.maxShare * 100
      } % (${share}): find out why before you raise it with --max-share`,
    );
  }
}

/**
 * Asks for the erasure of every orphan of a report, through the same job as any other. The drain
 * runs them.
 * @throws SweepRefusedError as `assertWithinLimits`, before anything is asked for; what
 * `requestErasure` throws
 */
export async function eraseOrphans(
  context: ErasureContext,
  report: OrphanReport,
  limits: SweepLimits,
): Promise<Erasure[]> {
  assertWithinLimits(report, limits);
  const erasures: Erasure[] = [];
  for (const { userId } of report.orphans) {
    erasures.push(await requestErasure(context, { kind: "user", userId, origin: "orphan" }));
  }
  return erasures;
}
/** The minimum age of the daily count, in seconds: the same as the default of the command. */
const countedAgeSeconds = 24 * 3600;

/** A count that did not come to its end in this time is begun again. */
const countMinutes = 15;

/**
 * Counts the orphans once a day (UTC) into `private.orphan_counts`, whoever calls first. Returns
 * true for the call that counted. A count that fails is logged and tried again later: it must not
 * keep the drain from its work.
 * @throws AppError database_unavailable when the day cannot be claimed
 */
export async function countOrphansDaily(
  context: Pick<ErasureContext, "database" | "log">,
): Promise<boolean> {
  const [claimed] = await context.database.asService((sql) =>
    sql`
      insert into private.orphan_counts as c (day) values ((now() at time zone 'utc')::date)
      on conflict (day) do update set started_at = now()
        where c.counted_at is null and c.started_at < now() - make_interval(mins => ${countMinutes})
      returning day
    `
  );
  if (!claimed) return false;
  try {
    await recordCount(context);
    return true;
  } catch (error) {
    context.log({ level: "error", event: "orphan_count_failed", reason: nameFailure(error) });
    return false;
  }
}

async function recordCount(context: Context): Promise<void> {
  const report = await findOrphans(context, { minAgeSeconds: countedAgeSeconds }).catch((error) => {
    if (error instanceof SweepRefusedError) return null;
    throw error;
  });
  const places: Record<string, number> = {};
  for (const name of report?.orphans.flatMap(({ where }) => where) ?? []) {
    places[name] = (places[name] ?? 0) + 1;
  }
  await context.database.asService((sql) =>
    sql`
      update private.orphan_counts
      set counted_at = now(), users = ${report?.users ?? null},
        orphans = ${report?.orphans.length ?? null}, places = ${sql.json(places)}
      where day = (now() at time zone 'utc')::date
    `
  );
}

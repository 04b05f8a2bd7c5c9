import type postgres from "postgres";
import type { DecisionBook } from "../decisions.ts";
import { readErased } from "../load/erased.ts";
import { type Mismatch, toMismatch } from "./mismatch.ts";
import type { Snapshot } from "./snapshot.ts";

/** Rows of one owner by table. */
interface OwnerRows {
  /** The nil UUID stands for rows without an owner. */
  owner: string;
  rows: Record<string, number>;
  /** Whether the id map or the users table has the owner. */
  known: boolean;
}

const BATCH = 1000;
const nobody = "00000000-0000-0000-0000-000000000000";

/** Tables whose unknown owners have to be decided; the other two name users who are long gone. */
const decidedTables = ["videos", "face_profiles"];

const direct = ["videos", "face_profiles", "audit_events", "rate_limits"] as const;
const primaryKeys = {
  videos: "video_id",
  face_profiles: "person_id",
  audit_events: "event_id",
  rate_limits: "limit_id",
} as const;
const ofVideos = ["scenes", "video_metadata", "jobs"] as const;

/**
 * Counts the rows of every owner, in the legacy database and in the project where they are two, and
 * tells differences and owners whom nobody knows; users and people erased in the project count on
 * neither side. Streams: memory does not grow with the owners.
 * Answers how many owners there were.
 */
export async function compareOwners(
  { sql, source }: Snapshot,
  book: DecisionBook,
  report: (mismatch: Mismatch) => void,
): Promise<number> {
  const project = streamOwners(sql, projectQuery(source.separate));
  const legacy = source.separate
    ? streamOwners(source.sql, legacyQuery(), await readErased(sql))
    : undefined;
  let owners = 0;
  let theirs = await legacy?.next();
  for (let ours = await project.next(); !ours.done || (theirs && !theirs.done);) {
    const left = ours.done ? undefined : ours.value;
    const right = theirs === undefined ? left : theirs.done ? undefined : theirs.value;
    const owner = firstOf(left?.owner, right?.owner);
    const isLeft = left?.owner === owner;
    const isRight = right?.owner === owner;
    compareOwner(owner, isLeft ? left : undefined, isRight ? right : undefined, book, report);
    owners++;
    if (isLeft) ours = await project.next();
    if (legacy && isRight) theirs = await legacy.next();
  }
  return owners;
}

function firstOf(left = "~", right = "~"): string {
  return left < right ? left : right;
}

function compareOwner(
  owner: string,
  ours: OwnerRows | undefined,
  theirs: OwnerRows | undefined,
  book: DecisionBook,
  report: (mismatch: Mismatch) => void,
): void {
  const tables = new Set([...Object.keys(ours?.rows ?? {}), ...Object.keys(theirs?.rows ?? {})]);
  const fields = [...tables].filter((table) => ours?.rows[table] !== theirs?.rows[table]);
  if (fields.length > 0) report(toMismatch("rows_differ", owner, { fields }));
  const unknown = ours && !ours.known
    ? decidedTables.filter((table) => (ours.rows[table] ?? 0) > 0)
    : [];
  if (unknown.length === 0 || owner === nobody || book.of(owner).unknown_owner) return;
  report(toMismatch("unknown_owner", owner, { fields: unknown }));
}

async function* streamOwners(
  sql: postgres.ISql,
  query: string,
  erased?: Awaited<ReturnType<typeof readErased>>,
): AsyncGenerator<OwnerRows, void> {
  const parameters = erased ? [erased.users, erased.people] : [];
  for await (const rows of sql.unsafe<OwnerRows[]>(query, parameters).cursor(BATCH)) yield* rows;
}

/** Its parameters are the erased users and people. */
function legacyQuery(): string {
  const isLeft = (key: string, parameter: string) =>
    `not exists (select from unnest(${parameter}::uuid[]) as e (id) where e.id = ${key})`;
  return groupByOwner(
    (table) =>
      `(select t.* from public.${table} as t where ${isLeft("t.user_id", "$1")}
        ${table === "face_profiles" ? `and ${isLeft("t.person_id", "$2")}` : ""})`,
    "true",
    isLeft("t.person_id", "$2"),
  );
}

/** In a project that was loaded only what came by load counts; it may have rows of its own. */
function projectQuery(separate: boolean): string {
  const known = `exists (select from private.legacy_exports as e where e.legacy_user_id = c.owner)
    or exists (select from public.users as u where u.user_id = c.owner)`;
  if (!separate) return groupByOwner((table) => `public.${table}`, known);
  return groupByOwner((table) =>
    `(select t.* from public.${table} as t
      inner join private.legacy_loaded_rows as l
        on l.relation = '${table}' and l.key = t.${primaryKeys[table]})`, known);
}

function groupByOwner(
  from: (table: (typeof direct)[number]) => string,
  known: string,
  isCountedPerson = "true",
): string {
  const counts = [
    ...direct.map((table) =>
      `select coalesce(t.user_id, '${nobody}') as owner, '${table}' as relation, count(*) as rows
        from ${from(table)} as t group by t.user_id`
    ),
    ...ofVideos.map((table) =>
      `select v.user_id, '${table}', count(*) from public.${table} as t
        inner join ${from("videos")} as v on t.video_id = v.video_id group by v.user_id`
    ),
    `select v.user_id, 'scene_people', count(*) from public.scene_people as t
      inner join public.scenes as s on t.scene_id = s.scene_id
      inner join ${from("videos")} as v on s.video_id = v.video_id
      where ${isCountedPerson} group by v.user_id`,
  ];
  return `select c.owner, json_object_agg(c.relation, c.rows) as rows, ${known} as known
    from (${counts.join(" union all ")}) as c
    where c.owner is not null
    group by c.owner order by c.owner`;
}

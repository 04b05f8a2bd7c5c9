import type { Transaction } from "../../../shared/database/doors.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import type { Person, PersonScene } from "./schemas.ts";

/** Where a list goes on: creation time in microseconds as text, and the id that breaks ties. */
export interface Position {
  readonly createdAt: string;
  readonly personId: string;
}

/** A person as the database gives it. */
export interface PersonRow {
  person_id: string;
  user_id: string;
  name: string;
  photo_count: number;
  created_at: Date;
}

export interface PersonPage {
  /** With the creation time in full precision. */
  readonly rows: (PersonRow & { position: string; total: number | null })[];
  readonly total: number | undefined;
}

/**
 * Newest first: `limit` rows and one more, from which the caller sees whether any follow. `total` is
 * counted only when asked for. `prefix`: how the name begins, in any case.
 */
export async function listPeople(
  sql: Transaction,
  o: { limit: number; after: Position | undefined; prefix: string | undefined; count: boolean },
): Promise<PersonPage> {
  const named = o.prefix === undefined
    ? sql`true`
    : sql`starts_with(lower(p.name), lower(${o.prefix}::text))`;
  // Bound as text: the driver would send a timestamp parameter through Date, cut to milliseconds.
  const after = o.after
    ? sql`and (p.created_at, p.person_id)
            < (${o.after.createdAt}::text::timestamptz, ${o.after.personId}::uuid)`
    : sql``;
  const total = o.count
    ? sql`(select count(*)::int from public.face_profiles p where ${named})`
    : sql`null::int`;
  const rows = await sql<
    (PersonPage["rows"][number] | { person_id: null; total: number | null })[]
  >`
    select page.*, counted.total
      from (select ${total} as total) counted
      left join (
        select ${columns(sql)},
               to_char(created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as position
          from public.face_profiles p
         where ${named} ${after}
         order by p.created_at desc, p.person_id desc
         limit ${o.limit + 1}
      ) page on true
     order by page.created_at desc, page.person_id desc`;
  return {
    rows: rows.filter((row) => row.person_id !== null),
    total: rows[0]?.total ?? undefined,
  };
}

export async function readPerson(sql: Transaction, personId: string): Promise<Person> {
  const [row] = await sql<PersonRow[]>`
    select ${columns(sql)} from public.face_profiles where person_id = ${personId}
  `;
  return expectPerson(row);
}

/** The person as one more photo would find it. */
export async function readPhotoRoom(
  sql: Transaction,
  personId: string,
): Promise<{ photo_count: number; consented: boolean }> {
  const [row] = await sql<{ photo_count: number; consented: boolean }[]>`
    select coalesce(cardinality(photo_keys), 0) as photo_count,
           private.has_face_consent(user_id) as consented
      from public.face_profiles where person_id = ${personId}`;
  if (!row) throw notFound();
  return row;
}

export async function createPerson(sql: Transaction, name: string): Promise<Person> {
  const [row] = await sql<PersonRow[]>`
    select ${columns(sql)} from private.create_person(${name})
  `;
  return expectPerson(row);
}

export async function renamePerson(
  sql: Transaction,
  personId: string,
  name: string,
): Promise<Person> {
  try {
    const [row] = await sql<PersonRow[]>`
      update public.face_profiles set name = ${name} where person_id = ${personId}
      returning ${columns(sql)}
    `;
    return expectPerson(row);
  } catch (error) {
    if (isDuplicate(error)) {
      throw new AppError(
        "person_exists",
        "Another person has this name: choose a different one or merge the two",
        { cause: error },
      );
    }
    throw error;
  }
}

/** Hides the person and opens the erasure that removes everything of them; gives its id. */
export async function beginPersonDeletion(sql: Transaction, personId: string): Promise<string> {
  const [row] = await sql<{ erasure_id: string }[]>`
    select private.begin_person_deletion(${personId}) as erasure_id
  `;
  if (!row) throw notFound();
  return row.erasure_id;
}

export async function addPersonPhoto(
  sql: Transaction,
  personId: string,
  key: string,
): Promise<Person> {
  const [row] = await sql<PersonRow[]>`
    select ${columns(sql)} from private.add_person_photo(${personId}, ${key})
  `;
  return expectPerson(row);
}

/** Makes one person of two and answers the one who stays. */
export async function mergePeople(
  sql: Transaction,
  o: { personId: string; into: string },
): Promise<Person> {
  // A person may appear in a hundred thousand scenes.
  await sql`select set_config('statement_timeout', '18s', true)`;
  const [row] = await sql<PersonRow[]>`
    select ${columns(sql)} from private.merge_people(${o.personId}::uuid, ${o.into}::uuid)`;
  return expectPerson(row);
}

/** A scene of a person as the database gives it. */
export type PersonSceneRow = Omit<PersonScene, "thumbnail_url"> & { thumbnail_key: string | null };

/** One page of scenes, the surest first; unknown people throw, people without scenes do not. */
export async function listPersonScenes(
  sql: Transaction,
  o: {
    personId: string;
    limit: number;
    after: { confidence: number; sceneId: string } | undefined;
    asOf: string | undefined;
  },
): Promise<{ rows: PersonSceneRow[]; now: string }> {
  const asOf = o.asOf ? sql`and s.created_at <= ${o.asOf}::text::timestamptz` : sql``;
  const after = o.after
    ? sql`and sp.confidence <= ${o.after.confidence}::float8
          and (sp.confidence < ${o.after.confidence}::float8
               or sp.scene_id > ${o.after.sceneId}::uuid)`
    : sql``;
  // The limit keeps each scene a look-up: as a plain join the planner reads all the caller may see.
  const [row] = await sql<{ now: string; scenes: PersonSceneRow[] }[]>`
    select now()::text as now,
           coalesce((
             select json_agg(to_json(page) order by page.confidence desc, page.scene_id)
               from (
                 select s.*, sp.confidence, sp.frame_count,
                        (select m.title from public.video_metadata m
                          where m.video_id = s.video_id) as video_title
                   from public.scene_people sp
                  cross join lateral (
                    select s.scene_id, s.video_id, s.start_s, s.end_s, s.transcript, s.thumbnail_key
                      from public.scenes s
                     where s.scene_id = sp.scene_id ${asOf}
                     limit 1
                  ) s
                  where sp.person_id = ${o.personId}::uuid ${after}
                  order by sp.confidence desc, sp.scene_id
                  limit ${o.limit + 1}
               ) page), '[]') as scenes
      from public.face_profiles p
     where p.person_id = ${o.personId}::uuid`;
  if (!row) throw notFound();
  return { rows: row.scenes, now: row.now };
}

function columns(sql: Transaction) {
  return sql`person_id, user_id, name, coalesce(cardinality(photo_keys), 0) as photo_count, created_at`;
}

const notFound = () => new AppError("person_not_found", "No person of yours has this id");

function expectPerson(row: PersonRow | undefined): Person {
  if (!row) throw notFound();
  return toPerson(row);
}

/** A person as it goes over the wire. */
export function toPerson(row: PersonRow): Person {
  return {
    person_id: row.person_id,
    user_id: row.user_id,
    name: row.name,
    photo_count: row.photo_count,
    created_at: row.created_at.toISOString(),
  };
}

/** A scene of a person as it goes over the wire. */
export function toPersonScene(
  { thumbnail_key: key, ...row }: PersonSceneRow,
  urls: ReadonlyMap<string, string>,
): PersonScene {
  return { ...row, thumbnail_url: key === null ? null : urls.get(key) ?? null };
}

/** A name is unique among the people of a user. */
function isDuplicate(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, "code") === "23505";
}

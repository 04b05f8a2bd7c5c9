import postgres from "postgres";
import type { Transaction } from "../../../shared/database/doors.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import type { Person } from "./schemas.ts";

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
  readonly rows: (PersonRow & { position: string })[];
  readonly total: number | undefined;
}

/**
 * Newest first: `limit` rows and one more, from which the caller sees whether any follow. `total` is
 * counted only when asked for.
 */
export async function listPeople(
  sql: Transaction,
  o: { limit: number; after: Position | undefined; count: boolean },
): Promise<PersonPage> {
  // Bound as text: the driver would send a timestamp parameter through Date, cut to milliseconds.
  const after = o.after
    ? sql`where (created_at, person_id) < (${o.after.createdAt}::text::timestamptz, ${o.after.personId}::uuid)`
    : sql``;
  const reading = sql<PersonPage["rows"]>`
    select ${columns(sql)},
      to_char(created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as position
    from public.face_profiles ${after}
    order by created_at desc, person_id desc limit ${o.limit + 1}
  `;
  const counting = o.count
    ? sql<{ total: number }[]>`select count(*) as total from public.face_profiles`
    : [];
  const [rows, [counted]] = await Promise.all([reading, counting]);
  return { rows: [...rows], total: counted?.total };
}

export async function readPerson(sql: Transaction, personId: string): Promise<Person> {
  const [row] = await sql<PersonRow[]>`
    select ${columns(sql)} from public.face_profiles where person_id = ${personId}
  `;
  return expectPerson(row);
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
    if (error instanceof postgres.PostgresError && error.code === "23505") {
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
  if (!row) throw new AppError("person_not_found", "No person of yours has this id");
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

function columns(sql: Transaction) {
  return sql`person_id, user_id, name, coalesce(cardinality(photo_keys), 0) as photo_count, created_at`;
}

function expectPerson(row: PersonRow | undefined): Person {
  if (!row) throw new AppError("person_not_found", "No person of yours has this id");
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

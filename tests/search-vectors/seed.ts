import { decodeJwt } from "jose";
import type { TestDatabase } from "../migrations/support/database.ts";
import type { TestUser } from "../support/users.ts";
import { createRandom, createVectors } from "./support.ts";

/** Scenes of the caller and of everybody else together. */
export const sceneCount = 1600;

export interface Library {
  people: [string, string];
  organization: string;
  video: string;
  makeVector: (group?: number) => number[];
}

/** Those of the caller. */
export const ownCount = 640;

/**
 * A library of which two fifths of the scenes are the caller's. The caller's lie in groups 0 to 7,
 * those of others in 0 to 15: near a vector of group 8 or more, the nearest are all of others.
 */
export async function seedLibrary({ sql }: TestDatabase, caller: TestUser): Promise<Library> {
  await copySession({ sql }, caller);
  const [one, two, organization] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
  await sql`insert into public.organizations (organization_id, name) values (${organization}, 'Studio')`;
  await sql`insert into public.organization_members (organization_id, user_id)
    values (${organization}, ${caller.id})`;
  await sql`insert into public.face_profiles (person_id, user_id, name)
    values (${one}, ${caller.id}, 'Ada'), (${two}, ${caller.id}, 'Bea')`;
  // Videos 1 to 8 are the caller's, 4 and 8 in an organisation; twelve of others follow.
  await sql`
    insert into public.videos (video_id, user_id, organization_id, storage_key, mime_type, size_bytes,
      duration_s, language, created_at)
    select gen_random_uuid(), case when n <= 8 then ${caller.id}::uuid else gen_random_uuid() end,
      case when n in (4, 8) then ${organization}::uuid end, 'k' || n, 'video/mp4', 1, n * 100,
      case when n % 2 = 0 then 'ko' else 'en' end, timestamptz '2026-01-01 00:00Z' + n * interval '1 day'
    from generate_series(1, 20) as n`;
  await sql`
    insert into public.scenes (video_id, start_s, end_s, transcript, language)
    select v.video_id, n, n + 1, case when n % 25 = 0 then 'the sea' else 'a word' end, v.language
    from public.videos as v cross join generate_series(1, ${sceneCount / 20}::int) as n`;
  await sql`
    insert into public.scene_people (scene_id, person_id, confidence, frame_count)
    select s.scene_id, p.id, 0.9, 3
    from public.scenes as s
    inner join unnest(${[one, two]}::uuid[], ${[4, 10]}::int[]) as p (id, every)
      on s.start_s::int % p.every = 0
    where s.user_id = ${caller.id}`;
  const makeVector = createVectors(createRandom(7));
  const scenes = await sql<{ scene_id: string; mine: boolean }[]>`
    select scene_id, user_id = ${caller.id} as mine from public.scenes`;
  const texts = scenes.map(({ mine }, n) => `[${makeVector(n % (mine ? 8 : 16))}]`);
  // The index is built faster than it grows.
  await sql`drop index public.idx_scene_vectors_text_vec`;
  await sql`insert into public.scene_vectors (scene_id, text_vec)
    select i, t::extensions.vector
    from unnest(${scenes.map((one) => one.scene_id)}::uuid[], ${texts}::text[]) as x (i, t)`;
  await sql`create index idx_scene_vectors_text_vec on public.scene_vectors
    using hnsw (text_vec extensions.vector_cosine_ops)`;
  await sql`analyze public.scene_vectors`;
  const [video] = await sql`select video_id from public.videos where storage_key = 'k2'`;
  return { people: [one, two], organization, video: String(video?.video_id), makeVector };
}

/** The caller's user and session, so that a token of the stack holds here too. */
async function copySession(
  { sql }: Pick<TestDatabase, "sql">,
  { id, accessToken }: TestUser,
): Promise<void> {
  const { session_id } = decodeJwt(accessToken);
  await sql`insert into auth.users (id, email) values (${id}, ${`${id}@example.test`})`;
  await sql`insert into auth.sessions (id, user_id) values (${String(session_id)}, ${id})`;
}

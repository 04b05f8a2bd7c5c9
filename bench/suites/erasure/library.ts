import { join } from "node:path";
import type postgres from "postgres";

/** What a user of the benchmark owns. */
export interface LibrarySize {
  readonly videos: number;
  readonly scenesPerVideo: number;
  /** Thumbnails beside one upload and one sidecar. */
  readonly thumbnailsPerVideo: number;
}

/** Where a library is put: the database as superuser, and the folder of the embedded Storage. */
export interface LibraryPlace {
  readonly sql: postgres.Sql;
  /** Holds a folder for each bucket. */
  readonly storageDir: string;
}

/** The folder in which the Storage of a stack keeps its buckets: one for each database. */
export async function findBuckets(storage: string): Promise<string> {
  const folders = [];
  for await (const { name } of Deno.readDir(storage)) folders.push(name);
  const [only] = folders;
  if (only === undefined || folders.length > 1) {
    throw new Error(`One folder was expected in the Storage of a new stack: ${folders.join()}`);
  }
  return join(storage, only);
}

/** Files of all buckets, whatever the database says. */
export async function countFiles(folder: string): Promise<number> {
  let count = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    count += isDirectory ? await countFiles(join(folder, name)) : 1;
  }
  return count;
}

/** Objects of a library of this size. */
export function countObjects({ videos, thumbnailsPerVideo }: LibrarySize): number {
  return videos * (2 + thumbnailsPerVideo);
}

const peoplePerVideo = 3;
const minutesBetweenVideos = 7;

/**
 * Gives a user videos, their metadata, scenes, jobs, people seen in scenes and audit events. The
 * columns that triggers would fill are written here, so that seeding takes seconds.
 */
export async function seedRows(
  { sql }: Pick<LibraryPlace, "sql">,
  userId: string,
  size: LibrarySize,
): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select set_config('session_replication_role', 'replica', true)`;
    await tx`create temporary table library on commit drop as
      select gen_random_uuid() as video_id, n from generate_series(1, ${size.videos}) as n`;
    await tx`
      insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes, state,
        filename, created_at, indexed_at)
      select video_id, ${userId}, 'videos/' || ${userId} || '/' || video_id || '.mp4', 'video/mp4',
        16, 'indexed', 'take ' || n || '.mp4',
        now() - make_interval(mins => n * ${minutesBetweenVideos}), now()
      from library`;
    await tx`
      insert into public.video_metadata (video_id, user_id, title, words)
      select video_id, ${userId}, 'Take ' || n, to_tsvector('simple', 'take ' || n) from library`;
    await tx`
      insert into public.jobs (video_id, user_id, stage, state)
      select video_id, ${userId}, stage::public.job_stage, 'completed'
      from library, unnest(array['upload_validate', 'asr_fast']) as stage`;
    await tx`
      insert into public.scenes (video_id, user_id, start_s, end_s, transcript, words, thumbnail_key,
        sidecar_key)
      select video_id, ${userId}, s * 5, s * 5 + 5, words, to_tsvector('simple', words),
        case when s <= ${size.thumbnailsPerVideo}
          then ${userId} || '/' || video_id || '/' || s || '.jpg' end,
        ${userId} || '/' || video_id || '.json'
      from library, generate_series(1, ${size.scenesPerVideo}) as s,
        lateral (select 'the crane lifts container ' || n || ' of row ' || s as words) as spoken`;
    await tx`
      insert into public.face_profiles (user_id, name)
      select ${userId}, 'Person ' || n from generate_series(1, ${peoplePerVideo}) as n`;
    await tx`
      insert into public.scene_people (scene_id, person_id, user_id, confidence, frame_count)
      select s.scene_id, p.person_id, ${userId}, 0.9, 10
      from public.scenes as s join public.face_profiles as p on p.user_id = s.user_id
      where s.user_id = ${userId} and s.start_s = 5`;
    await tx`
      insert into public.audit_events (user_id, event_type, ip_address)
      select ${userId}, 'video.created', '203.0.113.7' from library`;
  });
}

const filesAtATime = 64;

/**
 * Gives every object that the user's rows name its row and its file, in the layout of the embedded
 * Storage: a folder a bucket, one below it by the first two characters of the version.
 */
export async function seedObjects(
  { sql, storageDir }: LibraryPlace,
  userId: string,
): Promise<void> {
  const objects = await sql<{ bucket: string; version: string }[]>`
    insert into storage.objects (bucket_id, name, version, metadata)
    select bucket, name, gen_random_uuid(), ${
    sql.json({ size: 16, contentLength: 16, mimetype: "application/octet-stream" })
  }
    from (
      select 'uploads' as bucket, storage_key as name from public.videos where user_id = ${userId}
      union select 'thumbnails', thumbnail_key from public.scenes where user_id = ${userId}
      union select 'sidecars', sidecar_key from public.scenes where user_id = ${userId}
    ) as named
    where name is not null
    returning bucket_id as bucket, version`;
  const waiting = objects.values();
  const write = async () => {
    for (const { bucket, version } of waiting) {
      const folder = join(storageDir, bucket, version.slice(0, 2));
      await Deno.mkdir(folder, { recursive: true });
      await Deno.writeTextFile(join(folder, version), "sixteen bytes it");
    }
  };
  await Promise.all(Array.from({ length: filesAtATime }, write));
}

/** An account without a way to sign in: nobody but the erasure looks at it. */
export async function createAccount({ sql }: Pick<LibraryPlace, "sql">): Promise<string> {
  const userId = crypto.randomUUID();
  await sql`insert into auth.users (id, aud, role, email)
    values (${userId}, 'authenticated', 'authenticated', ${`${userId}@example.test`})`;
  return userId;
}

/** Removes the dead rows of earlier runs and tells the planner what is there. */
export async function tidy({ sql }: Pick<LibraryPlace, "sql">): Promise<void> {
  await sql.unsafe("vacuum (analyze)");
}

import { buckets } from "../../../shared/storage/keys.ts";
import type { Sql, World } from "./world.ts";

/** A user with an account, sessions, rows in every table and objects in every bucket. */
export interface Subject {
  readonly userId: string;
  readonly email: string;
  /** Stands in every text the user wrote, and in the bytes of every file. */
  readonly marker: string;
}

interface Video {
  videoId: string;
  sceneId: string;
  storageKey: string;
}

/** An account in Supabase Auth as its rows stand after a sign-in. */
export async function createAccount(sql: Sql, name: string): Promise<Subject> {
  const userId = crypto.randomUUID();
  const marker = `${name}-${crypto.randomUUID().slice(0, 13)}`;
  const email = `${marker}@example.test`;
  await sql.begin(async (tx) => {
    await tx`insert into auth.users (id, aud, role, email, email_confirmed_at, raw_user_meta_data)
      values (${userId}, 'authenticated', 'authenticated', ${email}, now(),
        ${tx.json({ display_name: marker })})`;
    await tx`insert into auth.identities (provider, provider_id, user_id, identity_data)
      values ('email', ${userId}, ${userId}, ${tx.json({ sub: userId, email })})`;
    const session = crypto.randomUUID();
    await tx`insert into auth.sessions (id, user_id, user_agent) values (${session}, ${userId},
      ${marker})`;
    await tx`insert into auth.refresh_tokens (id, token, user_id, session_id)
      values (${crypto.randomUUID()}, ${crypto.randomUUID()}, ${userId}, ${session})`;
    // What no foreign key of Supabase Auth takes along.
    await tx`insert into auth.refresh_tokens (id, token, user_id)
      values (${crypto.randomUUID()}, ${crypto.randomUUID()}, ${userId})`;
    await tx`insert into auth.flow_state (id, user_id, authentication_method, provider_type)
      values (${crypto.randomUUID()}, ${userId}, 'magiclink', 'email')`;
    await tx`insert into auth.audit_log_entries (id, payload, created_at)
      values (${crypto.randomUUID()}, ${
      tx.json({ actor_id: userId, actor_username: email, action: "login" })
    }, now())`;
  });
  return { userId, email, marker };
}

/** Rows in every table that can name a user. */
async function seedAccountRows(sql: Sql, { userId, marker }: Subject): Promise<void> {
  await sql`insert into public.audit_events (user_id, event_type, ip_address, user_agent, metadata)
    values (${userId}, 'login', '203.0.113.7', ${marker}, ${sql.json({ name: marker })})`;
  await sql`insert into public.rate_limits (user_id, resource, window_start, expires_at)
    values (${userId}, 'search', now(), now() + interval '1 minute')`;
  await sql`insert into public.user_analytics (user_id, event_type, event_data)
    values (${userId}, 'search', ${sql.json({ query: marker })})`;
  await sql`insert into public.consents (user_id, kind, text_version, granted_at)
    values (${userId}, 'email', '2026-01', now())`;
  await sql`insert into private.exports (user_id, state) values (${userId}, 'completed')`;
}

async function put(world: World, bucket: string, key: string, text: string, type: string) {
  await world.deps.objects.put(bucket, key, text, { contentType: type });
}

/** A video with a scene, its job, its title and its three files. */
async function seedVideo(
  world: World,
  o: { owner: Subject; text: string; organizationId?: string },
): Promise<Video> {
  const { userId } = o.owner;
  const [videoId, sceneId] = [crypto.randomUUID(), crypto.randomUUID()];
  const storageKey = `videos/${userId}/${videoId}.mp4`;
  const thumbnail = `${userId}/${videoId}/${sceneId}.jpg`;
  const sidecar = `${userId}/${videoId}.json`;
  await world.sql.begin(async (tx) => {
    await tx`insert into public.videos (video_id, user_id, organization_id, storage_key, mime_type,
        size_bytes, state, filename)
      values (${videoId}, ${userId}, ${o.organizationId ?? null}, ${storageKey}, 'video/mp4',
        ${o.text.length}, 'indexed', ${o.text})`;
    await tx`insert into public.video_metadata (video_id, title) values (${videoId}, ${o.text})`;
    await tx`insert into public.scenes
        (scene_id, video_id, start_s, end_s, transcript, thumbnail_key, sidecar_key)
      values (${sceneId}, ${videoId}, 0, 2, ${o.text}, ${thumbnail}, ${sidecar})`;
    await tx`insert into public.jobs (video_id, stage) values (${videoId}, 'upload_validate')`;
  });
  await put(world, buckets.uploads, storageKey, o.text, "video/mp4");
  await put(world, buckets.thumbnails, thumbnail, o.text, "image/jpeg");
  await put(world, buckets.sidecars, sidecar, o.text, "application/json");
  return { videoId, sceneId, storageKey };
}

/** A person the user named, with a photo, seen in these scenes. */
async function seedPerson(world: World, owner: Subject, scenes: Video[]): Promise<void> {
  const personId = crypto.randomUUID();
  const photo = `faces/${owner.userId}/${personId}/photo_20260102030405678-0123abcd.png`;
  await world.sql`insert into public.face_profiles (person_id, user_id, name, photo_keys)
    values (${personId}, ${owner.userId}, ${owner.marker}, array[${photo}])`;
  for (const { sceneId } of scenes) {
    await world.sql`insert into public.scene_people (scene_id, person_id, confidence, frame_count)
      values (${sceneId}, ${personId}, 0.9, 3)`;
  }
  await put(world, buckets.uploads, photo, owner.marker, "image/png");
}

async function createOrganization(sql: Sql, members: Subject[], name: string): Promise<string> {
  const organizationId = crypto.randomUUID();
  await sql`insert into public.organizations (organization_id, name)
    values (${organizationId}, ${name})`;
  for (const { userId } of members) {
    await sql`insert into public.organization_members (organization_id, user_id, role)
      values (${organizationId}, ${userId}, 'admin')`;
  }
  return organizationId;
}

/** What must be the same after an erasure: another user, and an organization that has members. */
export interface Bystanders {
  readonly user: Subject;
  readonly organizationId: string;
}

export async function seedBystanders(world: World): Promise<Bystanders> {
  const user = await createAccount(world.sql, "bystander");
  const organizationId = await createOrganization(world.sql, [user], "Harbour archive");
  const own = await seedVideo(world, { owner: user, text: user.marker });
  const shared = await seedVideo(world, { owner: user, text: user.marker, organizationId });
  await seedPerson(world, user, [own, shared]);
  await seedAccountRows(world.sql, user);
  return { user, organizationId };
}

/** A user with something of every kind, member of the bystanders' organization and of an own one. */
export async function seedSubject(world: World, bystanders: Bystanders): Promise<Subject> {
  const subject = await createAccount(world.sql, "subject");
  await seedBelongings(world, subject, bystanders);
  return subject;
}

/** Gives an account what `seedSubject` gives. */
export async function seedBelongings(
  world: World,
  subject: Subject,
  { organizationId }: Bystanders,
): Promise<void> {
  const { sql } = world;
  const { userId, marker } = subject;
  await sql`insert into public.organization_members (organization_id, user_id)
    values (${organizationId}, ${userId})`;
  const going = await createOrganization(sql, [subject], marker);
  const own = await seedVideo(world, { owner: subject, text: marker });
  // What the organization keeps is its own: its text does not name the user.
  const shared = await seedVideo(world, { owner: subject, text: "Shared take", organizationId });
  const alone = await seedVideo(world, { owner: subject, text: marker, organizationId: going });
  await seedPerson(world, subject, [own, shared, alone]);
  await seedAccountRows(sql, subject);
  // Files that no row names: an upload never completed, an export, one that only its owner tells of.
  await put(
    world,
    buckets.uploads,
    `videos/${userId}/${crypto.randomUUID()}.mp4`,
    marker,
    "video/mp4",
  );
  await put(world, buckets.exports, `${userId}/export.zip`, marker, "application/zip");
  const stray = `stray/${crypto.randomUUID()}.mp4`;
  await put(world, buckets.uploads, stray, marker, "video/mp4");
  await sql`update storage.objects set owner = ${userId}, owner_id = ${userId}
    where bucket_id = 'uploads' and name = ${stray}`;
}

/** Gives a subject more rows and objects than one page or one call takes. */
export async function seedPages(world: World, { userId, marker }: Subject): Promise<void> {
  const videoId = crypto.randomUUID();
  await world.sql`insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes)
    values (${videoId}, ${userId}, ${`videos/${userId}/${videoId}.mp4`}, 'video/mp4', 1)`;
  await world.sql`insert into public.scenes (video_id, start_s, end_s, transcript, thumbnail_key)
    select ${videoId}, n, n + 1, ${marker}, ${`${userId}/${videoId}/`} || n || '.jpg'
    from generate_series(1, 6000) as n`;
  for (let start = 0; start < 1100; start += 20) {
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        put(
          world,
          buckets.thumbnails,
          `${userId}/${videoId}/${start + index}.jpg`,
          marker,
          "image/jpeg",
        )),
    );
  }
}

/**
 * Deletes the account by SQL and holds its outbox row back for a day, so that nobody but the test
 * erases on a stack whose outbox is drained.
 */
export async function deleteQuietly(sql: Sql, userId: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`delete from auth.users where id = ${userId}`;
    await tx`update private.auth_events set next_attempt_at = now() + interval '1 day'
      where user_id = ${userId}`;
  });
}

/**
 * The same, with an erasure open that is due in a day: the test runs it when it wants. Gives the
 * erasure's id.
 */
export async function openQuietly(sql: Sql, userId: string): Promise<string> {
  return await sql.begin(async (tx) => {
    await tx`delete from auth.users where id = ${userId}`;
    await tx`update private.auth_events set next_attempt_at = now() + interval '1 day'
      where user_id = ${userId}`;
    const [row] = await tx<{ erasure_id: string }[]>`
      insert into private.erasures (kind, user_id, origin, state, next_attempt_at)
      values ('user', ${userId}, 'event', 'pending', now() + interval '1 day')
      returning erasure_id`;
    if (!row) throw new Error("The erasure was not opened");
    return row.erasure_id;
  });
}

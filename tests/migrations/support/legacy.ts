import {
  applyMigration,
  type Migration,
  readMigrations,
  type Row,
  type Sql,
  type TestDatabase,
} from "./database.ts";
import { addPerson } from "./people.ts";

export const ann = "aaaaaaaa-0000-4000-8000-000000000001";
export const bob = "bbbbbbbb-0000-4000-8000-000000000002";
export const migrations: Migration[] = await readMigrations();
export const legacySchema = migrations[0] as Migration;
export const removal = migrations.at(-1) as Migration;

/** The legacy tables with two users and their data, as the old system left them. */
export async function seedLegacy({ sql }: TestDatabase): Promise<void> {
  await applyMigration(sql, legacySchema);
  for (const id of [ann, bob]) await addLegacyUser(sql, id);
  await sql`insert into public.audit_events (user_id, event_type) values (gen_random_uuid(), 'login')`;
}

/** One legacy user; each of the user's rows has the user's id as its own. */
export async function addLegacyUser(sql: Sql, id: string): Promise<void> {
  await sql`insert into public.users (user_id, email, password_hash, tier)
    values (${id}, ${`${id}@example.test`}, '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA', 'pro')`;
  await sql`insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes)
    values (${id}, ${id}, ${`videos/${id}/${id}.mp4`}, 'video/mp4', 1)`;
  await sql`insert into public.video_metadata (video_id, title) values (${id}, 'Clip')`;
  await sql`insert into public.jobs (video_id, stage) values (${id}, 'commit')`;
  await sql`insert into public.scenes (scene_id, video_id, start_s, end_s, transcript, tsv)
    values (${id}, ${id}, 0, 1, 'Running dogs', to_tsvector('english', 'Running dogs'))`;
  await sql`insert into public.face_profiles (person_id, user_id, name) values (${id}, ${id}, 'Mia')`;
  await sql`insert into public.scene_people (scene_id, person_id, confidence, frame_count)
    values (${id}, ${id}, 1, 1)`;
  await sql`insert into public.audit_events (user_id, event_type) values (${id}, 'login')`;
  await sql`insert into public.rate_limits (user_id, resource, window_start, expires_at)
    values (${id}, 'search', '2026-01-01Z', '2026-01-02Z')`;
  await sql`insert into public.refresh_tokens (user_id, token_hash, expires_at)
    values (${id}, ${id}, '2026-01-02Z')`;
}

export async function applyAllButRemoval({ sql }: TestDatabase): Promise<void> {
  for (const migration of migrations.slice(0, -1)) await applyMigration(sql, migration);
}

/** A legacy database that has taken every file but the removal. */
export async function adoptLegacy(db: TestDatabase): Promise<void> {
  await seedLegacy(db);
  await applyAllButRemoval(db);
}

/** What the heimdex command leaves when a user was exported and compared. Returns the new id. */
export async function exportUser(
  db: TestDatabase,
  legacyId: string,
  { verified = true } = {},
): Promise<string> {
  const { id } = await addPerson(db);
  await db
    .sql`insert into private.legacy_exports (legacy_user_id, supabase_user_id, origin, verified_at)
    values (${legacyId}, ${id}, 'created', ${verified ? new Date() : null})`;
  return id;
}

/** A comparison of what stands in the tables now. */
export async function verifyUsers({ sql }: TestDatabase, passed = true): Promise<void> {
  await sql`insert into private.legacy_verifications (finished_at, passed, fingerprint)
    values (now(), ${passed}, private.legacy_fingerprint())`;
}

/** Fills every relation in batches as the cutover does. Returns how many rows of each it changed. */
export async function fillOwners(sql: Sql, batchRows = 1000): Promise<Record<string, number>> {
  const relations = await sql<{ relation: string }[]>`
    select relation from private.list_legacy_fills() as relation`;
  const changed: Record<string, number> = {};
  for (const { relation } of relations) {
    changed[relation] = 0;
    for (let after: string | null = null, more = true; more;) {
      const rows: { last_key: string | null; changed_rows: number }[] = await sql`
        select * from private.fill_legacy_owners(${relation}, ${after}::uuid, ${batchRows})`;
      after = rows[0]?.last_key ?? null;
      changed[relation] += rows[0]?.changed_rows ?? 0;
      more = after !== null;
    }
  }
  return changed;
}

/** The indexes of the new owners, built as the cutover does. */
export async function buildOwnerIndexes(sql: Sql): Promise<string[]> {
  const indexes = await sql<{ index_name: string; statement: string }[]>`
    select index_name, statement from private.legacy_owner_indexes() where not is_ready`;
  for (const { statement } of indexes) await sql.unsafe(statement);
  return indexes.map(({ index_name }) => index_name);
}

const legacyColumns: Record<string, string> = {
  users: "*",
  videos:
    "video_id, user_id, storage_key, mime_type, size_bytes, duration_s, state, error_text, created_at, indexed_at",
  scenes:
    "scene_id, video_id, start_s, end_s, transcript, tsv, vision_tags, sidecar_key, created_at, thumbnail_key",
  jobs: "job_id, video_id, stage, state, progress, error_text, started_at, finished_at, metadata",
  face_profiles: "person_id, user_id, name, photo_keys, created_at",
  scene_people: "scene_id, person_id, confidence, frame_count",
  video_metadata: "video_id, title, description, tags, thumbnail_url, created_at, updated_at",
  refresh_tokens: "*",
  email_verification_tokens: "*",
  audit_events: "event_id, user_id, event_type, ip_address, user_agent, metadata, created_at",
  rate_limits: "limit_id, user_id, ip_address, resource, count, window_start, expires_at",
};

/** The legacy columns of every legacy row, as text that two moments can be compared by. */
export async function dumpLegacyRows(sql: Sql): Promise<Row> {
  const rows: Row = {};
  for (const [table, columns] of Object.entries(legacyColumns)) {
    rows[table] = await sql.unsafe(`select ${columns} from public.${table} order by 1, 2`);
  }
  return JSON.parse(JSON.stringify(rows));
}

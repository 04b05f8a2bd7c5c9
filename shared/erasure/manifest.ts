import {
  allColumns,
  type Finder,
  type Manifest,
  type Scope,
  type TableRule,
} from "./manifest-rules.ts";
import { toCanonicalJson, toHex } from "./receipts/canonical.ts";

export type {
  BucketRule,
  ColumnRule,
  Finder,
  Fragment,
  Manifest,
  RecordedKeys,
  Scope,
  TableRule,
} from "./manifest-rules.ts";

const ownRows: Finder = (sql, { userId }) => [sql`t.user_id = ${userId}::uuid`];

/** Videos and what hangs on them: the user's own, and those nobody owns once an organization goes. */
const videoRows: Finder = (sql, { userId, going }) => [
  sql`t.user_id = ${userId}::uuid`,
  ...going.length === 0
    ? []
    : [sql`t.organization_id = any(${[...going]}::uuid[]) and t.user_id is null`],
];

/** The same without what an organization keeps: that is handed over, not deleted. */
const takenVideoRows: Finder = (sql, { userId, going }) => [
  sql`t.user_id = ${userId}::uuid and t.organization_id is null`,
  ...going.length === 0 ? [] : [
    sql`t.organization_id = any(${[...going]}::uuid[])
      and (t.user_id is null or t.user_id = ${userId}::uuid)`,
  ],
];

/** What the server keeps of the indexing of those videos; it goes with them. */
const rowsOfVideos: Finder = (sql, { userId, going }) => [
  sql`t.video_id in (
    select v.video_id from public.videos as v where v.user_id = ${userId}::uuid)`,
  ...going.length === 0 ? [] : [
    sql`t.video_id in (
      select v.video_id from public.videos as v
      where v.organization_id = any(${[...going]}::uuid[]) and v.user_id is null)`,
  ],
];

const rowsOfJobs: Finder = (sql, { userId, going }) => [
  sql`t.job_id in (
    select j.job_id from public.jobs as j where j.user_id = ${userId}::uuid)`,
  ...going.length === 0 ? [] : [
    sql`t.job_id in (
      select j.job_id from public.jobs as j
      where j.organization_id = any(${[...going]}::uuid[]) and j.user_id is null)`,
  ],
];

const personRows: Finder = (
  sql,
  { personId },
) => [sql`t.person_id = ${personId}::uuid`];

/** Links and vectors of the people a user named, wherever they appear. */
const rowsOfPeople: Finder = (sql, { userId }) => [
  sql`t.person_id in (
    select p.person_id from public.face_profiles as p where p.user_id = ${userId}::uuid)`,
];

/** Rows beside a scene, which go with it. */
const rowsOfScenes: Finder = (sql, { userId, going }) => [
  sql`t.scene_id in (
    select s.scene_id from public.scenes as s where s.user_id = ${userId}::uuid)`,
  ...going.length === 0 ? [] : [
    sql`t.scene_id in (
      select s.scene_id from public.scenes as s
      where s.organization_id = any(${[...going]}::uuid[]) and s.user_id is null)`,
  ],
];

/** Legacy rows are keyed by the id the user had before Supabase Auth. */
const legacyRows: Finder = (sql, { userId }) => [
  sql`t.user_id in (
    select e.legacy_user_id from private.legacy_exports as e
    where e.supabase_user_id = ${userId}::uuid)`,
];

const legacyUserRows: Finder = (sql, scope) => [
  ...legacyRows(sql, scope),
  sql`t.supabase_user_id = ${scope.userId}::uuid`,
];

/** Objects of a load: under the user's folders, moved from there, or named by the user's rows. */
const loadedObjects: Finder = (sql, { userId, former }) => [
  ...[userId, ...former].flatMap((id) =>
    [["uploads", `videos/${id}/`], ["uploads", `faces/${id}/`], ["thumbnails", `${id}/`], [
      "sidecars",
      `${id}/`,
    ]].map(([bucket, prefix]) =>
      sql`t.bucket = ${bucket ?? ""} and t.key collate "C" >= ${prefix ?? ""}
        and t.key collate "C" < ${`${prefix?.slice(0, -1)}0`}`
    )
  ),
  sql`(t.bucket, t.key) in (
    select m.bucket, m.old_key from private.legacy_object_moves as m
    where m.user_id = ${userId}::uuid)`,
  sql`t.bucket = 'uploads' and t.key in (
    select v.storage_key from public.videos as v where v.user_id = ${userId}::uuid)`,
  sql`t.bucket = 'uploads' and t.key in (
    select unnest(p.photo_keys) from public.face_profiles as p where p.user_id = ${userId}::uuid)`,
  sql`t.bucket = 'thumbnails' and t.key in (
    select s.thumbnail_key from public.scenes as s where s.user_id = ${userId}::uuid)`,
  sql`t.bucket = 'sidecars' and t.key in (
    select s.sidecar_key from public.scenes as s where s.user_id = ${userId}::uuid)`,
];

const scenesAndLinks = "The transcript, the pictures and who is seen in them come from the user";
const machinery = "Written by the server, says nothing of a person";

const contentTables: TableRule[] = [
  {
    name: "public.scene_people",
    disposition: "erase",
    reason: "Who is seen where is biometric data of the people the user named",
    columns: allColumns(
      "erase",
      "scene_id person_id confidence frame_count user_id organization_id",
    ),
    exported: ["scene_id", "person_id", "confidence", "frame_count"],
    rows: (sql, scope) => [...videoRows(sql, scope), ...rowsOfPeople(sql, scope)],
    taken: (sql, scope) => [...takenVideoRows(sql, scope), ...rowsOfPeople(sql, scope)],
    personRows,
  },
  {
    name: "public.scene_vectors",
    disposition: "erase",
    reason: scenesAndLinks,
    columns: allColumns("erase", "scene_id text_vec image_vec"),
    exported: [],
    optional: "Only where pgvector is available",
    follows: "public.scenes",
    rows: rowsOfScenes,
  },
  {
    name: "public.scenes",
    disposition: "erase",
    reason: scenesAndLinks,
    columns: allColumns(
      "erase",
      "scene_id video_id start_s end_s transcript words vision_tags sidecar_key created_at " +
        "thumbnail_key user_id organization_id language",
    ),
    exported: [
      "scene_id",
      "video_id",
      "start_s",
      "end_s",
      "transcript",
      "language",
      "vision_tags",
      "thumbnail_key",
      "sidecar_key",
      "created_at",
    ],
    rows: videoRows,
    taken: takenVideoRows,
  },
  {
    name: "private.job_leases",
    disposition: "erase",
    reason: "Which worker held a job of the user's videos",
    columns: allColumns("erase", "job_id lease_id lease_seconds worker claimed_at"),
    exported: [],
    follows: "public.jobs",
    rows: rowsOfJobs,
  },
  {
    name: "public.jobs",
    disposition: "erase",
    reason: "What was done with a video goes with the video",
    columns: allColumns(
      "erase",
      "job_id video_id stage state progress error_text started_at finished_at metadata user_id " +
        "organization_id created_at attempts due_at",
    ),
    exported: [
      "job_id",
      "video_id",
      "stage",
      "state",
      "progress",
      "created_at",
      "started_at",
      "finished_at",
    ],
    rows: videoRows,
    taken: takenVideoRows,
  },
  {
    name: "public.video_metadata",
    disposition: "erase",
    reason: "Title, description and tags are the user's words",
    columns: allColumns(
      "erase",
      "video_id title description tags thumbnail_url created_at updated_at user_id " +
        "organization_id words near_words",
    ),
    exported: ["video_id", "title", "description", "tags", "created_at", "updated_at"],
    rows: videoRows,
    taken: takenVideoRows,
  },
  {
    name: "private.scene_parts",
    disposition: "erase",
    reason: "Scenes that a worker sent and that are not in place yet",
    columns: allColumns(
      "erase",
      "video_id revision part scenes scene_count transcript_length tag_count thumbnail_keys sidecar_keys",
    ),
    exported: [],
    rows: rowsOfVideos,
    // The worker is told that the part is missing, and sends it again without the person.
    personRows: (sql, { userId, personId }) => [
      sql`t.video_id in (
        select v.video_id from public.videos as v where v.user_id = ${userId}::uuid)
        and jsonb_path_exists(t.scenes, '$[*].people[*] ? (@.person_id == $person)',
          jsonb_build_object('person', ${personId}::text))`,
    ],
  },
  {
    name: "private.scene_revisions",
    disposition: "erase",
    reason: "When the scenes of the user's videos were replaced",
    columns: allColumns(
      "erase",
      "video_id revision sequence source begun_at touched_at digests swapped_at parts scenes " +
        "vectors_stored",
    ),
    exported: [],
    follows: "public.videos",
    rows: rowsOfVideos,
  },
  {
    name: "private.stale_objects",
    disposition: "erase",
    reason: "Keys carry the user's id; the objects themselves go with the user's folders",
    columns: allColumns("erase", "bucket key video_id user_id queued_at"),
    exported: [],
    rows: ownRows,
  },
  {
    name: "public.videos",
    disposition: "erase",
    reason: "The user's videos; those of an organization with other members stay with it",
    columns: allColumns(
      "erase",
      "video_id user_id storage_key mime_type size_bytes duration_s state error_text created_at " +
        "indexed_at organization_id filename language idempotency_key idempotency_digest " +
        "updated_at deleted_at",
    ),
    exported: [
      "video_id",
      "organization_id",
      "filename",
      "language",
      "storage_key",
      "mime_type",
      "size_bytes",
      "duration_s",
      "state",
      "created_at",
      "updated_at",
      "indexed_at",
    ],
    rows: videoRows,
    taken: takenVideoRows,
  },
  {
    name: "public.face_vectors",
    disposition: "erase",
    reason: "The face of a person as numbers: biometric data",
    columns: allColumns("erase", "person_id adaface_vec"),
    exported: ["person_id", "adaface_vec"],
    optional: "Only where pgvector is available",
    rows: rowsOfPeople,
    personRows,
  },
  {
    name: "private.person_merges",
    disposition: "erase",
    reason: "Which of the people the user named were one",
    columns: allColumns("erase", "source_id target_id user_id merged_at"),
    exported: [],
    rows: ownRows,
    personRows: (sql, { userId, personId }) => [
      sql`t.target_id = ${personId}::uuid and t.user_id = ${userId}::uuid`,
    ],
  },
  {
    name: "public.face_profiles",
    disposition: "erase",
    reason: "Names and photos of people the user named: biometric data",
    columns: allColumns("erase", "person_id user_id name photo_keys created_at deleted_at"),
    exported: ["person_id", "name", "photo_keys", "created_at"],
    rows: ownRows,
    personRows: (sql, { userId, personId }) => [
      sql`t.person_id = ${personId}::uuid and t.user_id = ${userId}::uuid`,
    ],
  },
];

const accountTables: TableRule[] = [
  {
    name: "public.rate_limits",
    disposition: "erase",
    reason:
      "Counters of one user serve nobody once the user is gone; those by address, which name " +
      "no user, end within an hour",
    columns: allColumns(
      "erase",
      "limit_id user_id ip_address resource count window_start expires_at subject",
    ),
    exported: ["resource", "count", "window_start", "expires_at"],
    rows: ownRows,
  },
  {
    name: "public.user_analytics",
    disposition: "erase",
    reason: "Events of one user; the daily totals, which name nobody, keep their count",
    columns: allColumns("erase", "event_id user_id event_type event_data created_at counted"),
    exported: ["event_type", "event_data", "created_at"],
    rows: ownRows,
  },
  {
    name: "public.consents",
    disposition: "erase",
    reason: "A consent proves what was allowed with data that is gone as well",
    columns: allColumns(
      "erase",
      "consent_id user_id kind text_version granted_at withdrawn_at",
    ),
    exported: ["kind", "text_version", "granted_at", "withdrawn_at"],
    rows: ownRows,
  },
  {
    name: "public.organizations",
    disposition: "erase",
    reason: "An organization goes with its last member, others stay",
    columns: allColumns("erase", "organization_id name created_at updated_at"),
    exported: [],
    rows: (sql, { going }) =>
      going.length === 0 ? [] : [sql`t.organization_id = any(${[...going]}::uuid[])`],
  },
  {
    name: "public.organization_members",
    disposition: "erase",
    reason: "Who belongs to an organization; the organization itself stays with its others",
    columns: allColumns("erase", "organization_id user_id role created_at"),
    exported: ["organization_id", "role", "created_at"],
    rows: ownRows,
    // A member who became the last one meanwhile stays until the organization is collected too.
    taken: (sql, { userId, alone }) => [
      sql`t.user_id = ${userId}::uuid and t.organization_id <> all(${[...alone]}::uuid[])`,
    ],
  },
  {
    name: "public.audit_events",
    disposition: "anonymise",
    reason: "What happened and when must stay provable; who did it is kept as a keyed pseudonym",
    columns: {
      event_id: { retain: "Names the event, not a person" },
      user_id: "anonymise",
      event_type: { retain: "What happened" },
      ip_address: "anonymise",
      user_agent: "anonymise",
      metadata: "anonymise",
      created_at: { retain: "When it happened" },
      user_subject: { retain: "A keyed pseudonym: without the key it leads to nobody" },
    },
    exported: ["event_type", "ip_address", "user_agent", "metadata", "created_at"],
    rows: ownRows,
    anonymised: (sql, { subject }) =>
      sql`user_id = null, user_subject = ${subject}, ip_address = null, user_agent = null,
        metadata = null`,
  },
  {
    name: "private.exports",
    disposition: "erase",
    reason: "Where the copies made for the user lie; their objects go too",
    columns: allColumns(
      "erase",
      "export_id user_id state requested_at started_at finished_at expires_at removed_at parts " +
        "checkpoint attempts next_attempt_at leased_until lease_id last_error",
    ),
    exported: [],
    rows: ownRows,
  },
  {
    name: "private.auth_events",
    disposition: "erase",
    reason: "The events of a user end in this erasure; its receipt tells of them",
    columns: allColumns(
      "erase",
      "id event_id type user_id payload created_at attempts next_attempt_at leased_until " +
        "delivered_at dead_at last_error",
    ),
    exported: [],
    rows: ownRows,
  },
];

const eventTables: TableRule[] = [
  {
    name: "private.webhook_deliveries",
    disposition: "retain",
    reason: "Redelivered requests are recognised by it; rows go after 30 days",
    columns: {
      subject: { retain: "A keyed pseudonym" },
      ...allColumns(
        { retain: machinery },
        "webhook_id received_at type lease_id leased_until outcome",
      ),
    },
    exported: [],
  },
  {
    name: "private.orphan_counts",
    disposition: "retain",
    reason: "Daily totals",
    columns: allColumns(
      { retain: machinery },
      "day started_at counted_at users orphans places",
    ),
    exported: [],
  },
  {
    name: "private.analytics_daily",
    disposition: "retain",
    reason: "Daily totals: what happened on a day still happened when its user is gone",
    columns: allColumns({ retain: machinery }, "day event_type events users"),
    exported: [],
  },
  {
    name: "private.drain_heartbeats",
    disposition: "retain",
    reason: "When the drain last came to its end",
    columns: allColumns({ retain: machinery }, "only_row finished_at"),
    exported: [],
  },
];

const atFinal = "Kept until the late sweep is done, then set to null by the engine";

const engineTables: TableRule[] = [
  {
    name: "private.erased_users",
    disposition: "anonymise",
    reason: "The tombstone refuses sessions until the late sweep; then only the pseudonym stays",
    columns: {
      subject: { retain: "A keyed pseudonym, by which a restored user is recognised" },
      user_id: "anonymise",
      erased_at: { retain: "When the erasure began" },
    },
    exported: [],
  },
  {
    name: "private.erasures",
    disposition: "anonymise",
    reason: `The record of an erasure. The ids are anonymised: ${atFinal.toLowerCase()}`,
    columns: {
      user_id: "anonymise",
      person_id: "anonymise",
      cursor: "anonymise",
      organizations: "anonymise",
      subject: { retain: "A keyed pseudonym" },
      status_token_hash: { retain: "The hash of a token that its holder alone knows" },
      ...allColumns(
        { retain: machinery },
        "erasure_id kind origin state step requested_at effective_at started_at provisional_at " +
          "late_sweep_at finished_at attempts next_attempt_at leased_until lease_id last_error " +
          "counts_before counts_after erased leftovers",
      ),
    },
    exported: [],
  },
  {
    name: "private.erasure_objects",
    disposition: "erase",
    reason: "Keys carry the user's id: the engine deletes them once the erasure is final",
    columns: allColumns("erase", "erasure_id bucket key reason bytes removed_at"),
    exported: [],
  },
  {
    name: "private.erasure_receipts",
    disposition: "retain",
    reason: "The proof itself, without personal data",
    columns: allColumns(
      { retain: machinery },
      "sequence erasure_id stage receipt hash previous_hash created_at copied_at",
    ),
    exported: [],
  },
];

const beforeCutover = "Only before the users tables are removed";
const inArchive = "Only where legacy users were moved, until the archive is purged";

/** The users tables, which stand in public before the cutover and in legacy_archive after it. */
function legacyTables(schema: "public" | "legacy_archive"): TableRule[] {
  const optional = schema === "public" ? beforeCutover : inArchive;
  const reason = "What the former system knew of the user";
  return [
    {
      name: `${schema}.refresh_tokens`,
      disposition: "erase",
      reason,
      columns: allColumns("erase", "token_id user_id token_hash expires_at revoked created_at"),
      exported: [],
      optional,
      rows: legacyRows,
    },
    {
      name: `${schema}.email_verification_tokens`,
      disposition: "erase",
      reason,
      columns: allColumns("erase", "token_id user_id token_hash expires_at used created_at"),
      exported: [],
      optional,
      rows: legacyRows,
    },
    {
      name: `${schema}.users`,
      disposition: "erase",
      reason,
      columns: allColumns(
        "erase",
        "user_id supabase_user_id email email_verified password_hash display_name avatar_url " +
          "tier created_at updated_at last_login_at industry job_title email_consent " +
          "onboarding_completed",
      ),
      exported: [
        "email",
        "email_verified",
        "display_name",
        "avatar_url",
        "tier",
        "created_at",
        "last_login_at",
        "industry",
        "job_title",
        "email_consent",
        "onboarding_completed",
      ],
      optional,
      rows: legacyUserRows,
    },
  ];
}

const migrationTables: TableRule[] = [
  {
    name: "private.legacy_verifications",
    disposition: "anonymise",
    reason: "That a comparison ran must stay provable; entries that name the user go",
    columns: {
      mismatches: "anonymise",
      ...allColumns(
        { retain: machinery },
        "verification_id started_at finished_at users_compared owners_compared signed_in " +
          "fingerprint passed",
      ),
    },
    exported: [],
    rows: (sql, { userId }) => [
      sql`t.mismatches <> '[]'::jsonb and (
        strpos(t.mismatches::text, ${userId}) > 0
        or exists (
          select from private.legacy_exports as e
          where e.supabase_user_id = ${userId}::uuid
            and strpos(t.mismatches::text, e.legacy_user_id::text) > 0))`,
    ],
    anonymised: (sql, { userId }) =>
      sql`mismatches = coalesce((
        select jsonb_agg(entry.value)
        from jsonb_array_elements(t.mismatches) as entry
        where strpos(entry.value::text, ${userId}) = 0
          and not exists (
            select from private.legacy_exports as e
            where e.supabase_user_id = ${userId}::uuid
              and strpos(entry.value::text, e.legacy_user_id::text) > 0)
      ), '[]'::jsonb)`,
  },
  {
    name: "private.legacy_exports",
    disposition: "erase",
    reason: "The map from the former id to the user; the tables above are found by it",
    columns: allColumns(
      "erase",
      "legacy_user_id supabase_user_id origin exported_at verified_at source_updated_at",
    ),
    exported: ["legacy_user_id", "exported_at"],
    rows: (sql, { userId }) => [sql`t.supabase_user_id = ${userId}::uuid`],
  },
  {
    name: "private.legacy_removals",
    disposition: "retain",
    reason: "One row: when the users tables were removed and how many users they held",
    columns: allColumns({ retain: machinery }, "only_row removed_at users_removed purged_at"),
    exported: [],
  },
  {
    name: "private.legacy_fills",
    disposition: "retain",
    reason: "How far new owners are filled in",
    columns: allColumns(
      { retain: machinery },
      "relation last_key read_rows changed_rows finished_at",
    ),
    exported: [],
  },
  {
    name: "private.legacy_loads",
    disposition: "retain",
    reason: "Which tables were loaded: counts and a hash over all users",
    columns: allColumns({ retain: machinery }, "relation rows fingerprint loaded_at"),
    exported: [],
  },
  {
    name: "private.legacy_loaded_rows",
    disposition: "retain",
    reason: "A later load must not bring back what was erased; the ids name nobody here any more",
    columns: {
      relation: { retain: machinery },
      key: { retain: "The id of a row in the former system; it goes with the purge" },
    },
    exported: [],
  },
];

/** Before the rows below: some of these are found by them. */
const moveTables: TableRule[] = [
  {
    name: "private.legacy_objects",
    disposition: "erase",
    reason: "Keys of objects that were loaded carry the id the user had before",
    columns: allColumns("erase", "bucket key size source_etag md5 loaded_at"),
    exported: [],
    rows: loadedObjects,
  },
  {
    name: "private.legacy_object_moves",
    disposition: "erase",
    reason: "Both keys of a moved object carry an id of the user",
    columns: allColumns("erase", "bucket old_key new_key user_id state moved_at"),
    exported: [],
    rows: ownRows,
  },
  {
    name: "private.legacy_renames",
    disposition: "erase",
    reason: "Names of people the user named",
    columns: allColumns("erase", "person_id old_name new_name"),
    exported: [],
    rows: rowsOfPeople,
    personRows,
  },
  {
    name: "private.legacy_failures",
    disposition: "erase",
    reason: "That the user could not be moved at first",
    columns: allColumns("erase", "legacy_user_id cause detail attempts failed_at"),
    exported: [],
    rows: (sql, { userId }) => [
      sql`t.legacy_user_id in (
        select e.legacy_user_id from private.legacy_exports as e
        where e.supabase_user_id = ${userId}::uuid)`,
    ],
  },
  {
    name: "private.legacy_decisions",
    disposition: "erase",
    reason: "What was decided for the user alone, an address included",
    columns: allColumns("erase", "kind subject action value decided_at"),
    exported: [],
    rows: (sql, { userId }) => [
      sql`t.subject in (
        select e.legacy_user_id::text from private.legacy_exports as e
        where e.supabase_user_id = ${userId}::uuid)`,
      sql`t.subject = ${userId}`,
    ],
  },
  {
    name: "legacy_archive.scene_words",
    disposition: "erase",
    reason: scenesAndLinks,
    columns: allColumns("erase", "scene_id tsv"),
    exported: [],
    optional: inArchive,
    follows: "public.scenes",
    rows: rowsOfScenes,
  },
  {
    name: "legacy_archive.rate_limits",
    disposition: "erase",
    reason: "Counters of one user serve nobody once the user is gone",
    columns: allColumns(
      "erase",
      "limit_id user_id ip_address resource count window_start expires_at",
    ),
    exported: [],
    optional: inArchive,
    rows: legacyRows,
  },
  {
    name: "legacy_archive.kept_owners",
    disposition: "erase",
    reason: "Rows that carry the user's id although they were nobody's",
    columns: allColumns("erase", "relation row_id user_id"),
    exported: [],
    optional: inArchive,
    rows: ownRows,
  },
];

const userFolder = ({ userId, personId, former, going }: Scope): string[] =>
  personId !== null ? [] : [
    ...[userId, ...former].map((id) => `${id}/`),
    ...going.map((id) => `organizations/${id}/`),
  ];

/**
 * The one list of what this system holds about users. Erasure, counts, preview and export follow
 * it; a test compares it with the live schema, column by column.
 */
export const manifest: Manifest = {
  tables: [
    ...moveTables,
    ...contentTables,
    ...accountTables,
    ...legacyTables("public"),
    ...legacyTables("legacy_archive"),
    ...migrationTables,
    ...eventTables,
    ...engineTables,
  ],
  buckets: [
    {
      name: "uploads",
      disposition: "erase",
      reason: "The user's videos and the photos of people the user named",
      prefixes: ({ userId, personId, former, going }) =>
        personId !== null ? [userId, ...former].map((id) => `faces/${id}/${personId}/`) : [
          ...[userId, ...former].flatMap((id) => [`videos/${id}/`, `faces/${id}/`]),
          ...going.map((id) => `organizations/${id}/`),
        ],
      recordedIn: [
        { table: "public.videos", position: "video_id", column: "storage_key" },
        { table: "public.face_profiles", position: "person_id", column: "photo_keys", many: true },
      ],
    },
    {
      name: "thumbnails",
      disposition: "erase",
      reason: "Pictures of the user's videos",
      prefixes: userFolder,
      recordedIn: [{ table: "public.scenes", position: "scene_id", column: "thumbnail_key" }],
    },
    {
      name: "sidecars",
      disposition: "erase",
      reason: "What the analysis found in the user's videos",
      prefixes: userFolder,
      recordedIn: [{ table: "public.scenes", position: "scene_id", column: "sidecar_key" }],
    },
    {
      name: "exports",
      disposition: "erase",
      reason: "Copies of the user's data, made for the user",
      prefixes: ({ userId, personId }) => personId !== null ? [] : [`${userId}/`],
      recordedIn: [],
    },
    {
      name: "receipts",
      disposition: "retain",
      reason: "The proof itself, without personal data",
      prefixes: () => [],
      recordedIn: [],
    },
  ],
};

/**
 * The rule of one table; `name` is `schema.table`.
 * @throws Error for a table it does not know
 */
export function tableRule(name: string): TableRule {
  const rule = manifest.tables.find((one) => one.name === name);
  if (!rule) throw new Error(`The erasure manifest has no table "${name}"`);
  return rule;
}

/** SHA-256 (hex) over the manifest's rules, without its SQL: it names the rules a receipt used. */
export async function hashManifest(): Promise<string> {
  const { tables, buckets } = manifest;
  const rules = toCanonicalJson({
    tables: tables.map(({ name, disposition, columns, exported }) => ({
      name,
      disposition,
      columns,
      exported,
    })),
    buckets: buckets.map(({ name, disposition }) => ({ name, disposition })),
  });
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(rules));
  return toHex(new Uint8Array(digest));
}

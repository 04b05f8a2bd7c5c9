/** A column of a legacy table. */
export interface LegacyColumn {
  name: string;
  /** As `format_type` prints it, without a schema. */
  type: string;
  /** Null where the history of the legacy system does not fix it. */
  notNull: boolean | null;
  /** Only there where the legacy database had pgvector. */
  optional: boolean;
}

/** Name of a legacy table, without its schema, which is `public`. */
export type LegacyTableName =
  | "users"
  | "videos"
  | "scenes"
  | "face_profiles"
  | "scene_people"
  | "jobs"
  | "video_metadata"
  | "refresh_tokens"
  | "email_verification_tokens"
  | "audit_events"
  | "rate_limits";

/** A table of the legacy system. */
export interface LegacyTable {
  name: LegacyTableName;
  primaryKey: readonly string[];
  columns: readonly LegacyColumn[];
  /** The column with the legacy id of the owner; absent where the owner is the video's. */
  owner?: "user_id";
}

const id = { type: "uuid", notNull: true } as const;
const uuid = { type: "uuid", notNull: null } as const;
const optionalUuid = { type: "uuid", notNull: false } as const;
const text = { type: "text", notNull: null } as const;
const jsonb = { type: "jsonb", notNull: null } as const;
const bool = { type: "boolean", notNull: true } as const;
const time = { type: "timestamp with time zone", notNull: null } as const;
const seconds = { type: "numeric(10,3)", notNull: true } as const;

type Shape = Record<string, { type: string; notNull: boolean | null; optional?: boolean }>;

/**
 * The tables of the legacy system at its last revision, 008, parents before their children: the
 * order in which rows can be loaded. Source: 20261122100000_create_legacy_schema.sql; a test
 * compares both.
 */
export const legacyTables: readonly LegacyTable[] = [
  table("users", ["user_id"], {
    user_id: id,
    supabase_user_id: optionalUuid,
    email: varchar(255, true),
    email_verified: bool,
    password_hash: varchar(255, false),
    display_name: varchar(255, false),
    avatar_url: varchar(512, false),
    tier: { type: "user_tier", notNull: true },
    created_at: { ...time, notNull: true },
    updated_at: { ...time, notNull: true },
    last_login_at: { ...time, notNull: false },
    industry: varchar(100, false),
    job_title: varchar(100, false),
    email_consent: bool,
    onboarding_completed: bool,
  }),
  table("videos", ["video_id"], {
    video_id: id,
    user_id: id,
    storage_key: varchar(512, true),
    mime_type: varchar(127, true),
    size_bytes: { type: "bigint", notNull: true },
    duration_s: { ...seconds, notNull: false },
    state: { type: "video_state", notNull: true },
    error_text: { ...text, notNull: false },
    created_at: { ...time, notNull: true },
    indexed_at: { ...time, notNull: false },
  }),
  table("scenes", ["scene_id"], {
    scene_id: id,
    video_id: id,
    start_s: seconds,
    end_s: seconds,
    transcript: text,
    tsv: { type: "tsvector", notNull: null },
    text_vec: { type: "vector(1152)", notNull: null, optional: true },
    image_vec: { type: "vector(1152)", notNull: null, optional: true },
    vision_tags: jsonb,
    sidecar_key: varchar(512),
    created_at: time,
    thumbnail_key: varchar(512),
  }),
  table("face_profiles", ["person_id"], {
    person_id: id,
    user_id: uuid,
    name: varchar(255, true),
    adaface_vec: { type: "vector(512)", notNull: null, optional: true },
    photo_keys: { type: "character varying[]", notNull: null },
    created_at: time,
  }),
  table("scene_people", ["scene_id", "person_id"], {
    scene_id: id,
    person_id: id,
    confidence: { type: "double precision", notNull: true },
    frame_count: { type: "integer", notNull: true },
  }),
  table("jobs", ["job_id"], {
    job_id: id,
    video_id: uuid,
    stage: { type: "job_stage", notNull: null },
    state: { type: "job_state", notNull: null },
    progress: { type: "double precision", notNull: null },
    error_text: text,
    started_at: time,
    finished_at: time,
    metadata: jsonb,
  }),
  table("video_metadata", ["video_id"], {
    video_id: id,
    title: varchar(255),
    description: text,
    tags: jsonb,
    thumbnail_url: varchar(512),
    created_at: time,
    updated_at: time,
  }),
  table("refresh_tokens", ["token_id"], {
    token_id: id,
    user_id: uuid,
    token_hash: varchar(255),
    expires_at: time,
    revoked: { ...bool, notNull: null },
    created_at: time,
  }),
  table("email_verification_tokens", ["token_id"], {
    token_id: id,
    user_id: uuid,
    token_hash: varchar(255),
    expires_at: time,
    used: { ...bool, notNull: null },
    created_at: time,
  }),
  table("audit_events", ["event_id"], {
    event_id: id,
    user_id: optionalUuid,
    event_type: varchar(127),
    ip_address: varchar(45),
    user_agent: varchar(512),
    metadata: jsonb,
    created_at: time,
  }),
  table("rate_limits", ["limit_id"], {
    limit_id: id,
    user_id: optionalUuid,
    ip_address: varchar(45),
    resource: varchar(127),
    count: { type: "integer", notNull: null },
    window_start: time,
    expires_at: time,
  }),
];

/** The revision of the legacy system whose schema this is. */
export const legacyRevision = "008";

function table(
  name: LegacyTableName,
  primaryKey: readonly string[],
  shape: Shape,
): LegacyTable {
  const columns = Object.entries(shape).map(([column, { type, notNull, optional = false }]) => ({
    name: column,
    type,
    notNull,
    optional,
  }));
  return { name, primaryKey, columns, ...("user_id" in shape ? { owner: "user_id" } : {}) };
}

function varchar(length: number, notNull: boolean | null = null) {
  return { type: `character varying(${length})`, notNull };
}

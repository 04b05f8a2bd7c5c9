/**
 * Who may do what with every table, column, bucket and function, as data. matrix.test.ts tries all of
 * it through SQL, data-api.test.ts and storage-api.test.ts over HTTP. What the catalogue has and this
 * file lacks fails the run.
 */

/** Users with an account, or who had one; each holds a token that has not expired. */
export const people = [
  "owner",
  "other",
  "member",
  "admin",
  "former",
  "deleted",
  "signedOut",
  "banned",
] as const;
export type Person = typeof people[number];

/**
 * Everybody who may knock. `former` left the organisation and `other` never was in it, but both hold
 * tokens that call them its admins; `deleted`, `signedOut` and `banned` are members; `sessionless`
 * has a token of the owner without a session; `service` is the secret key.
 */
export const actors = ["anon", "sessionless", ...people, "service"] as const;
export type Actor = typeof actors[number];

/**
 * Rows by whose they are: one of each person's own; `shared`, the owner's in the organisation;
 * `organisation`, which belongs to it alone; `removed`, the owner's in it whose deletion has begun.
 */
export type Label = Person | "shared" | "organisation" | "removed" | "elsewhere";

/** Which rows each may reach; who is not named reaches none. */
export type Rights = Partial<Record<Actor, readonly Label[]>>;

/**
 * What may write a column: `server`, the service role only; `computed`, nobody, as PostgreSQL fills
 * it; else the clients in `by`, with a value they may set.
 */
export type Column = "server" | "computed" | { by: Rights; value: string | readonly string[] };

export interface OpenTable {
  /** The columns that name a row. */
  key: readonly string[];
  select: Rights;
  columns: Readonly<Record<string, Column>>;
  /** A row that the service role can insert, `{name}` being an id of the actor. No client can. */
  insert: Readonly<Record<string, string | number | readonly string[]>>;
  /** What the service role may do besides reading. */
  service: readonly ("insert" | "update" | "delete")[];
  /** A row that can be deleted without another table in the way. */
  spare: Label;
}

const everything = ["insert", "update", "delete"] as const;

/** Rows of videos and of what lies below them. */
const ofVideos: Rights = {
  owner: ["owner", "shared"],
  other: ["other"],
  member: ["member", "shared", "organisation"],
  admin: ["admin", "shared", "organisation"],
  former: ["former"],
};
/** Those who may describe a video. */
const describers: Rights = { ...ofVideos, member: ["member"] };
/** Rows that belong to one user. */
const own: Rights = {
  owner: ["owner"],
  other: ["other"],
  member: ["member"],
  admin: ["admin"],
  former: ["former"],
};

/** The tables of the Data API, `public`. A column that is missing here fails the run. */
export const openTables: Readonly<Record<string, OpenTable>> = {
  videos: {
    key: ["video_id"],
    select: ofVideos,
    columns: {
      video_id: "server",
      user_id: "server",
      organization_id: "server",
      storage_key: "server",
      mime_type: "server",
      size_bytes: "server",
      duration_s: "server",
      state: "server",
      error_text: "server",
      created_at: "server",
      indexed_at: "server",
      filename: "server",
      language: { by: describers, value: "ko" },
      idempotency_key: "server",
      idempotency_digest: "server",
      updated_at: "server",
      deleted_at: "server",
    },
    insert: { user_id: "{user}", storage_key: "k", mime_type: "video/mp4", size_bytes: 1 },
    service: everything,
    spare: "other",
  },
  video_metadata: {
    key: ["video_id"],
    select: ofVideos,
    columns: {
      video_id: "server",
      user_id: "server",
      organization_id: "server",
      title: { by: describers, value: "Found by none" },
      description: { by: describers, value: "Found by none" },
      tags: { by: describers, value: ["unused"] },
      thumbnail_url: "server",
      created_at: "server",
      updated_at: "server",
      words: "server",
      near_words: "computed",
    },
    insert: { video_id: "{bareVideo}", title: "New" },
    service: everything,
    spare: "other",
  },
  scenes: {
    key: ["scene_id"],
    select: ofVideos,
    columns: {
      scene_id: "server",
      video_id: "server",
      user_id: "server",
      organization_id: "server",
      start_s: "server",
      end_s: "server",
      transcript: "server",
      vision_tags: "server",
      sidecar_key: "server",
      thumbnail_key: "server",
      language: "server",
      created_at: "server",
      words: "server",
    },
    insert: { video_id: "{video}", start_s: 0, end_s: 1 },
    service: everything,
    spare: "other",
  },
  jobs: {
    key: ["job_id"],
    select: ofVideos,
    columns: {
      job_id: "server",
      video_id: "server",
      user_id: "server",
      organization_id: "server",
      stage: "server",
      state: "server",
      progress: "server",
      error_text: "server",
      started_at: "server",
      finished_at: "server",
      metadata: "server",
      created_at: "server",
      attempts: "server",
      due_at: "server",
    },
    insert: { video_id: "{video}", stage: "commit" },
    service: everything,
    spare: "other",
  },
  scene_people: {
    key: ["scene_id", "person_id"],
    // It holds ids only, and goes with the scene.
    select: {
      ...ofVideos,
      owner: ["owner", "shared", "removed"],
      member: ["member", "shared", "organisation", "removed"],
      admin: ["admin", "shared", "organisation", "removed"],
    },
    columns: {
      scene_id: "server",
      person_id: "server",
      user_id: "server",
      organization_id: "server",
      confidence: "server",
      frame_count: "server",
    },
    insert: {
      scene_id: "{bareScene}",
      person_id: "{person}",
      confidence: 1,
      frame_count: 1,
    },
    service: everything,
    spare: "other",
  },
  face_profiles: {
    key: ["person_id"],
    select: own,
    columns: {
      person_id: "server",
      user_id: "server",
      name: { by: own, value: "Nobody yet" },
      photo_keys: "server",
      created_at: "server",
      deleted_at: "server",
    },
    insert: { user_id: "{user}", name: "Somebody new" },
    service: everything,
    spare: "other",
  },
  audit_events: {
    key: ["event_id"],
    select: own,
    columns: {
      event_id: "server",
      user_id: "server",
      user_subject: "server",
      event_type: "server",
      ip_address: "server",
      user_agent: "server",
      metadata: "server",
      created_at: "server",
    },
    insert: { user_id: "{user}", event_type: "forged" },
    // Append-only for everybody: not even the secret key writes here.
    service: [],
    spare: "other",
  },
  rate_limits: {
    key: ["limit_id"],
    select: own,
    columns: {
      limit_id: "server",
      user_id: "server",
      ip_address: "server",
      subject: "server",
      resource: "server",
      count: "server",
      window_start: "server",
      expires_at: "server",
    },
    insert: {
      user_id: "{user}",
      resource: "new",
      window_start: "2026-01-01Z",
      expires_at: "2026-01-02Z",
    },
    service: everything,
    spare: "other",
  },
  user_analytics: {
    key: ["event_id"],
    select: own,
    columns: {
      event_id: "server",
      user_id: "server",
      event_type: "server",
      event_data: "server",
      created_at: "server",
      counted: "server",
    },
    insert: { user_id: "{user}", event_type: "forged" },
    service: everything,
    spare: "other",
  },
  organizations: {
    key: ["organization_id"],
    select: {
      other: ["elsewhere"],
      member: ["organisation"],
      admin: ["organisation"],
    },
    columns: {
      organization_id: "server",
      name: "server",
      created_at: "server",
      updated_at: "server",
    },
    insert: { name: "Another studio" },
    service: everything,
    spare: "elsewhere",
  },
  organization_members: {
    key: ["organization_id", "user_id"],
    select: {
      other: ["other"],
      member: ["member", "admin", "deleted", "signedOut", "banned"],
      admin: ["member", "admin", "deleted", "signedOut", "banned"],
    },
    columns: {
      organization_id: "server",
      user_id: "server",
      role: "server",
      created_at: "server",
    },
    insert: { organization_id: "{elsewhere}", user_id: "{stranger}", role: "admin" },
    service: everything,
    spare: "other",
  },
  consents: {
    key: ["consent_id"],
    select: own,
    columns: {
      consent_id: "computed",
      user_id: "server",
      kind: "server",
      text_version: "server",
      granted_at: "server",
      withdrawn_at: "server",
    },
    insert: { user_id: "{user}", kind: "face", text_version: "1", granted_at: "2026-01-01Z" },
    // Append-only for everybody.
    service: ["insert", "delete"],
    spare: "other",
  },
};

/** Tables that no role of the Data API reaches, in any column. */
export const closedTables: readonly string[] = [
  "private.analytics_daily",
  "private.auth_events",
  "private.drain_heartbeats",
  "private.erased_users",
  "private.erasure_objects",
  "private.erasure_receipts",
  "private.erasures",
  "private.exports",
  "private.job_leases",
  "private.legacy_decisions",
  "private.legacy_exports",
  "private.legacy_failures",
  "private.legacy_fills",
  "private.legacy_loaded_rows",
  "private.legacy_loads",
  "private.legacy_object_moves",
  "private.legacy_objects",
  "private.legacy_removals",
  "private.legacy_renames",
  "private.legacy_verifications",
  "private.orphan_counts",
  "private.person_merges",
  "private.scene_parts",
  "private.scene_revisions",
  "private.stale_objects",
  "private.webhook_deliveries",
];

/** Closed as well, while the legacy system is still in use. */
export const legacyTables: readonly string[] = [
  "public.email_verification_tokens",
  "public.refresh_tokens",
  "public.users",
];

/** Closed as well, from the removal of the users tables to the purge of what it kept. */
export const archiveTables: readonly string[] = [
  "legacy_archive.email_verification_tokens",
  "legacy_archive.kept_owners",
  "legacy_archive.rate_limits",
  "legacy_archive.refresh_tokens",
  "legacy_archive.scene_words",
  "legacy_archive.users",
];

/**
 * Where pgvector is installed, which tests/search-vectors has: no client reaches them, the service
 * role reads and writes.
 */
export const vectorTables: readonly string[] = ["public.face_vectors", "public.scene_vectors"];

export interface BucketKey {
  /** `{user}` is the id of the person, `{organisation}` that of the organisation. */
  path: string;
  /** Whose it is: the person's whose id it carries, the members', or the server's. */
  readers: "self" | "members" | "nobody";
}

/** Keys of each bucket, by what they are. Clients read these and do nothing else. */
export const buckets: Readonly<Record<string, Readonly<Record<string, BucketKey>>>> = {
  uploads: {
    video: { path: "videos/{user}/v.mp4", readers: "self" },
    photo: { path: "faces/{user}/p/photo_1.jpg", readers: "self" },
    stray: { path: "other/{user}/x.mp4", readers: "nobody" },
    bare: { path: "{user}/x.mp4", readers: "nobody" },
    ofOrganisation: { path: "organizations/{organisation}/v.mp4", readers: "members" },
  },
  thumbnails: {
    scene: { path: "{user}/v/s.jpg", readers: "self" },
    deeper: { path: "videos/{user}/s.jpg", readers: "nobody" },
    ofOrganisation: { path: "organizations/{organisation}/s.jpg", readers: "members" },
  },
  sidecars: {
    video: { path: "{user}/v.json", readers: "self" },
    ofOrganisation: { path: "organizations/{organisation}/v.json", readers: "members" },
  },
  exports: {
    part: { path: "{user}/e.zip", readers: "self" },
    ofOrganisation: { path: "organizations/{organisation}/e.zip", readers: "nobody" },
  },
  receipts: {
    // Not named as a receipt is: erasures that run beside the test would miss it in their chain.
    receipt: { path: "x-{user}.json", readers: "nobody" },
    folder: { path: "{user}/r.json", readers: "nobody" },
  },
};

/** Who may read objects of members. */
export const memberActors: readonly Actor[] = ["member", "admin"];
/** Users whose session lives. */
export const liveActors: readonly Actor[] = ["owner", "other", "member", "admin", "former"];

/** Functions that a signed-in user may call, by the name PostgreSQL gives them. The rest is closed. */
export const userRoutines: readonly string[] = [
  "private.add_person_photo(uuid,text)",
  "private.begin_person_deletion(uuid)",
  "private.begin_video_deletion(uuid)",
  "private.cancel_own_erasure()",
  "private.complete_upload(uuid)",
  "private.create_person(text)",
  "private.create_video(jsonb,jsonb)",
  "private.ensure_video_metadata(uuid)",
  "private.find_scene_candidates(jsonb,real[],jsonb,jsonb,integer,timestamp with time zone,double precision,uuid,integer)",
  "private.finish_video_deletion(uuid)",
  "private.has_face_consent(uuid)",
  "private.list_deleted_videos()",
  "private.list_last_admin_organizations()",
  "private.list_managed_organizations()",
  "private.list_own_folders()",
  "private.list_own_organizations()",
  "private.mark_words(text,text,text,text)",
  "private.merge_people(uuid,uuid)",
  "private.pick_configuration(text)",
  "private.read_export(uuid)",
  "private.read_own_erasure()",
  "private.read_sign_in_facts()",
  "private.read_upload_usage()",
  "private.record_consent(text,boolean,text)",
  "private.request_export()",
  "private.return_password_try()",
  "private.schedule_account_deletion(timestamp with time zone,text)",
  "private.session_is_live()",
  "private.session_state(uuid,uuid)",
  "private.set_captions(uuid,jsonb,text)",
  "private.take_password_try()",
  "private.to_near_words(text)",
  "private.to_scene_words(text,text)",
  "private.to_search_text(text)",
  "private.to_video_words(text,text,jsonb,text,text)",
  "private.update_video(uuid,jsonb)",
];

/** Functions that the secret key may call. */
export const serviceRoutines: readonly string[] = [
  "private.claim_auth_events(integer,integer,integer)",
  "private.fail_auth_event(bigint,text,integer)",
  "private.finish_auth_event(bigint)",
  "private.pick_configuration(text)",
  "private.to_near_words(text)",
  "private.to_scene_words(text,text)",
  "private.to_search_text(text)",
  "private.to_video_words(text,text,jsonb,text,text)",
];

/** What not even the owner of the tables may do: a trigger refuses it with `forbidden`. */
export const appendOnly: readonly string[] = [
  "update public.consents set granted_at = '2020-01-01Z'",
  "update public.consents set withdrawn_at = now(), granted_at = null",
  "update public.audit_events set event_type = 'harmless'",
  "update public.audit_events set created_at = '2020-01-01Z'",
  "update public.audit_events set user_id = null",
  'update public.audit_events set metadata = \'{"outcome": "ok"}\'',
  "update public.audit_events set ip_address = '192.0.2.1'",
  "update public.audit_events set user_agent = 'another'",
  "update public.audit_events set user_subject = 'another'",
  "delete from public.audit_events",
  "truncate public.audit_events",
];

/** A call of a definer function with an id of the owner's, or another who could be harmed by it. */
export interface ForeignCall {
  /** The function, and the call as SQL; `{name}` is an id. */
  routine: string;
  call: string;
  /** Who may call it so. */
  may: readonly Actor[];
  /** What the others get: an error code, or `nothing` for an empty answer. */
  refusal: string;
  /** Those who get another answer. */
  besides?: Partial<Record<Actor, string>>;
}

const managers: readonly Actor[] = ["owner", "admin"];

/** Calls with an id that is not the caller's. The video is the owner's in the organisation. */
export const foreignCalls: readonly ForeignCall[] = [
  {
    routine: "private.complete_upload",
    call: "select from private.complete_upload({sharedVideo})",
    may: managers,
    refusal: "video_not_found",
  },
  {
    routine: "private.set_captions",
    call: "select from private.set_captions({sharedVideo}, '[]', 'en')",
    may: managers,
    refusal: "video_not_found",
  },
  {
    routine: "private.begin_video_deletion",
    call: "select from private.begin_video_deletion({sharedVideo})",
    may: managers,
    refusal: "video_not_found",
  },
  {
    routine: "private.finish_video_deletion",
    call: "select from private.finish_video_deletion({sharedVideo}) as done where done",
    may: managers,
    refusal: "nothing",
  },
  {
    routine: "private.ensure_video_metadata",
    call: "select from private.ensure_video_metadata({sharedVideo})",
    may: managers,
    refusal: "video_not_found",
    besides: {
      member: "forbidden",
      deleted: "forbidden",
      signedOut: "forbidden",
      banned: "forbidden",
    },
  },
  {
    routine: "private.update_video",
    call: `select from private.update_video({sharedVideo}, '{"title": "Mine"}')`,
    may: managers,
    refusal: "video_not_found",
    besides: {
      member: "forbidden",
      deleted: "forbidden",
      signedOut: "forbidden",
      banned: "forbidden",
    },
  },
  {
    routine: "private.create_video",
    call: `select from private.create_video(jsonb_build_object('filename', 'v.mp4',
      'mime_type', 'video/mp4', 'size_bytes', 1, 'organization_id', {organisation}), '{"free": null}')`,
    may: ["member", "admin", "signedOut", "banned"],
    refusal: "organization_not_found",
    // The user is gone, so no tier can be read.
    besides: { deleted: "session_revoked" },
  },
  {
    routine: "private.add_person_photo",
    call: "select from private.add_person_photo({person}, {photoKey})",
    may: ["owner"],
    refusal: "person_not_found",
  },
  {
    routine: "private.begin_person_deletion",
    call: "select from private.begin_person_deletion({person})",
    may: ["owner"],
    refusal: "person_not_found",
  },
  {
    routine: "private.merge_people",
    call: "select from private.merge_people({person}, {person})",
    may: ["owner"],
    refusal: "person_not_found",
  },
  {
    routine: "private.read_export",
    call: "select from private.read_export({export})",
    may: ["owner"],
    refusal: "export_not_found",
  },
  {
    routine: "private.session_state",
    call: "select from private.session_state({user}, {session}) as state where state = 'live'",
    may: ["owner", "other", "member", "admin", "former"],
    refusal: "nothing",
  },
];

/** A change in Supabase Auth or an erasure, and whether the session may act after it. */
export interface SessionChange {
  what: string;
  change: string;
  lives: boolean;
}

/** What ends a session at once, whatever its token says. `{session}` is one of `{user}`. */
export const sessionChanges: readonly SessionChange[] = [
  { what: "nothing", change: "select", lives: true },
  { what: "sign-out", change: "delete from auth.sessions where id = {session}", lives: false },
  {
    what: "the end of its time",
    change: "update auth.sessions set not_after = now() - interval '1 second' where id = {session}",
    lives: false,
  },
  {
    what: "an end in the future",
    change: "update auth.sessions set not_after = now() + interval '1 hour' where id = {session}",
    lives: true,
  },
  {
    what: "a session of another user",
    change: "update auth.sessions set user_id = {someoneElse} where id = {session}",
    lives: false,
  },
  {
    what: "a ban",
    change: "update auth.users set banned_until = now() + interval '1 hour' where id = {user}",
    lives: false,
  },
  {
    what: "a ban that has run out",
    change: "update auth.users set banned_until = now() - interval '1 second' where id = {user}",
    lives: true,
  },
  {
    what: "a soft deletion",
    change: "update auth.users set deleted_at = now() where id = {user}",
    lives: false,
  },
  {
    what: "an erasure that has begun",
    change: "insert into private.erased_users (subject, user_id) values (repeat('0', 64), {user})",
    lives: false,
  },
  { what: "a deletion", change: "delete from auth.users where id = {user}", lives: false },
];

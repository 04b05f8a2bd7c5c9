// Written by `npm run types` from the catalogue of a database with all migrations; a test compares.
// Values are as shared/database/connection.ts reads them: bigint and numeric as number, times as Date.

/** A value of a jsonb column. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Enum public.job_stage. */
export type JobStage =
  | "upload_validate"
  | "audio_extract"
  | "asr_fast"
  | "scene_detect"
  | "align_merge"
  | "embed_text"
  | "vision_sample_frames"
  | "vision_embed_frames"
  | "vision_affect_tags"
  | "faces_enroll_match"
  | "sidecar_build"
  | "commit";

/** Enum public.job_state. */
export type JobState =
  | "pending"
  | "running"
  | "completed"
  | "failed"
  | "cancelled";

/** Enum public.video_state. */
export type VideoState =
  | "uploading"
  | "validating"
  | "processing"
  | "indexed"
  | "failed"
  | "deleted";

/** Row of public.audit_events. */
export interface AuditEventsRow {
  created_at: Date;
  event_id: string;
  event_type: string;
  ip_address: string | null;
  metadata: Json | null;
  user_agent: string | null;
  user_id: string | null;
  user_subject: string | null;
}

/** Row of public.consents. */
export interface ConsentsRow {
  consent_id: number;
  granted_at: Date | null;
  kind: string;
  text_version: string;
  user_id: string;
  withdrawn_at: Date | null;
}

/** Row of public.face_profiles. */
export interface FaceProfilesRow {
  created_at: Date;
  deleted_at: Date | null;
  name: string;
  person_id: string;
  photo_keys: string[] | null;
  user_id: string;
}

/** Row of public.jobs. */
export interface JobsRow {
  attempts: number;
  created_at: Date;
  due_at: Date;
  error_text: string | null;
  finished_at: Date | null;
  job_id: string;
  metadata: Json | null;
  organization_id: string | null;
  progress: number;
  stage: JobStage;
  started_at: Date | null;
  state: JobState;
  user_id: string | null;
  video_id: string;
}

/** Row of public.organization_members. */
export interface OrganizationMembersRow {
  created_at: Date;
  organization_id: string;
  role: string;
  user_id: string;
}

/** Row of public.organizations. */
export interface OrganizationsRow {
  created_at: Date;
  name: string;
  organization_id: string;
  updated_at: Date;
}

/** Row of public.rate_limits. */
export interface RateLimitsRow {
  count: number;
  expires_at: Date;
  ip_address: string | null;
  limit_id: string;
  resource: string;
  subject: string | null;
  user_id: string | null;
  window_start: Date;
}

/** Row of public.scene_people. */
export interface ScenePeopleRow {
  confidence: number;
  frame_count: number;
  organization_id: string | null;
  person_id: string;
  scene_id: string;
  user_id: string | null;
}

/** Row of public.scenes. */
export interface ScenesRow {
  created_at: Date;
  end_s: number;
  language: string | null;
  organization_id: string | null;
  scene_id: string;
  sidecar_key: string | null;
  start_s: number;
  thumbnail_key: string | null;
  transcript: string | null;
  user_id: string | null;
  video_id: string;
  vision_tags: Json | null;
  words: string | null;
}

/** Row of public.user_analytics. */
export interface UserAnalyticsRow {
  counted: boolean;
  created_at: Date;
  event_data: Json;
  event_id: string;
  event_type: string;
  user_id: string | null;
}

/** Row of public.video_metadata. */
export interface VideoMetadataRow {
  created_at: Date;
  description: string | null;
  near_words: string | null;
  organization_id: string | null;
  tags: Json | null;
  thumbnail_url: string | null;
  title: string | null;
  updated_at: Date;
  user_id: string | null;
  video_id: string;
  words: string | null;
}

/** Row of public.videos. */
export interface VideosRow {
  created_at: Date;
  deleted_at: Date | null;
  duration_s: number | null;
  error_text: string | null;
  filename: string | null;
  idempotency_digest: string | null;
  idempotency_key: string | null;
  indexed_at: Date | null;
  language: string | null;
  mime_type: string;
  organization_id: string | null;
  size_bytes: number;
  state: VideoState;
  storage_key: string;
  updated_at: Date;
  user_id: string | null;
  video_id: string;
}

/** Row of private.analytics_daily. */
export interface AnalyticsDailyRow {
  day: Date;
  event_type: string;
  events: number;
  users: number;
}

/** Row of private.auth_events. */
export interface AuthEventsRow {
  attempts: number;
  created_at: Date;
  dead_at: Date | null;
  delivered_at: Date | null;
  event_id: string;
  id: number;
  last_error: string | null;
  leased_until: Date | null;
  next_attempt_at: Date;
  payload: Json;
  type: string;
  user_id: string;
}

/** Row of private.drain_heartbeats. */
export interface DrainHeartbeatsRow {
  finished_at: Date;
  only_row: boolean;
}

/** Row of private.erased_users. */
export interface ErasedUsersRow {
  erased_at: Date;
  subject: string;
  user_id: string | null;
}

/** Row of private.erasure_objects. */
export interface ErasureObjectsRow {
  bucket: string;
  bytes: number;
  erasure_id: string;
  key: string;
  reason: string;
  removed_at: Date | null;
}

/** Row of private.erasure_receipts. */
export interface ErasureReceiptsRow {
  copied_at: Date | null;
  created_at: Date;
  erasure_id: string;
  hash: string;
  previous_hash: string | null;
  receipt: string;
  sequence: number;
  stage: string;
}

/** Row of private.erasures. */
export interface ErasuresRow {
  attempts: number;
  counts_after: Json | null;
  counts_before: Json | null;
  cursor: Json;
  effective_at: Date;
  erased: Json | null;
  erasure_id: string;
  finished_at: Date | null;
  kind: string;
  last_error: string | null;
  late_sweep_at: Date | null;
  lease_id: string | null;
  leased_until: Date | null;
  leftovers: Json;
  next_attempt_at: Date;
  organizations: string[];
  origin: string;
  person_id: string | null;
  provisional_at: Date | null;
  requested_at: Date;
  started_at: Date | null;
  state: string;
  status_token_hash: string | null;
  step: string | null;
  subject: string | null;
  user_id: string | null;
}

/** Row of private.exports. */
export interface ExportsRow {
  attempts: number;
  checkpoint: Json | null;
  expires_at: Date | null;
  export_id: string;
  finished_at: Date | null;
  last_error: string | null;
  lease_id: string | null;
  leased_until: Date | null;
  next_attempt_at: Date;
  parts: Json;
  removed_at: Date | null;
  requested_at: Date;
  started_at: Date | null;
  state: string;
  user_id: string;
}

/** Row of private.job_leases. */
export interface JobLeasesRow {
  claimed_at: Date;
  job_id: string;
  lease_id: string;
  lease_seconds: number;
  worker: string | null;
}

/** Row of private.legacy_decisions. */
export interface LegacyDecisionsRow {
  action: string;
  decided_at: Date;
  kind: string;
  subject: string;
  value: string | null;
}

/** Row of private.legacy_exports. */
export interface LegacyExportsRow {
  exported_at: Date;
  legacy_user_id: string;
  origin: string;
  source_updated_at: Date | null;
  supabase_user_id: string;
  verified_at: Date | null;
}

/** Row of private.legacy_failures. */
export interface LegacyFailuresRow {
  attempts: number;
  cause: string;
  detail: string;
  failed_at: Date;
  legacy_user_id: string;
}

/** Row of private.legacy_fills. */
export interface LegacyFillsRow {
  changed_rows: number;
  finished_at: Date | null;
  last_key: string | null;
  read_rows: number;
  relation: string;
}

/** Row of private.legacy_loaded_rows. */
export interface LegacyLoadedRowsRow {
  key: string;
  relation: string;
}

/** Row of private.legacy_loads. */
export interface LegacyLoadsRow {
  fingerprint: string;
  loaded_at: Date;
  relation: string;
  rows: number;
}

/** Row of private.legacy_object_moves. */
export interface LegacyObjectMovesRow {
  bucket: string;
  moved_at: Date;
  new_key: string;
  old_key: string;
  state: string;
  user_id: string;
}

/** Row of private.legacy_objects. */
export interface LegacyObjectsRow {
  bucket: string;
  key: string;
  loaded_at: Date;
  md5: string;
  size: number;
  source_etag: string;
}

/** Row of private.legacy_removals. */
export interface LegacyRemovalsRow {
  only_row: boolean;
  purged_at: Date | null;
  removed_at: Date;
  users_removed: number;
}

/** Row of private.legacy_renames. */
export interface LegacyRenamesRow {
  new_name: string;
  old_name: string;
  person_id: string;
}

/** Row of private.legacy_verifications. */
export interface LegacyVerificationsRow {
  fingerprint: string | null;
  finished_at: Date | null;
  mismatches: Json;
  owners_compared: number;
  passed: boolean;
  signed_in: number;
  started_at: Date;
  users_compared: number;
  verification_id: string;
}

/** Row of private.orphan_counts. */
export interface OrphanCountsRow {
  counted_at: Date | null;
  day: Date;
  orphans: number | null;
  places: Json | null;
  started_at: Date;
  users: number | null;
}

/** Row of private.person_merges. */
export interface PersonMergesRow {
  merged_at: Date;
  source_id: string;
  target_id: string;
  user_id: string;
}

/** Row of private.scene_parts. */
export interface ScenePartsRow {
  part: number;
  revision: string;
  scene_count: number;
  scenes: Json;
  sidecar_keys: string[];
  tag_count: number;
  thumbnail_keys: string[];
  transcript_length: number;
  video_id: string;
}

/** Row of private.scene_revisions. */
export interface SceneRevisionsRow {
  begun_at: Date;
  digests: Json;
  parts: number | null;
  revision: string;
  scenes: number | null;
  sequence: number;
  source: string;
  swapped_at: Date | null;
  touched_at: Date;
  vectors_stored: boolean;
  video_id: string;
}

/** Row of private.stale_objects. */
export interface StaleObjectsRow {
  bucket: string;
  key: string;
  queued_at: Date;
  user_id: string | null;
  video_id: string;
}

/** Row of private.webhook_deliveries. */
export interface WebhookDeliveriesRow {
  lease_id: string | null;
  leased_until: Date | null;
  outcome: Json | null;
  received_at: Date;
  subject: string;
  type: string;
  webhook_id: string;
}

/** Rows of schema public by table. */
export interface PublicTables {
  audit_events: AuditEventsRow;
  consents: ConsentsRow;
  face_profiles: FaceProfilesRow;
  jobs: JobsRow;
  organization_members: OrganizationMembersRow;
  organizations: OrganizationsRow;
  rate_limits: RateLimitsRow;
  scene_people: ScenePeopleRow;
  scenes: ScenesRow;
  user_analytics: UserAnalyticsRow;
  video_metadata: VideoMetadataRow;
  videos: VideosRow;
}

/** Rows of schema private by table. */
export interface PrivateTables {
  analytics_daily: AnalyticsDailyRow;
  auth_events: AuthEventsRow;
  drain_heartbeats: DrainHeartbeatsRow;
  erased_users: ErasedUsersRow;
  erasure_objects: ErasureObjectsRow;
  erasure_receipts: ErasureReceiptsRow;
  erasures: ErasuresRow;
  exports: ExportsRow;
  job_leases: JobLeasesRow;
  legacy_decisions: LegacyDecisionsRow;
  legacy_exports: LegacyExportsRow;
  legacy_failures: LegacyFailuresRow;
  legacy_fills: LegacyFillsRow;
  legacy_loaded_rows: LegacyLoadedRowsRow;
  legacy_loads: LegacyLoadsRow;
  legacy_object_moves: LegacyObjectMovesRow;
  legacy_objects: LegacyObjectsRow;
  legacy_removals: LegacyRemovalsRow;
  legacy_renames: LegacyRenamesRow;
  legacy_verifications: LegacyVerificationsRow;
  orphan_counts: OrphanCountsRow;
  person_merges: PersonMergesRow;
  scene_parts: ScenePartsRow;
  scene_revisions: SceneRevisionsRow;
  stale_objects: StaleObjectsRow;
  webhook_deliveries: WebhookDeliveriesRow;
}

import { argon2i, argon2id, bcrypt } from "hash-wasm";
import type { LegacyRow } from "../../../cli/legacy/sample/write.ts";
import type { LegacyTableName } from "../../../shared/legacy/schema.ts";
import type { LegacyModel, LegacyUserModel, Orphan, PasswordKind } from "./arbitraries.ts";

/** An account that Supabase Auth has before the move. */
export interface Account {
  id: string;
  email: string;
  password: string;
  isConfirmed: boolean;
  userMetadata: Record<string, unknown>;
  appMetadata: Record<string, unknown>;
}

/** An object of the former system's storage. */
export interface LegacyObject {
  bucket: "uploads" | "thumbnails" | "sidecars";
  key: string;
  /** Another content for each key. */
  body: string;
}

/** A legacy user as rows, and what Supabase Auth knows about the user before the move. */
export interface WrittenUser {
  readonly model: LegacyUserModel;
  /** As the legacy row has it. */
  readonly email: string;
  /** What the user signs in with before the move. */
  readonly password: string;
  /** The account the legacy row names, which may be gone. */
  readonly linkedId: string | null;
  /** The account that stands in the way, or the user's own. */
  readonly account: Account | null;
}

type Rows = Record<LegacyTableName, LegacyRow[]>;

/** A legacy database ready to be written. */
export interface WrittenModel {
  readonly users: readonly WrittenUser[];
  readonly rows: Rows;
  readonly accounts: readonly Account[];
  readonly objects: readonly LegacyObject[];
}

const started = Date.UTC(2025, 0, 1);
const at = (minutes: number) => new Date(started + minutes * 60_000);

/** Turns a model into rows, accounts and objects. Passwords are hashed with the least of work. */
export async function describeModel(model: LegacyModel): Promise<WrittenModel> {
  const users = await Promise.all(
    model.users.map((one, index) => describeUser(one, index, emailsOf(model))),
  );
  const rows: Rows = {
    users: users.map(({ row }) => row),
    videos: [],
    scenes: [],
    face_profiles: [],
    scene_people: [],
    jobs: [],
    video_metadata: [],
    refresh_tokens: [],
    email_verification_tokens: [],
    audit_events: [],
    rate_limits: [],
  };
  const objects: LegacyObject[] = [];
  for (const { model: one } of users) addOwned(one, rows, objects);
  model.orphans.forEach((orphan, index) => addOrphan(orphan, index, rows));
  const accounts = users.flatMap(({ account }) => account ? [account] : []);
  return { users, rows, accounts, objects };
}

interface DescribedUser extends WrittenUser {
  readonly row: LegacyRow;
}

async function describeUser(
  model: LegacyUserModel,
  index: number,
  emails: readonly string[],
): Promise<DescribedUser> {
  const name = nameOf(model, index);
  const password = `alt-${index}-pässwörd`;
  const email = emails[index] ?? "";
  const linkedId = isNamed(model) ? crypto.randomUUID() : null;
  const row = {
    user_id: model.userId,
    supabase_user_id: linkedId,
    email,
    email_verified: model.isConfirmed,
    password_hash: await hash(model.password, password),
    display_name: model.displayName,
    avatar_url: model.avatarUrl,
    tier: model.tier,
    created_at: at(index),
    updated_at: at(index + 1),
    last_login_at: model.hasLoggedIn ? at(index + 2) : null,
    industry: model.industry,
    job_title: model.jobTitle,
    email_consent: model.emailConsent,
    onboarding_completed: model.onboardingCompleted,
  };
  const account = accountOf(model, { email, password, linkedId, name });
  return { model, email, password, linkedId, account, row };
}

const isNamed = ({ standing }: LegacyUserModel) => standing === "linked" || standing === "missing";

const nameOf = ({ userId }: LegacyUserModel, index: number) =>
  `user-${index}-${userId.slice(0, 8)}`;

/** The addresses of all users; those in capitals repeat the one of the first user. */
function emailsOf({ users }: LegacyModel): string[] {
  const [first] = users;
  return users.map((one, index) => {
    const name = nameOf(one, index);
    if (one.standing === "email invalid") return `${name} at example.test`;
    if (one.standing !== "email in capitals" || !first) return `${name}@example.test`;
    const domain = [..."example.test"];
    domain[index % "example".length] = domain[index % "example".length]?.toUpperCase() ?? "";
    return `${nameOf(first, 0)}@${domain.join("")}`;
  });
}

function accountOf(
  { standing, userId, displayName }: LegacyUserModel,
  o: { email: string; password: string; linkedId: string | null; name: string },
): Account | null {
  const stranger = {
    id: crypto.randomUUID(),
    email: o.email,
    password: `stranger-of-${o.name}`,
    isConfirmed: true,
    userMetadata: { display_name: "A stranger" },
    appMetadata: {},
  };
  switch (standing) {
    case "linked":
      return {
        ...stranger,
        id: o.linkedId ?? "",
        password: o.password,
        // What the user changed in the new system stays; what the old one says is another name.
        userMetadata: { pref_theme: "dark", display_name: displayName ? "An older name" : null },
        appMetadata: { permissions: ["upload"], tier: "free" },
      };
    case "email held":
      return stranger;
    case "email claimed":
      return { ...stranger, isConfirmed: false };
    case "id held":
      return { ...stranger, id: userId, email: `${o.name}-stranger@example.test` };
    default:
      return null;
  }
}

const noHash: Partial<Record<PasswordKind, string | null>> = {
  none: null,
  unsupported:
    "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk",
};

async function hash(kind: PasswordKind, password: string): Promise<string | null> {
  const known = noHash[kind];
  if (known !== undefined) return known;
  const salt = crypto.getRandomValues(new Uint8Array(16));
  if (kind === "bcrypt") {
    return await bcrypt({ password, salt, costFactor: 4, outputType: "encoded" });
  }
  const cost = { parallelism: 1, iterations: 1, memorySize: 8, hashLength: 16 };
  const argon2 = kind === "argon2i" ? argon2i : argon2id;
  return await argon2({ password, salt, ...cost, outputType: "encoded" });
}

function addOwned(
  user: LegacyUserModel,
  rows: Rows,
  objects: LegacyObject[],
): void {
  for (const [index, video] of user.videos.entries()) addVideo(user, video, index, rows, objects);
  for (const { personId, name, photos } of user.people) {
    const keys = Array.from(
      { length: photos },
      (_, n) => `faces/${user.userId}/${personId}/photo_${n}.jpg`,
    );
    rows.face_profiles.push({
      person_id: personId,
      user_id: user.userId,
      name,
      photo_keys: photos > 0 ? keys : null,
      created_at: at(0),
    });
    // The last photo of two was lost before: its key names nothing.
    for (const key of keys.slice(0, 1)) objects.push({ bucket: "uploads", key, body: key });
  }
  addEvents(rows, user.userId, user.auditEvents);
  for (let n = 0; n < user.repeatedLimits; n++) addLimit(rows, user.userId, "search", n + 1);
  for (let n = 0; n < user.tokens; n++) addTokens(rows, user.userId);
}

function addVideo(
  { userId, people }: LegacyUserModel,
  video: LegacyUserModel["videos"][number],
  index: number,
  rows: Rows,
  objects: LegacyObject[],
): void {
  const { videoId } = video;
  const storageKey = video.hasOldKey ? `videos/${userId}/${videoId}.mp4` : `archive/${videoId}.mp4`;
  const sidecarKey = `${userId}/${videoId}.json`;
  rows.videos.push({
    video_id: videoId,
    user_id: userId,
    storage_key: storageKey,
    mime_type: "video/mp4",
    size_bytes: 1000 + index,
    duration_s: "12.345",
    state: video.state,
    created_at: at(index),
    indexed_at: video.state === "indexed" ? at(index + 1) : null,
  });
  rows.video_metadata.push({
    video_id: videoId,
    title: video.title,
    description: null,
    tags: video.tags,
    thumbnail_url: null,
    created_at: at(index),
    updated_at: at(index),
  });
  rows.jobs.push({
    job_id: crypto.randomUUID(),
    video_id: videoId,
    stage: "upload_validate",
    state: "completed",
    progress: 1,
    metadata: { worker: "w-1" },
  });
  if (video.hasObject) objects.push({ bucket: "uploads", key: storageKey, body: storageKey });
  video.scenes.forEach((scene, n) => {
    const thumbnailKey = scene.hasThumbnail ? `${userId}/${videoId}/${scene.sceneId}.jpg` : null;
    rows.scenes.push({
      scene_id: scene.sceneId,
      video_id: videoId,
      start_s: `${n * 5}.000`,
      end_s: `${n * 5 + 5}.000`,
      transcript: scene.transcript,
      // In the words of the configuration "english", which the new system does not use.
      tsv: scene.transcript === null ? null : "'dog':2A 'run':1",
      vision_tags: n === 0 ? null : { mood: ["calm"] },
      sidecar_key: n === 0 ? sidecarKey : null,
      thumbnail_key: thumbnailKey,
      created_at: at(n),
    });
    if (thumbnailKey && video.hasObject) {
      objects.push({ bucket: "thumbnails", key: thumbnailKey, body: thumbnailKey });
    }
    for (const { personId } of people.slice(0, 2)) {
      rows.scene_people.push({
        scene_id: scene.sceneId,
        person_id: personId,
        confidence: 0.1 + n / 7,
        frame_count: n,
      });
    }
  });
  if (video.hasObject && video.scenes.length > 0) {
    objects.push({ bucket: "sidecars", key: sidecarKey, body: JSON.stringify({ videoId }) });
  }
}

function addOrphan(
  { ownerId, events, limits, videoId, personId }: Orphan,
  index: number,
  rows: Rows,
) {
  addEvents(rows, ownerId, events);
  for (let n = 0; n < limits; n++) addLimit(rows, ownerId, `orphan ${index} ${n}`);
  if (videoId) {
    rows.videos.push({
      video_id: videoId,
      user_id: ownerId,
      storage_key: `videos/${ownerId}/${videoId}.mp4`,
      mime_type: "video/mp4",
      size_bytes: 1,
    });
  }
  if (personId) rows.face_profiles.push({ person_id: personId, user_id: ownerId, name: "Nobody" });
}

function addEvents(rows: Rows, userId: string | null, count: number): void {
  for (let n = 0; n < count; n++) {
    rows.audit_events.push({
      event_id: crypto.randomUUID(),
      user_id: userId,
      event_type: "login",
      ip_address: "203.0.113.7",
      metadata: { n },
      created_at: at(n),
    });
  }
}

function addLimit(
  rows: Rows,
  userId: string | null,
  resource: string,
  count = 1,
): void {
  rows.rate_limits.push({
    limit_id: crypto.randomUUID(),
    user_id: userId,
    resource,
    count,
    window_start: at(0),
    expires_at: at(60),
  });
}

function addTokens(rows: Rows, userId: string): void {
  const token = { user_id: userId, expires_at: at(9), created_at: at(0) };
  rows.refresh_tokens.push({
    ...token,
    token_id: crypto.randomUUID(),
    token_hash: crypto.randomUUID(),
  });
  rows.email_verification_tokens.push({
    ...token,
    token_id: crypto.randomUUID(),
    token_hash: crypto.randomUUID(),
  });
}

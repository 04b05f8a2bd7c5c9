import type postgres from "postgres";
import { type Actor, buckets, type Label, people, type Person } from "../matrix.ts";

/** What seeding and trying need of a connection or a transaction, whatever types it maps. */
export interface Connection {
  unsafe(query: string, parameters?: (string | Date | number | null)[]): PromiseLike<
    readonly postgres.Row[]
  >;
}

/** A user and one session of theirs, alive or not. */
export interface Account {
  id: string;
  sessionId: string;
}

export type Accounts = Readonly<Record<Person, Account>>;

/** What tokens need: who there is. */
export interface Identities {
  accounts: Accounts;
  organisation: string;
}

/** Ids that a person's requests may name. */
interface Things {
  user: string;
  session: string;
  video: string;
  scene: string;
  person: string;
  /** A video without metadata. */
  bareVideo: string;
  /** A scene without people. */
  bareScene: string;
  export: string;
}

/** Rows of every kind for everybody, and whose each of them is. */
export interface Cast extends Identities {
  elsewhere: string;
  sharedVideo: string;
  /** Id of nobody. */
  stranger: string;
  things: Readonly<Record<Person, Things>>;
  /** By table: the key of each row, its parts joined with a colon, and its label. */
  labels: Readonly<Record<string, Readonly<Record<string, Label>>>>;
  /** Every key of an object, by bucket and kind, and whose it is. */
  objects: readonly StoredKey[];
}

export interface StoredKey {
  bucket: string;
  kind: string;
  path: string;
  owner: Person;
}

/** The ids that stand for `{name}` in a request of this actor; whoever has none takes the owner's. */
export function idsOf(cast: Cast, actor: Actor): Record<string, string> {
  const person = people.find((name) => name === actor) ?? "owner";
  const { organisation, elsewhere, sharedVideo, stranger } = cast;
  return { ...cast.things[person], organisation, elsewhere, sharedVideo, stranger };
}

/** The owner's ids, which every other actor tries. */
export function foreignIds(cast: Cast): Record<string, string> {
  const { user, person } = cast.things.owner;
  return { ...idsOf(cast, "owner"), photoKey: `faces/${user}/${person}/photo_9.jpg` };
}

/** Writes the rows; the connection is that of the tables' owner. */
export async function seedRows(
  sql: Connection,
  accounts: Accounts,
): Promise<Cast> {
  const organisation = crypto.randomUUID();
  const elsewhere = crypto.randomUUID();
  const labels: Record<string, Record<string, Label>> = {};
  const add = async (
    table: string,
    label: Label,
    key: readonly string[],
    row: Record<string, string | number | Date>,
  ) => {
    const names = Object.keys(row);
    const [written] = await sql.unsafe(
      `insert into public.${table} (${names}) values (${names.map((_, n) => `$${n + 1}`)})
       returning concat_ws(':', ${key}) as key`,
      Object.values(row),
    );
    (labels[table] ??= {})[String(written?.["key"])] = label;
    return String(written?.["key"]);
  };

  await add("organizations", "organisation", ["organization_id"], {
    organization_id: organisation,
    name: "Studio",
  });
  await add("organizations", "elsewhere", ["organization_id"], {
    organization_id: elsewhere,
    name: "Elsewhere",
  });
  const things = {} as Record<Person, Things>;
  for (const name of people) {
    things[name] = await addPersonRows(sql, add, name, accounts[name]);
  }
  const members: readonly Person[] = ["member", "admin", "deleted", "signedOut", "banned"];
  for (const name of members) {
    await add("organization_members", name, ["organization_id", "user_id"], {
      organization_id: organisation,
      user_id: accounts[name].id,
      role: name === "admin" ? "admin" : "member",
    });
  }
  await add("organization_members", "other", ["organization_id", "user_id"], {
    organization_id: elsewhere,
    user_id: accounts.other.id,
    role: "admin",
  });
  const inOrganisation = { user_id: accounts.owner.id, organization_id: organisation };
  const ofOwner = things.owner.person;
  const shared = await addVideo(add, "shared", inOrganisation, ofOwner);
  await addVideo(add, "organisation", { organization_id: organisation }, ofOwner);
  const removed = await addVideo(add, "removed", inOrganisation, ofOwner);
  await add("face_profiles", "removed", ["person_id"], {
    user_id: accounts.owner.id,
    name: "Removed",
    deleted_at: new Date(),
  });
  // Last, as rows below a video take its owner when they are written.
  await sql.unsafe("update public.videos set deleted_at = now() where video_id = $1", [
    removed.video,
  ]);
  return {
    accounts,
    organisation,
    elsewhere,
    sharedVideo: shared.video,
    stranger: crypto.randomUUID(),
    things,
    labels,
    objects: listObjects(accounts, organisation),
  };
}

type Add = (
  table: string,
  label: Label,
  key: readonly string[],
  row: Record<string, string | number | Date>,
) => Promise<string>;

async function addPersonRows(
  sql: Connection,
  add: Add,
  name: Person,
  { id, sessionId }: Account,
): Promise<Things> {
  const owner = { user_id: id };
  const person = await add("face_profiles", name, ["person_id"], { ...owner, name: "Mia" });
  const { video, scene } = await addVideo(add, name, owner, person);
  const bareVideo = await addBareVideo(add, name, owner);
  const bareScene = await add("scenes", name, ["scene_id"], {
    video_id: video,
    start_s: 1,
    end_s: 2,
  });
  await add("audit_events", name, ["event_id"], { ...owner, event_type: "login" });
  await add("user_analytics", name, ["event_id"], { ...owner, event_type: "login" });
  await add("rate_limits", name, ["limit_id"], {
    ...owner,
    resource: "matrix",
    window_start: new Date(),
    expires_at: new Date(Date.now() + 3_600_000),
  });
  await add("consents", name, ["consent_id"], {
    ...owner,
    kind: "face",
    text_version: "1",
    granted_at: new Date(),
  });
  const [job] = await sql.unsafe(
    "insert into private.exports (user_id, state) values ($1, 'cancelled') returning export_id",
    [id],
  );
  return {
    user: id,
    session: sessionId,
    video,
    scene,
    person,
    bareVideo,
    bareScene,
    export: String(job?.["export_id"]),
  };
}

interface Owners {
  user_id?: string;
  organization_id?: string;
}

async function addVideo(add: Add, label: Label, owners: Owners, person: string) {
  const video = await addBareVideo(add, label, owners);
  await add("video_metadata", label, ["video_id"], { video_id: video, title: "Old" });
  await add("jobs", label, ["job_id"], { video_id: video, stage: "commit", state: "cancelled" });
  const scene = await add("scenes", label, ["scene_id"], {
    video_id: video,
    start_s: 0,
    end_s: 1,
    transcript: "Harbour",
  });
  await add("scene_people", label, ["scene_id", "person_id"], {
    scene_id: scene,
    person_id: person,
    confidence: 1,
    frame_count: 1,
  });
  return { video, scene };
}

function addBareVideo(add: Add, label: Label, owners: Owners): Promise<string> {
  return add("videos", label, ["video_id"], {
    ...owners,
    storage_key: `matrix/${crypto.randomUUID()}.mp4`,
    mime_type: "video/mp4",
    size_bytes: 1,
  });
}

function listObjects(accounts: Accounts, organisation: string): StoredKey[] {
  return Object.entries(buckets).flatMap(([bucket, kinds]) =>
    Object.entries(kinds).flatMap(([kind, { path }]) => {
      const owners: readonly Person[] = path.includes("{user}") ? people : ["owner"];
      return owners.map((owner) => ({
        bucket,
        kind,
        owner,
        path: path.replace("{user}", accounts[owner].id).replace("{organisation}", organisation),
      }));
    })
  );
}

import type { Transaction } from "../../database/doors.ts";
import { ObjectExistsError } from "../../storage/object-store.ts";
import { IncompleteErasureError } from "../errors.ts";
import type { Scope } from "../manifest-rules.ts";
import type { ErasureRun, StepOutcome } from "../run.ts";
import { below } from "../stored-objects.ts";

/** Videos whose objects are moved between two signs of life. */
const videosAtATime = 20;

/** Rows whose owner changes in one transaction: each rewrites all index entries of the row. */
const rowsAtATime = 1000;

/** Moves under way at the same time. */
const movesAtATime = 8;

interface KeptVideo {
  video_id: string;
  organization_id: string;
  storage_key: string;
}

/**
 * Leaves the videos of an organization to it: their objects move under the organization's folder,
 * then their rows name the user no more. An organization that goes with this user gives videos of
 * other uploaders back to them.
 * @throws AppError storage_unavailable; IncompleteErasureError when Storage says that it moved an
 * object and did not. A later run takes up with the videos that are left.
 */
export async function handOverVideos(run: ErasureRun): Promise<StepOutcome> {
  if (run.job.kind === "person") return "done";
  await releaseVideos(run);
  for (;;) {
    const videos = await run.page(async (sql, scope) => ({ value: await readKept(sql, scope) }));
    if (videos.length === 0) break;
    for (const video of videos) {
      await moveObjects(run, video);
      await run.page(async (sql, { userId }) => ({ value: await giveAway(sql, userId, video) }));
    }
  }
  await carryDownOwners(run);
  return "done";
}

/** Videos whose deletion was asked for are the user's alone; those of others go back to them. */
async function releaseVideos(run: ErasureRun): Promise<void> {
  for (let count = 1; count > 0;) {
    count = await run.page(async (sql, { userId, going }) => {
      await leaveRowsToPages(sql);
      const released = await sql`
        update public.videos set organization_id = null where video_id in (
          select video_id from public.videos
          where organization_id is not null and (
            (user_id = ${userId} and deleted_at is not null)
            or (organization_id = any(${[...going]}::uuid[]) and user_id <> ${userId}))
          limit ${rowsAtATime})`;
      return { value: released.count };
    });
  }
}

async function readKept(sql: Transaction, { userId, going }: Scope): Promise<KeptVideo[]> {
  return [
    ...await sql<KeptVideo[]>`
      select video_id, organization_id, storage_key from public.videos
      where user_id = ${userId} and organization_id is not null
        and organization_id <> all(${[...going]}::uuid[])
      order by video_id limit ${videosAtATime}`,
  ];
}

async function moveObjects(run: ErasureRun, video: KeptVideo): Promise<void> {
  const { objects } = run.ctx;
  const { userId } = run;
  const { video_id: videoId, organization_id: organizationId } = video;
  const moveTo = async (bucket: string, key: string) => {
    try {
      await objects.move(bucket, key, toOrganizationKey(key, { userId, organizationId }));
    } catch (error) {
      if (!(error instanceof ObjectExistsError)) throw error;
      // Moved before this run; what lies here came later by an upload URL that still worked.
      await objects.remove(bucket, [key]);
    }
  };
  if (video.storage_key.startsWith(`videos/${userId}/`)) {
    await moveTo("uploads", video.storage_key);
  }
  await moveTo("sidecars", `${userId}/${videoId}.json`);
  const prefix = `${userId}/${videoId}/`;
  for (let previous = "";;) {
    const page = await objects.list("thumbnails", { prefix });
    if (page.objects.length === 0) break;
    const keys = page.objects.map(({ key }) => key);
    const seen = keys.join();
    if (seen === previous) throw notMoved();
    previous = seen;
    for (let start = 0; start < keys.length; start += movesAtATime) {
      const some = keys.slice(start, start + movesAtATime);
      await Promise.all(some.map((key) => moveTo("thumbnails", key)));
      await run.save({});
    }
  }
}

function toOrganizationKey(
  key: string,
  o: { userId: string; organizationId: string },
): string {
  const rest = key.replace(/^videos\//, "").slice(o.userId.length + 1);
  return `organizations/${o.organizationId}/${rest}`;
}

async function giveAway(
  sql: Transaction,
  userId: string,
  { video_id, organization_id, storage_key }: KeptVideo,
): Promise<void> {
  const key = storage_key.startsWith(`videos/${userId}/`)
    ? toOrganizationKey(storage_key, { userId, organizationId: organization_id })
    : storage_key;
  await requireMoved(sql, userId, { video_id, storage_key });
  await leaveRowsToPages(sql);
  await sql`
    update public.videos set user_id = null, storage_key = ${key}, idempotency_key = null,
      idempotency_digest = null,
      error_text = case when strpos(error_text, ${userId}) = 0 then error_text end
    where video_id = ${video_id} and user_id = ${userId}`;
}

/** What still lies under the user's folders would be erased with them. */
async function requireMoved(
  sql: Transaction,
  userId: string,
  { video_id, storage_key }: Pick<KeptVideo, "video_id" | "storage_key">,
): Promise<void> {
  const thumbnails = below(sql, `${userId}/${video_id}/`);
  const [row] = await sql<{ left: boolean }[]>`
    select exists (
      select from storage.objects as o
      where (o.bucket_id = 'uploads' and o.name = ${storage_key}
          and starts_with(o.name, ${`videos/${userId}/`}))
        or (o.bucket_id = 'sidecars' and o.name = ${`${userId}/${video_id}.json`})
        or (o.bucket_id = 'thumbnails' and ${thumbnails})) as left`;
  if (row?.left) throw notMoved();
}

function notMoved(): IncompleteErasureError {
  return new IncompleteErasureError("Storage did not move what an organization keeps");
}

/** The trigger would change all rows of a video in one transaction; `carryDownOwners` pages. */
async function leaveRowsToPages(sql: Transaction): Promise<void> {
  await sql`select set_config('heimdex.owner_by_pages', 'on', true)`;
}

/** The columns that hold keys or addresses with the user's id in them. */
const rewritten: Record<string, readonly string[]> = {
  scenes: ["thumbnail_key", "sidecar_key"],
  video_metadata: ["thumbnail_url"],
  jobs: [],
};

/** Notes of the server, which go when they name the user. */
const cleared: Record<string, readonly string[]> = { jobs: ["error_text", "metadata"] };

async function carryDownOwners(run: ErasureRun): Promise<void> {
  for (const [table, keys] of Object.entries(rewritten)) {
    await everyPage(run, (sql, scope) => carryDown(sql, scope, { table, keys }));
  }
  await everyPage(run, carryDownLinks);
}

async function everyPage(
  run: ErasureRun,
  work: (sql: Transaction, scope: Scope) => Promise<number>,
): Promise<void> {
  for (let count = 1; count > 0;) {
    count = await run.page(async (sql, scope) => ({ value: await work(sql, scope) }));
  }
}

/** Rows that still name this user, or an organization that goes, while their parent does not. */
function changedOwner(sql: Transaction, { userId, going }: Scope) {
  const concerned = going.length === 0
    ? sql`t.user_id = ${userId}`
    : sql`(t.user_id = ${userId} or t.organization_id = any(${[...going]}::uuid[]))`;
  return sql`${concerned} and t.organization_id is not null
    and (t.user_id, t.organization_id) is distinct from (v.user_id, v.organization_id)`;
}

async function carryDown(
  sql: Transaction,
  scope: Scope,
  { table, keys }: { table: string; keys: readonly string[] },
): Promise<number> {
  const name = sql(`public.${table}`);
  const assignments = keys.map((key) => {
    const column = sql(key);
    const moved = sql`'organizations/' || v.organization_id
      || substr(t.${column}, ${scope.userId.length + 1})`;
    return sql`, ${column} = case
      when v.user_id is not null or strpos(t.${column}, ${scope.userId}) = 0 then t.${column}
      when starts_with(t.${column}, ${`${scope.userId}/`}) then ${moved} end`;
  });
  const clearances = (cleared[table] ?? []).map((note) =>
    sql`, ${sql(note)} = case
      when strpos(t.${sql(note)}::text, ${scope.userId}) = 0 then t.${sql(note)} end`
  );
  const rewrite = [...assignments, ...clearances].reduce((all, one) => sql`${all} ${one}`, sql``);
  // The trigger of the row copies both owner columns from the video, whatever is written here.
  const { count } = await sql`
    update ${name} as t set user_id = v.user_id ${rewrite}
    from public.videos as v
    where v.video_id = t.video_id and t.ctid = any(array(
      select t.ctid from ${name} as t inner join public.videos as v on v.video_id = t.video_id
      where ${changedOwner(sql, scope)} limit ${rowsAtATime}))`;
  return count;
}

async function carryDownLinks(sql: Transaction, scope: Scope): Promise<number> {
  const { count } = await sql`
    update public.scene_people as t set user_id = v.user_id
    from public.scenes as v
    where v.scene_id = t.scene_id and t.ctid = any(array(
      select t.ctid from public.scene_people as t
      inner join public.scenes as v on v.scene_id = t.scene_id
      where ${changedOwner(sql, scope)} limit ${rowsAtATime}))`;
  return count;
}

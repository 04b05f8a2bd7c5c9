import type { Transaction } from "../../database/doors.ts";
import { type ListedObject, removeChunkSize } from "../../storage/object-store.ts";
import { type ObjectKey, removeObjects } from "../../storage/remove-objects.ts";
import { IncompleteErasureError } from "../errors.ts";
import { manifest } from "../manifest.ts";
import { ownedBy, sizeOf } from "../stored-objects.ts";
import type { ErasureRun, StepOutcome } from "../run.ts";

/** Pages in a row of which Storage kept every object although it said it removed them. */
const patience = 3;

/**
 * Removes the collected objects, then whatever Storage still lists under the user's folders, until
 * two listings in a row are empty, then what it says the user owns.
 * @throws AppError storage_unavailable; IncompleteErasureError when Storage removes nothing any
 * more. What was removed until then stays removed.
 */
export async function removeStoredObjects(run: ErasureRun): Promise<StepOutcome> {
  await removeCollected(run);
  const folders = await run.page((_sql, scope) => {
    const value = manifest.buckets.flatMap(({ name: bucket, prefixes }) =>
      prefixes(scope).map((prefix) => ({ bucket, prefix }))
    );
    return { value };
  });
  for (const folder of await leaveOutEmpty(run, folders)) await emptyFolder(run, folder);
  if (run.job.kind === "user") await removeOwned(run);
  return "done";
}

async function removeCollected(run: ErasureRun): Promise<void> {
  const { erasureId } = run.job;
  for (;;) {
    const keys = await run.page(async (sql) => ({ value: await readWaiting(sql, erasureId) }));
    if (keys.length === 0) return;
    await removeObjects(run.ctx.objects, keys);
    await run.page(async (sql) => ({ value: await markRemoved(sql, run, keys) }));
  }
}

async function readWaiting(sql: Transaction, erasureId: string): Promise<ObjectKey[]> {
  return [
    ...await sql<ObjectKey[]>`
      select bucket, key from private.erasure_objects
      where erasure_id = ${erasureId} and removed_at is null
      order by bucket, key limit ${removeChunkSize}`,
  ];
}

async function markRemoved(
  sql: Transaction,
  run: ErasureRun,
  keys: readonly ObjectKey[],
): Promise<void> {
  await sql`
    update private.erasure_objects as e set removed_at = ${run.ctx.now()}
    from unnest(
      ${keys.map(({ bucket }) => bucket)}::text[], ${keys.map(({ key }) => key)}::text[]
    ) as gone (bucket, key)
    where e.erasure_id = ${run.job.erasureId} and e.bucket = gone.bucket and e.key = gone.key`;
}

interface Folder {
  bucket: string;
  prefix: string;
}

/** Most folders are empty by now: two listings of all of them, side by side, say which. */
async function leaveOutEmpty(run: ErasureRun, folders: readonly Folder[]): Promise<Folder[]> {
  const listAll = () =>
    Promise.all(
      folders.map(({ bucket, prefix }) => run.ctx.objects.list(bucket, { prefix, limit: 1 })),
    );
  const rounds = [await listAll(), await listAll()];
  return folders.filter((_, index) => rounds.some((pages) => pages[index]?.objects.length !== 0));
}

async function emptyFolder(run: ErasureRun, { bucket, prefix }: Folder): Promise<void> {
  let kept = 0;
  let previous = "";
  for (let empty = 0; empty < 2;) {
    const { objects } = await run.ctx.objects.list(bucket, { prefix });
    empty = objects.length === 0 ? empty + 1 : 0;
    const seen = JSON.stringify(objects);
    kept = seen === previous && objects.length > 0 ? kept + 1 : 0;
    if (kept === patience) throw new IncompleteErasureError(`Storage keeps objects in ${bucket}`);
    previous = seen;
    if (objects.length > 0) await removeListed(run, bucket, objects);
  }
}

/** Listed objects are written down first: they count among what the erasure removed. */
async function removeListed(
  run: ErasureRun,
  bucket: string,
  objects: readonly ListedObject[],
): Promise<void> {
  await run.page(async (sql) => {
    await sql`
      insert into private.erasure_objects (erasure_id, bucket, key, reason, bytes)
      select ${run.job.erasureId}::uuid, ${bucket}, key, 'prefix', bytes from unnest(
        ${objects.map(({ key }) => key)}::text[], ${objects.map(({ size }) => size)}::bigint[]
      ) as listed (key, bytes)
      on conflict (erasure_id, bucket, key) do update set removed_at = null`;
    return { value: undefined };
  });
  await removeCollected(run);
}

async function removeOwned(run: ErasureRun): Promise<void> {
  const { erasureId } = run.job;
  const buckets = manifest.buckets
    .filter(({ disposition }) => disposition === "erase").map(({ name }) => name);
  await run.page(async (sql, scope) => {
    await sql`
      insert into private.erasure_objects (erasure_id, bucket, key, reason, bytes)
      select ${erasureId}::uuid, o.bucket_id, o.name, 'owner', ${sizeOf(sql)}
      from storage.objects as o
      where o.bucket_id = any(${buckets}::text[]) and ${ownedBy(sql, scope)}
      on conflict (erasure_id, bucket, key) do update set removed_at = null`;
    return { value: undefined };
  });
  await removeCollected(run);
}

import type { Database } from "../database/doors.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { type ObjectKey, removeObjects } from "../storage/remove-objects.ts";

/** What the removal of objects works with. */
export interface StaleObjectsContext {
  readonly database: Pick<Database, "asService">;
  readonly objects: Pick<ObjectStore, "remove">;
}

/** Objects removed at a time; the others wait for the next drain. */
const mostObjects = 1000;

/**
 * Removes thumbnails and sidecars that no scene names any more: of one video, or those that wait
 * longest. They stand in private.stale_objects since the transaction that replaced their scenes, so
 * a process that dies here leaves them to the next drain. Answers how many there were.
 * @throws AppError storage_unavailable, database_unavailable
 */
export async function removeStaleObjects(
  { database, objects }: StaleObjectsContext,
  { videoId }: { videoId?: string } = {},
): Promise<number> {
  const keys = await database.asService(async (sql) => [
    ...await sql<ObjectKey[]>`
      select bucket, key from private.stale_objects
      ${videoId === undefined ? sql`` : sql`where video_id = ${videoId}`}
      order by queued_at limit ${mostObjects}`,
  ]);
  if (keys.length === 0) return 0;
  await removeObjects(objects, keys);
  await database.asService((sql) =>
    sql`
      delete from private.stale_objects as o
      using jsonb_to_recordset(${sql.json([...keys.map(({ bucket, key }) => ({ bucket, key }))])})
        as gone (bucket text, key text)
      where o.bucket = gone.bucket and o.key = gone.key`
  );
  return keys.length;
}

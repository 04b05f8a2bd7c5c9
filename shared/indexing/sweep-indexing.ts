import { removeStaleObjects, type StaleObjectsContext } from "./stale-objects.ts";

/** Jobs and revisions one sweep ends; the others wait for the next drain. */
const mostRows = 100;

/**
 * Ends what workers left behind: jobs whose fifth attempt ran out, revisions that nobody completed
 * within a day, objects that no scene names any more.
 * @throws AppError database_unavailable, storage_unavailable; the next sweep goes on
 */
export async function sweepIndexing(context: StaleObjectsContext): Promise<void> {
  await context.database.asService((sql) => sql`select private.fail_exhausted_jobs(${mostRows})`);
  await context.database.asService((sql) => sql`select private.sweep_scene_revisions(${mostRows})`);
  await removeStaleObjects(context);
}

import type { LegacyContext } from "../../shared/legacy/context.ts";
import type { CutoverContext } from "../../shared/legacy/cutover/cutover.ts";
import type { ObjectReport } from "../../shared/legacy/objects/move-objects.ts";
import { isPooler } from "../../shared/database/connection.ts";
import { createObjectStore } from "../../shared/storage/object-store.ts";
import { type CliContext, CliError, exitCodes } from "../context.ts";
import { databaseUrl } from "../database.ts";
import { toTable } from "../output.ts";

/** Storage copies a video of a gigabyte in one request. */
const copyTimeoutMs = 300_000;

/** What cutover and rollback work with. Throws: CliError (usage) for the URL of a pooler. */
export function createMoveContext(context: CliContext, legacy: LegacyContext): CutoverContext {
  const { sql, source, deps, now } = legacy;
  assertDirect(context);
  return {
    sql,
    source,
    objects: createObjectStore(deps.env, { timeoutMs: copyTimeoutMs }),
    erasuresPerHour: deps.env.erasuresPerHour,
    now,
  };
}

/**
 * The lock that load, export, cutover, rollback and purge share is one of the session, which a
 * transaction pooler does not keep. Throws: CliError (usage) for the URL of one.
 */
export function assertDirect(context: CliContext): void {
  if (!isPooler(databaseUrl(context))) return;
  throw new CliError(
    exitCodes.usage,
    "DATABASE_URL leads through a transaction pooler: give the direct connection, port 5432",
  );
}

/** Objects as the `--json` of these commands writes them. */
export function toObjects({ moved, missing, failed }: ObjectReport) {
  return { moved, missing, failed };
}

/** Objects as these commands tell a person of them. */
export function describeObjects({ moved, missing, failed }: ObjectReport): string[] {
  return [
    `Objects moved: ${moved}`,
    ...missing > 0 ? [`Objects that rows name and Storage does not have: ${missing}`] : [],
    ...failed.length > 0
      ? [`Objects that stay where they are: ${failed.length}`, toTable(failed.map(toRow), "")]
      : [],
  ];
}

function toRow({ bucket, key, reason }: ObjectReport["failed"][number]) {
  return { bucket, key, reason };
}

import type { LegacyContext } from "../context.ts";
import { withMoveLock } from "../cutover/lock.ts";
import { LegacyError } from "../errors.ts";
import { diskFull, explainLoadFailure } from "./failures.ts";
import {
  type BucketPair,
  loadObjects,
  type ObjectsOptions,
  type ObjectsReport,
} from "./load-objects.ts";
import { loadRows, type RowsReport } from "./load-rows.ts";
import type { S3Settings } from "./s3.ts";
import { dropStage } from "./stage.ts";

/** How far a load is. */
export interface LoadProgress {
  /** Rows of the tables that are copied, or bytes of the objects. */
  unit: "rows" | "bytes";
  done: number;
  total: number;
}

/** What to load. */
export interface LoadOptions {
  /** The legacy object store; without it no object is loaded. */
  s3?: S3Settings;
  buckets: readonly BucketPair[];
  /** Objects at a time; default 4. */
  concurrency?: number;
  /** Takes what a legacy system that is still in use had at one moment. */
  live: boolean;
  onProgress(progress: LoadProgress): void;
}

/** What a load came to. */
export interface LoadReport {
  /** Null when the legacy tables lie in the project's database already. */
  rows: RowsReport | null;
  /** Null when no object store was named. */
  objects: ObjectsReport | null;
}

/**
 * Brings a legacy system of its own into the project: its rows into the tables of `public`, its
 * objects into Storage. Both may be run again at any time, also after a run that was killed: what is
 * the same stays, what changed is copied, what is gone in the legacy system goes. Rows and objects
 * that did not come by load are never touched, and users and people erased in the project are not
 * brought back.
 *
 * Wants a source that `checkLegacySource` has passed.
 * @throws LegacyError, refused while another command of the move is at work; then each table is as it was, and objects that were loaded stay
 */
export async function loadLegacy(
  context: LegacyContext,
  options: LoadOptions,
): Promise<LoadReport> {
  return await withMoveLock(context.sql, async () => {
    try {
      const rows = context.source.separate ? await loadAllRows(context, options) : null;
      const objects = options.s3 === undefined
        ? null
        : await loadObjects(context, toObjectsOptions(options, options.s3));
      await dropStage(context.sql);
      return { rows, objects };
    } catch (error) {
      const explained = explainLoadFailure(error);
      // Copied rows are kept only where the next run goes on with them.
      if (!goesOn(explained)) await dropStage(context.sql).catch(() => {});
      throw explained;
    }
  });
}

function loadAllRows(context: LegacyContext, options: LoadOptions): Promise<RowsReport> {
  return loadRows(context, {
    live: options.live,
    onRows: (done, total) => options.onProgress({ unit: "rows", done, total }),
  });
}

function toObjectsOptions(
  { buckets, concurrency, onProgress }: LoadOptions,
  s3: S3Settings,
): ObjectsOptions {
  return {
    s3,
    buckets,
    onBytes: (done, total) => onProgress({ unit: "bytes", done, total }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
}

function goesOn(error: unknown): boolean {
  return error instanceof LegacyError && error.kind === "outage" && !isDiskFull(error);
}

function isDiskFull(error: LegacyError): boolean {
  return error.cause instanceof Error && Reflect.get(error.cause, "code") === diskFull;
}

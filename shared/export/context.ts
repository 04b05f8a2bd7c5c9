import type { AuthClients } from "../auth/clients.ts";
import type { Database } from "../database/doors.ts";
import type { ObjectStore } from "../storage/object-store.ts";

/** What exports work with. A `Deps` or an `ErasureContext` is one as it stands. */
export interface ExportContext {
  readonly database: Pick<Database, "asService">;
  readonly objects: Pick<ObjectStore, "put" | "list" | "remove">;
  readonly auth: Pick<AuthClients, "admin">;
  now(): Date;
  log(line: Record<string, unknown>): void;
}

/** A place at which an export can be watched, or stopped by a test. */
export type ExportPoint = "claimed" | "page" | "built" | "uploaded" | "recorded";

/** How large the pieces of an export are. Tests make them small. */
export interface ExportOptions {
  /** Bytes of data, before compression, after which a zip ends and the next one begins. */
  partBytes?: number;
  /** Bytes of data after which `runDueExports` begins no part more; each part counts for 1 MB. */
  callBytes?: number;
  /** Most rows that one statement reads. */
  pageRows?: number;
  /** Bytes of text after which a page ends, so that long rows do not fill the memory. */
  pageBytes?: number;
  /** Called outside any transaction. What it throws ends the run as a failure there would. */
  onPoint?: (point: ExportPoint, exportId: string) => void | Promise<void>;
}

/**
 * A part is built, compressed and uploaded between two checkpoints, so its size bounds the memory
 * (three times itself at most) and the time a process needs to get anywhere. An edge function has
 * 2 s of CPU a call, and reading, hashing and compressing take about 50 ms a megabyte.
 */
export const defaultSizes = {
  partBytes: 12 * 1024 * 1024,
  callBytes: 12 * 1024 * 1024,
  pageRows: 5_000,
  pageBytes: 4 * 1024 * 1024,
} as const;

import type { Transaction } from "../../../shared/database/doors.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import type { ExportPart } from "../../../shared/export/store.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { buckets, downloadUrlSeconds } from "../../../shared/storage/keys.ts";
import type { Export, ExportState, OpenExport } from "./schemas.ts";

/** One export as `private.read_export` answers it. */
export interface ExportRow {
  export_id: string;
  state: ExportState;
  requested_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
  expires_at: Date | null;
  parts: ExportPart[];
  last_error: string | null;
}

/**
 * Opens an export of the caller's data or joins the open one.
 * @throws AppError rate_limited with Retry-After
 */
export async function requestExport(sql: Transaction): Promise<OpenExport> {
  const [row] = await sql<
    [
      Pick<ExportRow, "export_id" | "requested_at"> & {
        state: OpenExport["state"];
        retry_after_s: number | null;
      },
    ]
  >`select export_id, state, requested_at, retry_after_s from private.request_export()`;
  if (row.retry_after_s !== null) {
    throw new AppError(
      "rate_limited",
      "Three exports were completed within 24 hours, ask for the next one when Retry-After is over",
      { headers: { "retry-after": String(row.retry_after_s) } },
    );
  }
  const { export_id, state, requested_at } = row;
  return { export_id, state, requested_at: requested_at.toISOString() };
}

/**
 * One export of the caller.
 * @throws AppError export_not_found
 */
export async function readExport(sql: Transaction, exportId: string): Promise<ExportRow> {
  const [row] = await sql<[ExportRow]>`
    select export_id, state, requested_at, started_at, finished_at, expires_at, parts, last_error
    from private.read_export(${exportId})`;
  return row;
}

/** Wire shape of an export, with download URLs once it is completed. */
export async function signExport({ objects, now }: Deps, row: ExportRow): Promise<Export> {
  const left = row.expires_at ? (row.expires_at.getTime() - now().getTime()) / 1000 : 0;
  const seconds = Math.min(downloadUrlSeconds, Math.floor(left));
  const isReady = row.state === "completed" && seconds > 0;
  return {
    export_id: row.export_id,
    state: row.state === "completed" && !isReady ? "expired" : row.state,
    requested_at: row.requested_at.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    finished_at: row.finished_at?.toISOString() ?? null,
    expires_at: row.expires_at?.toISOString() ?? null,
    reason: row.state === "failed" ? row.last_error : null,
    files: isReady ? await signFiles(objects, row.parts, seconds, now()) : [],
  };
}

async function signFiles(
  objects: Deps["objects"],
  parts: ExportPart[],
  seconds: number,
  now: Date,
): Promise<Export["files"]> {
  const keys = parts.map((part) => part.key);
  const urls = await objects.signDownloads(buckets.exports, keys, seconds);
  const expiresAt = new Date(now.getTime() + seconds * 1000).toISOString();
  return parts.map(({ name, key, size_bytes, sha256 }) => {
    const url = urls.get(key);
    if (!url) throw new Error("A zip of a completed export is not in bucket exports");
    return { name, size_bytes, sha256, url, expires_at: expiresAt };
  });
}

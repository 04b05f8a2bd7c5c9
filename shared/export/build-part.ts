import { createHash } from "node:crypto";
import { exportFileName, exportPrefix } from "../storage/keys.ts";
import type { ExportContext } from "./context.ts";
import { readAuthProfile } from "./profile.ts";
import { readmeText } from "./readme-text.ts";
import { type Page, type PageSize, readSources, type Source, start } from "./sources.ts";
import {
  type Checkpoint,
  type ClaimedExport,
  type ExportedFile,
  type ExportPart,
  holdLease,
  UserGone,
} from "./store.ts";
import { ZipPart } from "./zip-part.ts";

/** How large a part and its pages become. */
export interface PartSizes extends PageSize {
  partBytes: number;
}

/** A part that is not uploaded yet. */
export interface BuiltPart {
  /** Parts that are recorded and stay; none when the export begins anew. */
  earlier: ExportPart[];
  part: ExportPart;
  bytes: Uint8Array<ArrayBuffer>;
  /** Bytes that went in, before compression. */
  taken: number;
  /** Where the next part begins; absent after the last one. */
  checkpoint?: Checkpoint;
}

/**
 * Builds the next part of an export in memory, from its checkpoint until `partBytes` are in it or
 * nothing is left. Each page is a transaction of its own that renews the lease.
 * @throws LeaseLost, UserGone; AppError auth_unavailable, database_unavailable
 */
export async function buildPart(
  context: ExportContext,
  job: ClaimedExport,
  sizes: PartSizes,
  onPage: () => void | Promise<void>,
): Promise<BuiltPart> {
  const sources = await context.database.asService((sql) => readSources(sql));
  const at = findStart(job, sources);
  const number = at.earlier.length + 1;
  const zip = new ZipPart(job.requestedAt);
  const files = [...at.files];
  const add = (file: Omit<ExportedFile, "part">) => files.push({ ...file, part: number });
  if (number === 1) await addIntroduction(context, job, zip, add);

  const rest = await fill(context, job, sizes, { zip, add, sources, at, onPage });
  if (!rest) zip.add("manifest.json", manifestText(job, context.now(), files));
  const bytes = zip.end();
  return {
    earlier: at.earlier,
    part: describePart(job, number, bytes),
    bytes,
    taken: zip.taken,
    ...(rest ? { checkpoint: { ...rest, files } } : {}),
  };
}

type Place = Omit<Checkpoint, "files">;

interface Filling {
  zip: ZipPart;
  add(file: Omit<ExportedFile, "part">): void;
  sources: Source[];
  at: Place;
  onPage(): void | Promise<void>;
}

/** Writes pages until the part is full, and gives the place to go on from, or undefined. */
async function fill(
  context: ExportContext,
  job: ClaimedExport,
  sizes: PartSizes,
  { zip, add, sources, at, onPage }: Filling,
): Promise<Place | undefined> {
  const first = sources.findIndex((source) => source.name === at.source);
  let { at: position, chunk } = at;
  for (const [i, source] of sources.entries()) {
    if (i < first) continue;
    zip.begin(chunk === 1 ? `${source.name}.ndjson` : `${source.name}-${chunk}.ndjson`);
    for (;;) {
      const page = await readOwnPage(context, job, (sql) => source.read(sql, job, position, sizes));
      zip.write(page.text, page.rows);
      await onPage();
      if (!page.next) break;
      position = page.next;
      if (zip.taken < sizes.partBytes) continue;
      add(zip.finish());
      return { source: source.name, at: position, chunk: chunk + 1 };
    }
    add(zip.finish());
    [position, chunk] = [start, 1];
    const next = sources[i + 1];
    if (next && zip.taken >= sizes.partBytes) return { source: next.name, at: start, chunk: 1 };
  }
  return undefined;
}

function readOwnPage(
  { database, now }: ExportContext,
  job: ClaimedExport,
  read: (sql: Parameters<Source["read"]>[0]) => Promise<Page>,
): Promise<Page> {
  return database.asService(async (sql) => {
    await holdLease(sql, now(), job);
    return await read(sql);
  });
}

/** A checkpoint of a release with other tables cannot be gone on from: the export begins anew. */
function findStart(
  { checkpoint, parts }: ClaimedExport,
  sources: Source[],
): Checkpoint & { earlier: ExportPart[] } {
  if (checkpoint && sources.some((source) => source.name === checkpoint.source)) {
    return { ...checkpoint, earlier: parts };
  }
  return { source: sources[0]?.name ?? "", at: start, chunk: 1, files: [], earlier: [] };
}

async function addIntroduction(
  context: ExportContext,
  job: ClaimedExport,
  zip: ZipPart,
  add: (file: Omit<ExportedFile, "part">) => void,
): Promise<void> {
  const profile = await readAuthProfile(context, job.userId);
  if (!profile) throw new UserGone("The user of the export is gone");
  add(zip.add("README.txt", readmeText(job)));
  add(zip.add("profile.json", `${JSON.stringify(profile, null, 2)}\n`));
}

function manifestText(
  { exportId, userId, requestedAt }: ClaimedExport,
  now: Date,
  files: ExportedFile[],
): string {
  const content = {
    format: "heimdex-export",
    version: 1,
    export_id: exportId,
    user_id: userId,
    requested_at: requestedAt.toISOString(),
    finished_at: now.toISOString(),
    files: files.map((file) => ({
      name: file.name,
      zip: exportFileName(file.part),
      rows: file.rows,
      size_bytes: file.size_bytes,
      sha256: file.sha256,
    })),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function describePart(
  { userId, exportId }: ClaimedExport,
  number: number,
  bytes: Uint8Array,
): ExportPart {
  const name = exportFileName(number);
  return {
    name,
    key: exportPrefix(userId, exportId) + name,
    size_bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
}

import { createHash } from "node:crypto";
import { join } from "node:path";
import { refuse } from "./errors.ts";

export interface StoredFile {
  size: number;
  /** Quoted MD5, as S3 gives it for an object uploaded in one piece. */
  eTag: string;
}

/** An object's bytes lie in a file named after its version, never after its key. */
export interface FileAddress {
  bucket: string;
  version: string;
}

export interface FileStore {
  /** Writes a stream to a temporary file; more than `limit` bytes are refused with 413. */
  receive(
    body: AsyncIterable<Uint8Array>,
    limit: number | null,
  ): Promise<StoredFile & { temporary: string }>;
  /** Gives a received file its place. */
  place(temporary: string, address: FileAddress): Promise<void>;
  discard(temporary: string): Promise<void>;
  /** A second name for the same bytes, which never change. */
  link(from: FileAddress, to: FileAddress): Promise<void>;
  open(address: FileAddress): Promise<Deno.FsFile | null>;
  remove(address: FileAddress): Promise<void>;
  /** Every stored version, for the sweep at start. */
  list(): AsyncIterable<FileAddress>;
}

const incomingFolder = ".incoming";

export async function openFileStore(root: string): Promise<FileStore> {
  const incoming = join(root, incomingFolder);
  // What lies here belongs to uploads that a killed run never finished.
  await Deno.remove(incoming, { recursive: true }).catch(ignoreMissing);
  await Deno.mkdir(incoming, { recursive: true, mode: 0o700 });

  const folderOf = ({ bucket, version }: FileAddress) =>
    join(root, toFolderName(bucket), version.slice(0, 2));
  const pathOf = (address: FileAddress) => join(folderOf(address), address.version);

  async function receive(body: AsyncIterable<Uint8Array>, limit: number | null) {
    const temporary = join(incoming, crypto.randomUUID());
    const file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
    try {
      return { ...await copyTo(file, body, limit), temporary };
    } catch (error) {
      await removeIfThere(temporary);
      throw error;
    } finally {
      file.close();
    }
  }

  return {
    receive,
    place: async (temporary, address) => {
      await Deno.mkdir(folderOf(address), { recursive: true, mode: 0o700 });
      await Deno.rename(temporary, pathOf(address));
    },
    discard: (temporary) => removeIfThere(temporary),
    link: async (from, to) => {
      await Deno.mkdir(folderOf(to), { recursive: true, mode: 0o700 });
      await Deno.link(pathOf(from), pathOf(to));
    },
    open: (address) => Deno.open(pathOf(address)).catch(ignoreMissing),
    remove: (address) => removeIfThere(pathOf(address)),
    list: () => listFiles(root),
  };
}

async function copyTo(
  file: Deno.FsFile,
  body: AsyncIterable<Uint8Array>,
  limit: number | null,
): Promise<StoredFile> {
  const hash = createHash("md5");
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (limit !== null && size > limit) throw refuse.tooLarge();
    hash.update(chunk);
    for (let written = 0; written < chunk.byteLength;) {
      written += await file.write(chunk.subarray(written));
    }
  }
  return { size, eTag: `"${hash.digest("hex")}"` };
}

async function* listFiles(root: string): AsyncIterable<FileAddress> {
  for await (const folder of Deno.readDir(root)) {
    if (!folder.isDirectory || folder.name === incomingFolder) continue;
    for await (const shard of Deno.readDir(join(root, folder.name))) {
      for await (const file of Deno.readDir(join(root, folder.name, shard.name))) {
        yield { bucket: toBucketName(folder.name), version: file.name };
      }
    }
  }
}

// A bucket made by SQL may have any name; a leading dot would also hide it beside .incoming.
function toFolderName(bucket: string): string {
  return encodeURIComponent(bucket).replace(/^\./, "%2E");
}

function toBucketName(folder: string): string {
  return decodeURIComponent(folder);
}

async function removeIfThere(path: string): Promise<void> {
  await Deno.remove(path).catch(ignoreMissing);
}

function ignoreMissing(error: unknown): null {
  if (error instanceof Deno.errors.NotFound) return null;
  throw error;
}

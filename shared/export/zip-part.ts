import { createHash, type Hash } from "node:crypto";
import { Zip, ZipDeflate } from "fflate";

/** One file inside a zip, as the export's manifest names it. `sha256` is hex over its bytes. */
export interface ZippedFile {
  name: string;
  rows: number;
  size_bytes: number;
  sha256: string;
}

/** Compression: a good half of the time of level 6, and texts come out about a tenth larger. */
const level = 4;

/** A zip that grows in memory while pages go in; only compressed bytes are kept. */
export class ZipPart {
  readonly #time: Date;
  readonly #chunks: Uint8Array[] = [];
  readonly #zip: Zip;
  #open: { entry: ZipDeflate; hash: Hash; file: ZippedFile } | undefined;
  #taken = 0;

  /** `time` is what every entry is dated, so that a part that is built again is the same. */
  constructor(time: Date) {
    this.#time = time;
    this.#zip = new Zip((error, chunk) => {
      if (error) throw error;
      this.#chunks.push(chunk);
    });
  }

  /** Bytes that went in, before compression. */
  get taken(): number {
    return this.#taken;
  }

  /** Begins a file; the one before must have ended. */
  begin(name: string): void {
    const entry = new ZipDeflate(name, { level });
    entry.mtime = this.#time;
    this.#zip.add(entry);
    this.#open = {
      entry,
      hash: createHash("sha256"),
      file: { name, rows: 0, size_bytes: 0, sha256: "" },
    };
  }

  /** Adds to the file that is open. `rows` is how many lines of data `text` holds. */
  write(text: string, rows = 0): void {
    const open = this.#requireOpen();
    const bytes = new TextEncoder().encode(text);
    open.hash.update(bytes);
    open.entry.push(bytes);
    open.file.rows += rows;
    open.file.size_bytes += bytes.length;
    this.#taken += bytes.length;
  }

  /** Ends the file that is open and says what went into it. */
  finish(): ZippedFile {
    const { entry, hash, file } = this.#requireOpen();
    entry.push(new Uint8Array(0), true);
    this.#open = undefined;
    return { ...file, sha256: hash.digest("hex") };
  }

  /** A whole file at once. */
  add(name: string, text: string): ZippedFile {
    this.begin(name);
    this.write(text);
    return this.finish();
  }

  /** Ends the zip and gives its bytes. */
  end(): Uint8Array<ArrayBuffer> {
    this.#zip.end();
    const bytes = new Uint8Array(this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of this.#chunks.splice(0)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  #requireOpen() {
    if (!this.#open) throw new Error("No file of the zip is open");
    return this.#open;
  }
}

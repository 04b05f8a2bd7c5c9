import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type postgres from "postgres";
import { readSource, SourceReadError } from "./in-transaction.ts";

/** Fewer, larger messages: a row alone would be one. */
const batchBytes = 256 * 1024;

const lineFeed = 10;

/** Both ends of one COPY, in the text format, which every version understands. */
export interface CopyRows {
  source: postgres.TransactionSql;
  /** `copy ... to stdout`. */
  from: string;
  target: postgres.TransactionSql;
  /** `copy ... from stdin`. */
  to: string;
  /** Ends the statement of a backend of the source by its number. */
  cancel(pid: number): Promise<unknown>;
  onRows(rows: number): void;
}

/**
 * Copies rows from one server to the other at the pace of the slower one; memory stays flat.
 * @throws SourceReadError when the source fails, else the error of the target
 */
export async function copyRows(o: CopyRows): Promise<void> {
  const [{ pid }] = await readSource(() =>
    o.source<[{ pid: number }]>`select pg_backend_pid() as pid`
  );
  const copy = o.target.unsafe(o.to);
  const failure = catchFailure(copy);
  const writer = await copy.writable();
  // The failure is told by the write that meets it; nobody else listens.
  writer.on("error", () => {});
  let reader: Readable | undefined;
  try {
    reader = await readSource(() => o.source.unsafe(o.from).readable());
    await pump(reader, writer, o.onRows);
    wake(reader);
  } catch (error) {
    writer.destroy(error instanceof Error ? error : new Error(String(error)));
    if (reader && !reader.destroyed) await abandon(reader, () => o.cancel(pid));
    throw error instanceof SourceReadError ? error : failure.found?.error ?? error;
  }
  writer.end();
  await Promise.race([finished(writer), failure.promise]);
}

// The driver gives the stream away before the server has answered, and from then on drops what the
// server says: of rows still on their way, and of a connection that breaks.
function catchFailure(copy: object) {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const failure: { promise: Promise<never>; found?: { error: unknown } } = { promise };
  const fail: unknown = Reflect.get(copy, "reject");
  Reflect.set(copy, "reject", (error: unknown) => {
    failure.found = { error };
    reject(error);
    if (typeof fail === "function") fail(error);
  });
  return failure;
}

async function pump(
  reader: Readable,
  writer: Writable,
  onRows: CopyRows["onRows"],
): Promise<void> {
  let batch: Uint8Array[] = [];
  let bytes = 0;
  let rows = 0;
  const flush = async () => {
    if (bytes === 0) return;
    await write(writer, Buffer.concat(batch));
    onRows(rows);
    [batch, bytes, rows] = [[], 0, 0];
  };
  for await (const chunk of readChunks(reader)) {
    batch.push(chunk);
    bytes += chunk.length;
    rows += countLines(chunk);
    if (bytes >= batchBytes) await flush();
  }
  await flush();
}

// Left open when the target fails: a destroyed reader would never take the server's last words, and
// the connection would wait for them for ever.
async function* readChunks(reader: Readable): AsyncGenerator<Buffer> {
  try {
    yield* reader.iterator({ destroyOnReturn: false });
  } catch (error) {
    throw new SourceReadError(error);
  }
}

function countLines(chunk: Buffer): number {
  let lines = 0;
  for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) lines++;
  return lines;
}

function write(writer: Writable, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    writer.once("error", reject);
    writer.write(chunk, (error) => {
      writer.off("error", reject);
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Ends the COPY at its server and reads what was under way, so that the connection is free again. */
async function abandon(reader: Readable, cancel: () => Promise<unknown>): Promise<void> {
  const ended = finished(reader).catch(() => {});
  reader.resume();
  await cancel().catch(() => {});
  await ended;
  wake(reader);
}

// The driver stops listening to the server while the reader is full, and would not begin again when
// the last rows come in that moment: the next answer would never be heard.
function wake(reader: Readable): void {
  try {
    reader._read(0);
  } catch (error) {
    // Once the connection is gone the driver has no socket; who waits for it is told by its loss.
    if (!(error instanceof TypeError)) throw error;
  }
}

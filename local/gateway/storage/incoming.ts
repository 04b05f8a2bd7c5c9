import { Readable } from "node:stream";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { refuse, StorageError } from "./errors.ts";

export interface IncomingFile {
  body: AsyncIterable<Uint8Array>;
  mimeType: string;
  cacheControl: string;
  contentEncoding: string | undefined;
  userMetadata: Record<string, unknown> | null;
  /** Resolves when the request was read to its end; rejects when it was cut short. */
  finished: Promise<void>;
}

const maxFieldBytes = 1024 * 1024;

/** The file in a request body, as a stream: a form as storage-js sends for a Blob, or the bytes. */
export async function readIncomingFile(request: Request): Promise<IncomingFile> {
  const contentType = request.headers.get("content-type") ?? "application/octet-stream";
  const file = contentType.toLowerCase().startsWith("multipart/form-data")
    ? await readForm(request, contentType)
    : readRaw(request, contentType);
  requireHeaderTexts([file.mimeType, file.cacheControl, file.contentEncoding ?? ""]);
  return file;
}

// A form's fields become headers of the download, where a line break would begin another one.
function requireHeaderTexts(texts: string[]): void {
  if (texts.every((text) => /^[\x20-\x7e]*$/.test(text))) return;
  throw refuse.invalidRequest("Type, cache control and encoding must be printable ASCII");
}

function readRaw(request: Request, contentType: string): IncomingFile {
  return {
    body: request.body ?? emptyBody(),
    mimeType: contentType,
    cacheControl: request.headers.get("cache-control") ?? "no-cache",
    contentEncoding: request.headers.get("content-encoding") ?? undefined,
    userMetadata: parseMetadata(decodeBase64(request.headers.get("x-metadata"))),
    finished: Promise.resolve(),
  };
}

async function* emptyBody(): AsyncIterable<Uint8Array> {}

// Deno's Request.formData() drops a part whose field name is empty, and that is the very name
// storage-js gives the file. It would also hold the whole upload in memory.
function readForm(request: Request, contentType: string): Promise<IncomingFile> {
  const fields = new Map<string, string>();
  const form = openForm(contentType);
  const finished = new Promise<void>((resolve, reject) => {
    form.on("finish", () => resolve());
    form.on("error", (error) => reject(refuse.invalidRequest(messageOf(error))));
  });
  finished.catch(() => {});
  return new Promise((resolve, reject) => {
    form.on("field", (name, value) => fields.set(name, value));
    form.on("file", (_name, stream, _fileName, _encoding, mimeType) => {
      // A stream that nobody reads any more must not bring the process down when it breaks.
      stream.on("error", () => {});
      form.on("error", (error) => stream.destroy(refuse.invalidRequest(messageOf(error))));
      try {
        resolve({ body: readPart(stream), mimeType, ...readFields(fields), finished });
      } catch (error) {
        stream.resume();
        reject(error);
      }
    });
    finished.then(() => reject(refuse.invalidRequest("No file provided")), reject);
    feed(request, form);
  });
}

function readFields(fields: Map<string, string>) {
  const cacheSeconds = fields.get("cacheControl");
  return {
    cacheControl: cacheSeconds === undefined ? "no-cache" : `max-age=${cacheSeconds}`,
    contentEncoding: fields.get("contentEncoding"),
    userMetadata: parseMetadata(fields.get("metadata") ?? null),
  };
}

async function* readPart(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw error instanceof StorageError ? error : refuse.invalidRequest(messageOf(error));
  }
}

function openForm(contentType: string): BusboyInstance {
  try {
    return new Busboy({
      headers: { "content-type": contentType },
      limits: { files: 1, fields: 10, fieldSize: maxFieldBytes },
    });
  } catch (error) {
    throw refuse.invalidRequest(messageOf(error));
  }
}

function feed(request: Request, form: BusboyInstance): void {
  const source = Readable.from(request.body ?? []);
  source.on("error", (error) => form.destroy(error));
  source.pipe(form);
}

function decodeBase64(text: string | null): string | null {
  if (text === null) return null;
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
  } catch {
    throw refuse.invalidRequest("Metadata must be base64 of a JSON object");
  }
}

function parseMetadata(text: string | null): Record<string, unknown> | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    throw refuse.invalidRequest("Metadata must be a JSON object");
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "The form cannot be read";
}

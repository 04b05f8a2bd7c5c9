import { UploadError } from "./errors.ts";

/** A file that is read while it is sent, such as one on disk. */
export interface FileStream {
  /** Bytes in all. */
  size: number;
  /** Media type. */
  type: string;
  name?: string;
  /** A new stream from the first byte on; asked again for each attempt. */
  stream(): ReadableStream<Uint8Array>;
}

/** What can be uploaded: a File or Blob, or something like one. */
export type FileSource = Blob | FileStream;

/** Bytes that have left and bytes in all. */
export interface Progress {
  sent: number;
  total: number;
}

/** What sends a file in place of the runtime's own fetch. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface SendOptions {
  /** Which call an UploadError names. */
  operation: string;
  contentType: string;
  fetch?: Fetch | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** As much of a browser's XMLHttpRequest as is used; the types of Node and Deno have none. */
interface Xhr {
  readonly status: number;
  readonly responseText: string;
  readonly upload: { onprogress: ((event: { loaded: number }) => void) | null };
  onload: (() => void) | null;
  onerror: (() => void) | null;
  onabort: (() => void) | null;
  onloadend: (() => void) | null;
  open(method: string, url: string): void;
  setRequestHeader(name: string, value: string): void;
  send(body: Blob): void;
  abort(): void;
}

type Runtime = { XMLHttpRequest?: new () => Xhr };

/**
 * Puts a file to a signed URL. A browser tells progress through XMLHttpRequest, which fetch has no
 * way to; everywhere else the body is a stream that counts.
 * @throws UploadError; the signal's reason once it is aborted
 */
export async function sendFile(url: string, file: FileSource, o: SendOptions): Promise<void> {
  o.signal?.throwIfAborted();
  o.onProgress?.({ sent: 0, total: file.size });
  const { XMLHttpRequest } = globalThis as Runtime;
  if (XMLHttpRequest !== undefined && file instanceof Blob && o.fetch === undefined) {
    await sendByXhr(new XMLHttpRequest(), url, file, o);
  } else {
    await sendByFetch(url, file, o);
  }
  o.onProgress?.({ sent: file.size, total: file.size });
}

function sendByXhr(xhr: Xhr, url: string, file: Blob, o: SendOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => xhr.abort();
    xhr.open("PUT", url);
    xhr.setRequestHeader("content-type", o.contentType);
    xhr.upload.onprogress = ({ loaded }) =>
      o.onProgress?.({ sent: Math.min(loaded, file.size), total: file.size });
    xhr.onload = () =>
      xhr.status < 300 ? resolve() : reject(toRefusal(o.operation, xhr.status, xhr.responseText));
    xhr.onerror = () => reject(toBreak(o.operation));
    xhr.onabort = () => reject(o.signal?.reason);
    xhr.onloadend = () => o.signal?.removeEventListener("abort", abort);
    o.signal?.addEventListener("abort", abort);
    xhr.send(file);
  });
}

async function sendByFetch(url: string, file: FileSource, o: SendOptions): Promise<void> {
  const { ok, status, text } = await put(url, file, o);
  if (!ok) throw toRefusal(o.operation, status, text);
}

/** What Storage answered, read to its end. */
interface Receipt {
  ok: boolean;
  status: number;
  text: string;
}

async function put(url: string, file: FileSource, o: SendOptions): Promise<Receipt> {
  // A service worker has no XMLHttpRequest, and its fetch streams no body over HTTP/1.1.
  const isWhole = file instanceof Blob &&
    (o.onProgress === undefined || "ServiceWorkerGlobalScope" in globalThis);
  try {
    const response = await (o.fetch ?? fetch)(url, {
      method: "PUT",
      headers: { "content-type": o.contentType },
      ...isWhole ? { body: file } : { body: countBytes(file, o.onProgress), duplex: "half" },
      ...o.signal === undefined ? {} : { signal: o.signal },
    } as RequestInit);
    return { ok: response.ok, status: response.status, text: await response.text() };
  } catch (error) {
    o.signal?.throwIfAborted();
    throw toBreak(o.operation, error);
  }
}

function countBytes(
  file: FileSource,
  onProgress: SendOptions["onProgress"],
): ReadableStream<Uint8Array> {
  let sent = 0;
  return file.stream().pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        sent += chunk.byteLength;
        controller.enqueue(chunk);
        onProgress?.({ sent, total: file.size });
      },
    }),
  );
}

function toBreak(operation: string, cause?: unknown): UploadError {
  return new UploadError(operation, "The upload broke off before Storage answered", undefined, {
    cause,
  });
}

/** Storage says the true status in the body; the HTTP status is often 400 whatever happened. */
function toRefusal(operation: string, httpStatus: number, text: string): UploadError {
  const { status, message } = readRefusal(text);
  const known = status ?? httpStatus;
  return new UploadError(
    operation,
    `Storage refused the file with status ${known}${message ? `: ${message}` : ""}`,
    known,
  );
}

function readRefusal(text: string): { status?: number; message?: string } {
  try {
    const { statusCode, message } = JSON.parse(text);
    const status = Number(statusCode);
    return {
      ...Number.isInteger(status) ? { status } : {},
      ...typeof message === "string" ? { message } : {},
    };
  } catch {
    return {};
  }
}

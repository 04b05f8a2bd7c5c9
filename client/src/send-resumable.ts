import { UploadError } from "./errors.ts";
import type { SendOptions } from "./send-file.ts";

/** Where a file may go, as upload/init and photos answer it. */
export interface Place {
  upload_url: string;
  bucket: string;
  path: string;
  token: string;
}

/** An upload that has begun and may be taken up where it broke off. */
export interface OpenUpload {
  /** Where its bytes go. */
  readonly address: string;
  readonly headers: Record<string, string>;
}

/** Supabase Storage takes chunks of exactly this size, and a last one of what is left: 6 MiB. */
export const chunkBytes = 6 * 1024 * 1024;

/** Answers in a row by which nothing was gained; a server that repeats itself would be asked for ever. */
const mostIdle = 3;

/** Endpoints that turned out not to be there. */
const missing = new Set<string>();

/**
 * Begins a resumable upload (TUS 1.0.0) with the token of a signed upload URL. Resolves to undefined
 * where Storage has none, which is asked once.
 * @throws UploadError; the signal's reason once it is aborted
 */
export async function openUpload(
  place: Place,
  file: Blob,
  o: SendOptions,
): Promise<OpenUpload | undefined> {
  const endpoint = place.upload_url.replace(
    /\/object\/upload\/sign\/.*$/,
    "/upload/resumable/sign",
  );
  if (missing.has(endpoint)) return undefined;
  const headers = { "tus-resumable": "1.0.0", "x-signature": place.token };
  const metadata = {
    bucketName: place.bucket,
    objectName: place.path,
    contentType: o.contentType,
    cacheControl: "3600",
  };
  const response = await send(endpoint, o, {
    method: "POST",
    headers: {
      ...headers,
      "upload-length": String(file.size),
      "upload-metadata": Object.entries(metadata)
        .map(([name, value]) => `${name} ${btoa(value)}`).join(","),
    },
  });
  const location = response.headers.get("location");
  if (response.status === 201 && location !== null) {
    return { address: new URL(location, endpoint).href, headers };
  }
  if (![404, 405, 501].includes(response.status)) throw toRefusal(o, response);
  missing.add(endpoint);
  return undefined;
}

/**
 * Sends what the upload still lacks, chunk by chunk.
 * @throws UploadError, with status 404 or 410 when the upload is gone; the signal's reason
 */
export async function sendChunks(upload: OpenUpload, file: Blob, o: SendOptions): Promise<void> {
  let offset = await readOffset(upload, o);
  o.onProgress?.({ sent: offset, total: file.size });
  let idle = 0;
  while (offset < file.size) {
    const response = await send(upload.address, o, {
      method: "PATCH",
      headers: {
        ...upload.headers,
        "content-type": "application/offset+octet-stream",
        "upload-offset": String(offset),
      },
      body: file.slice(offset, offset + chunkBytes),
    });
    // The server has more or less than was thought: it knows best.
    const next = response.status === 409 ? await readOffset(upload, o) : takeOffset(response, o);
    idle = next > offset ? 0 : idle + 1;
    if (idle > mostIdle) {
      throw new UploadError(o.operation, "Storage takes no more of the file", undefined);
    }
    offset = next;
    o.onProgress?.({ sent: offset, total: file.size });
  }
}

async function readOffset(upload: OpenUpload, o: SendOptions): Promise<number> {
  const { address, headers } = upload;
  return takeOffset(await send(address, o, { method: "HEAD", headers }), o);
}

function takeOffset(response: Response, o: SendOptions): number {
  const offset = Number(response.headers.get("upload-offset") ?? Number.NaN);
  if (!response.ok || !Number.isSafeInteger(offset)) throw toRefusal(o, response);
  return offset;
}

async function send(url: string, o: SendOptions, init: RequestInit): Promise<Response> {
  try {
    const response = await (o.fetch ?? fetch)(url, {
      ...init,
      ...o.signal === undefined ? {} : { signal: o.signal },
    });
    await response.body?.cancel();
    return response;
  } catch (error) {
    o.signal?.throwIfAborted();
    throw new UploadError(
      o.operation,
      "The upload broke off before Storage answered",
      undefined,
      { cause: error },
    );
  }
}

function toRefusal({ operation }: SendOptions, { status }: Response): UploadError {
  return new UploadError(operation, `Storage refused the file with status ${status}`, status);
}

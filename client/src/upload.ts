import { ConnectionError, isProblem, ProblemError, UploadError } from "./errors.ts";
import {
  type Fetch,
  type FileSource,
  type Progress,
  sendFile,
  type SendOptions,
} from "./send-file.ts";
import {
  chunkBytes,
  type OpenUpload,
  openUpload,
  type Place,
  sendChunks,
} from "./send-resumable.ts";

export interface TransferOptions {
  /** Hears of the bytes that have left; a new attempt may begin with fewer. */
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** How often the file is sent at most; 4 unless said. */
  attempts?: number | undefined;
}

/** How one kind of file goes its way. */
export interface Transfer<Answer> {
  operation: string;
  contentType: string;
  fetch?: Fetch | undefined;
  /** Asks for a place, each time a fresh one; undefined: the file has arrived already. */
  begin(): Promise<Place | undefined>;
  /** Says that the file is there. */
  complete(): Promise<Answer>;
}

const firstPauseMs = 500;
const longestPauseMs = 8_000;

/** Storage will say the same however often it is asked. */
const finalStatuses = new Set([413, 415, 422]);

/**
 * Sends a file, again after a failure, and completes it. A second attempt takes a resumable upload up
 * where it broke off and else gets a fresh URL; when the file is there it goes straight to the end.
 * @throws ProblemError, ConnectionError, UploadError; the signal's reason once it is aborted
 */
export async function transfer<Answer>(
  file: FileSource,
  way: Transfer<Answer>,
  { onProgress, signal, attempts = 4 }: TransferOptions,
): Promise<Answer> {
  const { operation, contentType, fetch } = way;
  const send = createSender(file, way, { operation, contentType, fetch, onProgress, signal });
  let arrived = false;
  for (let attempt = 1;; attempt++) {
    try {
      if (!arrived) await unlessThere(send());
      arrived = true;
      return await way.complete();
    } catch (error) {
      if (isProblem(error, "upload_missing")) arrived = false;
      if (attempt >= attempts || !isWorthAnother(error)) throw error;
    }
    await pause(Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs), signal);
  }
}

/** One attempt to send the file; it remembers an upload that can be taken up. */
function createSender<Answer>(
  file: FileSource,
  way: Transfer<Answer>,
  o: SendOptions,
): () => Promise<void> {
  let open: OpenUpload | undefined;
  return async function send() {
    if (open === undefined) {
      const place = await way.begin();
      if (place === undefined) return;
      if (file instanceof Blob && file.size > chunkBytes) open = await openUpload(place, file, o);
      if (open === undefined) return await sendFile(place.upload_url, file, o);
    }
    await takeUp(open);
  };

  async function takeUp(upload: OpenUpload): Promise<void> {
    try {
      await sendChunks(upload, file as Blob, o);
    } catch (error) {
      // Storage has answered that it will not go on with this one.
      if (error instanceof UploadError && error.status !== undefined) open = undefined;
      throw error;
    }
  }
}

/** A URL takes one file: who meets a file there has sent it in an attempt whose answer was lost. */
async function unlessThere(sending: Promise<void>): Promise<void> {
  try {
    await sending;
  } catch (error) {
    if (!(error instanceof UploadError && error.status === 409)) throw error;
  }
}

function isWorthAnother(error: unknown): boolean {
  if (error instanceof UploadError) {
    return !finalStatuses.has(error.status ?? 0);
  }
  return error instanceof ConnectionError || isProblem(error, "upload_missing") ||
    (error instanceof ProblemError && error.status === 503);
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(finish, ms);
    function finish() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    }
    signal?.addEventListener("abort", finish);
  });
}

/** What a call takes of an option that may be missing. */
export function toSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

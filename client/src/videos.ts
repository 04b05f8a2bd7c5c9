import { isProblem } from "./errors.ts";
import { Listing } from "./listing.ts";
import type { Fetch, FileSource } from "./send-file.ts";
import type {
  AnswerOf,
  BodyOf,
  Call,
  CompletedUpload,
  QueryOf,
  Scene,
  Video,
  VideoStatus,
} from "./types.ts";
import { toSignal, transfer, type TransferOptions } from "./upload.ts";

type Announcement = BodyOf<"initUpload">;

/** What an upload may say beside the file; name and type are the file's own unless said. */
export interface UploadOptions extends TransferOptions, Partial<Omit<Announcement, "size_bytes">> {
  /** The same key means the same video, also after the page was loaded anew; made unless said. */
  idempotencyKey?: string;
}

/** Without what the listing itself sends. */
type ListQuery<Q> = Omit<Q, "cursor">;

/** The caller's videos and those of the caller's organizations. */
export class VideosArea {
  readonly #call: Call;
  readonly #fetch: Fetch | undefined;

  constructor(call: Call, fetch?: Fetch) {
    this.#call = call;
    this.#fetch = fetch;
  }

  /** Videos, newest first. */
  list(query: ListQuery<QueryOf<"listVideos">> = {}): Listing<AnswerOf<"listVideos">, Video> {
    return new Listing((cursor) =>
      this.#call("listVideos", {
        query: { ...query, ...cursor === undefined ? {} : { cursor } },
      }), ({ videos }) => videos);
  }

  get(id: string): Promise<Video> {
    return this.#call("getVideo", { path: { id } });
  }

  /** How far the processing is. */
  status(id: string): Promise<VideoStatus> {
    return this.#call("getVideoStatus", { path: { id } });
  }

  /** Scenes in playing order. */
  scenes(
    id: string,
    query: ListQuery<QueryOf<"listScenes">> = {},
  ): Listing<AnswerOf<"listScenes">, Scene> {
    return new Listing((cursor) =>
      this.#call("listScenes", {
        path: { id },
        query: { ...query, ...cursor === undefined ? {} : { cursor } },
      }), ({ scenes }) => scenes);
  }

  /** Changes the named fields; null clears one. */
  update(id: string, changes: BodyOf<"updateVideo">): Promise<Video> {
    return this.#call("updateVideo", { path: { id }, body: changes });
  }

  /** Deletes the video with its file and scenes. */
  async delete(id: string): Promise<void> {
    await this.#call("deleteVideo", { path: { id } });
  }

  /** Replaces the scenes by the cues of a caption file: WebVTT, or SubRip where it has no head. */
  putCaptions(id: string, captions: string, { language }: { language?: string } = {}) {
    const isWebVtt = /^\uFEFF?WEBVTT/.test(captions);
    return this.#call("putCaptions", {
      path: { id },
      ...language === undefined ? {} : { query: { language } },
      body: captions,
      headers: {
        "content-type": isWebVtt ? "text/vtt" : "application/x-subrip",
      },
    });
  }

  /** Announces a video, sends its file, again after a failure, and hands it to processing. */
  async upload(file: FileSource, options: UploadOptions = {}): Promise<CompletedUpload> {
    const { onProgress, signal, attempts, idempotencyKey, ...said } = options;
    const body = announce(file, said);
    const headers = {
      "idempotency-key": idempotencyKey ?? makeKey(),
    };
    let videoId: string | undefined;
    const begin = async () => {
      try {
        const ticket = await this.#call("initUpload", {
          body,
          headers,
          ...toSignal(signal),
        });
        videoId = ticket.video_id;
        return ticket;
      } catch (error) {
        // An attempt whose answer was lost has brought the file there.
        if (videoId !== undefined && isProblem(error, "video_state_conflict")) {
          return undefined;
        }
        throw error;
      }
    };
    const complete = () =>
      this.#call("completeUpload", {
        body: { video_id: videoId ?? "" },
        ...toSignal(signal),
      });
    const way = {
      operation: "upload",
      contentType: body.mime_type,
      fetch: this.#fetch,
      begin,
      complete,
    };
    return await transfer(file, way, { onProgress, signal, attempts });
  }
}

/** The server decides whether it takes the type. */
function announce(file: FileSource, said: Partial<Announcement>): Announcement {
  const name = "name" in file && typeof file.name === "string" ? file.name : "video";
  return {
    filename: name,
    mime_type: file.type as Announcement["mime_type"],
    ...said,
    size_bytes: file.size,
  };
}

/** Unlike crypto.randomUUID this is there on a page without TLS, too. */
function makeKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

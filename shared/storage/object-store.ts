import * as z from "zod";
import type { StorageApiError, SupabaseClient } from "@supabase/supabase-js";
import { later } from "../later.ts";
import type { Env } from "../env.ts";
import { AppError } from "../errors/app-error.ts";
import { loadClient } from "../http/supabase-client.ts";
import { uploadUrlSeconds } from "./keys.ts";

/** What a client needs to send one file with `uploadToSignedUrl` or a plain PUT. */
export interface UploadTicket {
  /** Token for `storage.from(bucket).uploadToSignedUrl(path, token, file)`. */
  token: string;
  /** Object key inside the bucket. */
  path: string;
  /** Complete URL on the public origin, token included. */
  uploadUrl: string;
  /** Seconds the URL lives; Supabase Storage fixes it. */
  expiresIn: typeof uploadUrlSeconds;
}

/** One object as a listing names it. */
export interface ListedObject {
  /** Complete key inside the bucket. */
  key: string;
  /** Bytes. */
  size: number;
}

/** One page of a listing; `cursor` is there when more follows. */
export interface ObjectPage {
  objects: ListedObject[];
  cursor?: string;
}

/** What Storage knows of one object. */
export interface ObjectStat {
  /** Bytes. */
  size: number;
  /** Media type in lower case without parameters; empty when Storage has none. */
  contentType: string;
}

/**
 * The project's buckets, reached through the Storage API with the secret key. Every method throws
 * `AppError("storage_unavailable")` when Storage cannot be reached, is too slow or answers 5xx or
 * 429; an outage never looks like an absent object.
 */
export interface ObjectStore {
  /**
   * Signs an upload of one object. Without `upsert` an object that already stands there throws
   * {@link ObjectExistsError}.
   */
  createUploadUrl(
    bucket: string,
    key: string,
    options?: { upsert?: boolean },
  ): Promise<UploadTicket>;
  /**
   * Signs downloads in one call. `expiresIn` is in seconds. Keys without an object are left out of
   * the map.
   */
  signDownloads(bucket: string, keys: string[], expiresIn: number): Promise<Map<string, string>>;
  /** Size and type of one object, or null when it does not exist. */
  stat(bucket: string, key: string): Promise<ObjectStat | null>;
  /**
   * Stores one object. Without `upsert` an object that already stands there throws
   * {@link ObjectExistsError} and stays as it is.
   */
  put(
    bucket: string,
    key: string,
    body: Uint8Array<ArrayBuffer> | string,
    options: { contentType: string; upsert?: boolean },
  ): Promise<void>;
  /** The bytes of one small object, or null when it does not exist. */
  get(bucket: string, key: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /**
   * One page of the objects below a prefix (folders included), in the order of their keys: at most
   * `limit`, default and most 1000. Hand the page's cursor in to go on.
   */
  list(
    bucket: string,
    options?: { prefix?: string; cursor?: string | undefined; limit?: number },
  ): Promise<ObjectPage>;
  /**
   * Gives one object another key in its bucket. False when it does not exist: it was moved before,
   * or never there. An object at the new key throws {@link ObjectExistsError}.
   */
  move(bucket: string, from: string, to: string): Promise<boolean>;
  /**
   * Stores the same bytes, type and metadata a second time in the bucket, without reading them here.
   * False when there is nothing at `from`. An object at the new key throws {@link ObjectExistsError}
   * and stays as it is.
   */
  copy(bucket: string, from: string, to: string): Promise<boolean>;
  /** Removes objects, at most 1000 a call. Objects that do not exist are passed over. */
  remove(bucket: string, keys: string[]): Promise<void>;
}

/** An upload was to be signed for a key at which an object already stands. */
export class ObjectExistsError extends Error {
  override name = "ObjectExistsError";
  constructor(readonly bucket: string, readonly key: string) {
    super(`Object "${key}" already exists in bucket "${bucket}"`);
  }
}

/** Most keys that one remove call of the Storage API takes. */
export const removeChunkSize = 1000;

/** How one object store differs from the others. */
export interface ObjectStoreOptions {
  /** Milliseconds after which one request to Storage counts as failed; default 10,000. */
  timeoutMs?: number;
}

const pageSchema = later(() =>
  z.object({
    hasNext: z.boolean(),
    nextCursor: z.string().nullish(),
    objects: z.array(z.object({
      name: z.string(),
      key: z.string().optional(),
      metadata: z.object({ size: z.number().int().nonnegative().nullish() }).nullish(),
    })),
  })
);

const infoSchema = later(() =>
  z.object({
    size: z.number().int().nonnegative(),
    contentType: z.string().nullish(),
  })
);

/**
 * The object store over the Storage API at `env.supabaseUrl`. URLs handed to clients stand on
 * `env.publicUrl`. Nothing connects before the first call.
 */
export function createObjectStore(
  env: Pick<Env, "supabaseUrl" | "publicUrl" | "secretKey">,
  { timeoutMs }: ObjectStoreOptions = {},
): ObjectStore {
  let loading: Promise<SupabaseClient> | undefined;
  const storage = async () =>
    (await (loading ??= loadClient(env.supabaseUrl, env.secretKey, { timeoutMs }))).storage;

  return {
    async createUploadUrl(bucket, key, options) {
      const bucketApi = (await storage()).from(bucket);
      const { data, error } = await bucketApi.createSignedUploadUrl(key, {
        upsert: options?.upsert ?? false,
      });
      if (error) {
        if (describeFailure(error).exists) throw new ObjectExistsError(bucket, key);
        throw toAppError(error);
      }
      return {
        token: data.token,
        path: data.path,
        uploadUrl: toPublicUrl(env, data.signedUrl),
        expiresIn: uploadUrlSeconds,
      };
    },

    async signDownloads(bucket, keys, expiresIn) {
      if (keys.length === 0) return new Map();
      const { data, error } = await (await storage()).from(bucket).createSignedUrls(
        keys,
        expiresIn,
      );
      if (error) throw toAppError(error);
      return new Map(
        data.flatMap(({ path, signedUrl }) =>
          path && signedUrl ? [[path, toPublicUrl(env, signedUrl)] as const] : []
        ),
      );
    },

    async stat(bucket, key) {
      const { data, error } = await (await storage()).from(bucket).info(key);
      if (error) {
        if (describeFailure(error).missing) return null;
        throw toAppError(error);
      }
      const info = infoSchema.safeParse(data);
      // An answer without a size must not pass for an empty object: callers remove what is wrong.
      if (!info.success) throw toAppError(info.error);
      return { size: info.data.size, contentType: mediaType(info.data.contentType ?? "") };
    },

    async put(bucket, key, body, { contentType, upsert = false }) {
      const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
      const { error } = await (await storage()).from(bucket).upload(key, bytes, {
        contentType,
        upsert,
      });
      if (!error) return;
      if (describeFailure(error).exists) throw new ObjectExistsError(bucket, key);
      throw toAppError(error);
    },

    async get(bucket, key) {
      const { data, error } = await (await storage()).from(bucket).download(key);
      if (!error) return new Uint8Array(await data.arrayBuffer());
      if (describeFailure(error).missing) return null;
      throw toAppError(error);
    },

    async list(bucket, { prefix = "", cursor, limit = removeChunkSize } = {}) {
      const { data, error } = await (await storage()).from(bucket).listV2({
        prefix,
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      });
      if (error) throw toAppError(error);
      const parsed = pageSchema.safeParse(data);
      // An answer of another shape must not pass for an empty folder.
      if (!parsed.success) throw toAppError(parsed.error);
      const page = parsed.data;
      return {
        objects: page.objects.map(({ key, name, metadata }) => ({
          // Older Storage versions answer the complete key as name alone.
          key: key ?? name,
          size: metadata?.size ?? 0,
        })),
        ...(page.hasNext && page.nextCursor ? { cursor: page.nextCursor } : {}),
      };
    },

    async move(bucket, from, to) {
      const { error } = await (await storage()).from(bucket).move(from, to);
      if (!error) return true;
      const failure = describeFailure(error);
      if (failure.exists) throw new ObjectExistsError(bucket, to);
      if (failure.missing) return false;
      throw toAppError(error);
    },

    async copy(bucket, from, to) {
      const { error } = await (await storage()).from(bucket).copy(from, to);
      if (!error) return true;
      const failure = describeFailure(error);
      if (failure.exists) throw new ObjectExistsError(bucket, to);
      if (failure.missing) return false;
      throw toAppError(error);
    },

    async remove(bucket, keys) {
      const bucketApi = (await storage()).from(bucket);
      for (let start = 0; start < keys.length; start += removeChunkSize) {
        const { error } = await bucketApi.remove(keys.slice(start, start + removeChunkSize));
        // Storage passes over absent keys by itself. A 404 comes from somebody else, and taken for
        // success it would let rows go whose objects stay.
        if (error) throw toAppError(error);
      }
    },
  };
}

interface Failure {
  unavailable: boolean;
  missing: boolean;
  exists: boolean;
}

// Storage answers many errors as HTTP 400 and puts the real status into the body, which
// storage-js calls statusCode; newer versions put a code word there.
function describeFailure(error: Error & { status?: number | undefined }): Failure {
  const { status, statusCode, code } = error as Partial<StorageApiError>;
  const statuses = [status ?? NaN, Number(statusCode ?? NaN)];
  const words = [statusCode, code];
  return {
    unavailable: status === undefined || statuses.some((n) => n === 429 || n === 408 || n >= 500),
    missing: !words.includes("NoSuchBucket") &&
      (words.includes("NoSuchKey") || statuses.includes(404)),
    exists: words.includes("ResourceAlreadyExists") || words.includes("KeyAlreadyExists") ||
      statuses.includes(409),
  };
}

function toAppError(error: Error): Error {
  if (!describeFailure(error).unavailable) return error;
  return new AppError("storage_unavailable", undefined, { cause: error });
}

function toPublicUrl(env: Pick<Env, "supabaseUrl" | "publicUrl">, url: string): string {
  const from = env.supabaseUrl.replace(/\/+$/, "");
  const to = env.publicUrl.replace(/\/+$/, "");
  return url.startsWith(from) ? to + url.slice(from.length) : url;
}

function mediaType(value: string): string {
  return (value.split(";")[0] ?? "").trim().toLowerCase();
}

import { join } from "node:path";
import type { Caller, Identified, Identifier } from "../keys.ts";
import {
  createBucket,
  deleteBucket,
  emptyBucket,
  getBucket,
  listBuckets,
  updateBucket,
} from "./buckets.ts";
import type { StorageHandler, StorageParts } from "./context.ts";
import { connectStorage } from "./database.ts";
import { downloadObject, downloadPublicObject, downloadSignedObject } from "./download.ts";
import { refuse, toErrorResponse } from "./errors.ts";
import { openFileStore } from "./files.ts";
import { objectInfo, publicObjectInfo } from "./info.ts";
import { listObjectsV2 } from "./list-v2.ts";
import { listObjects } from "./list.ts";
import { copyObject, moveObject } from "./move.ts";
import { removeObject, removeObjects } from "./remove.ts";
import { signObject, signObjects } from "./sign.ts";
import { signUpload, uploadToSignedUrl } from "./signed-upload.ts";
import { sweepFiles } from "./sweep.ts";
import { createUrlSigner } from "./tokens.ts";
import { updateObject, uploadObject } from "./upload.ts";

/** `open`: the URL itself is the permission. `lenient`: without credentials the caller is anon. */
type Access = "open" | "lenient" | "caller";

interface StorageRoute {
  methods: string[];
  /** First group: bucket. Second group: key. */
  path: RegExp;
  access: Access;
  handler: StorageHandler;
}

const route = (
  methods: string,
  path: string,
  access: Access,
  handler: StorageHandler,
): StorageRoute => ({
  methods: methods.split(" "),
  path: new RegExp(`^${path.replace("{bucket}", "([^/]+)").replace("{key}", "(.+)")}$`),
  access,
  handler,
});

const notSupported = (feature: string): StorageHandler => () =>
  Promise.reject(refuse.notSupported(feature));

// The first match counts: a longer fixed part stands before the path it would also match.
const routes: StorageRoute[] = [
  route("GET", "/bucket/?", "caller", listBuckets),
  route("POST", "/bucket/?", "caller", createBucket),
  route("POST", "/bucket/{bucket}/empty", "caller", emptyBucket),
  route("GET", "/bucket/{bucket}", "caller", getBucket),
  route("PUT", "/bucket/{bucket}", "caller", updateBucket),
  route("DELETE", "/bucket/{bucket}", "caller", deleteBucket),
  route("POST", "/object/list/{bucket}", "caller", listObjects),
  route("POST", "/object/list-v2/{bucket}", "caller", listObjectsV2),
  route("POST", "/object/move", "caller", moveObject),
  route("POST", "/object/copy", "caller", copyObject),
  route("POST", "/object/upload/sign/{bucket}/{key}", "caller", signUpload),
  route("PUT", "/object/upload/sign/{bucket}/{key}", "open", uploadToSignedUrl),
  route("POST", "/object/sign/{bucket}/{key}", "caller", signObject),
  route("POST", "/object/sign/{bucket}", "caller", signObjects),
  route("GET HEAD", "/object/sign/{bucket}/{key}", "open", downloadSignedObject),
  route("GET HEAD", "/object/public/{bucket}/{key}", "open", downloadPublicObject),
  route("GET HEAD", "/object/authenticated/{bucket}/{key}", "caller", downloadObject),
  route("GET", "/object/info/public/{bucket}/{key}", "open", publicObjectInfo),
  route("GET", "/object/info/authenticated/{bucket}/{key}", "caller", objectInfo),
  route("GET", "/object/info/{bucket}/{key}", "lenient", objectInfo),
  route("GET HEAD", "/render/image/.+", "open", notSupported("Image transformation")),
  route("POST PATCH HEAD", "/upload/resumable.*", "open", notSupported("Resumable upload")),
  route("DELETE", "/object/{bucket}", "caller", removeObjects),
  route("POST", "/object/{bucket}/{key}", "caller", uploadObject),
  route("PUT", "/object/{bucket}/{key}", "caller", updateObject),
  route("GET HEAD", "/object/{bucket}/{key}", "lenient", downloadObject),
  route("DELETE", "/object/{bucket}/{key}", "caller", removeObject),
];

export interface StorageOptions {
  adminDatabaseUrl: string;
  storageDir: string;
  urlSecret: string;
  identifier: Identifier;
  log?: (line: string) => void;
}

export interface Storage {
  fetch(request: Request): Promise<Response>;
  /** Opens new connections in place of those there are. */
  renew(): void;
  close(): Promise<void>;
}

/** /storage/v1 over schema storage and a folder of files. */
export async function createStorage(options: StorageOptions): Promise<Storage> {
  const database = connectStorage(options.adminDatabaseUrl);
  // Each database has a folder of its own, or the sweep would take another one's files for orphans.
  const folder = join(options.storageDir, await database.identify());
  const parts: StorageParts = {
    database,
    files: await openFileStore(folder),
    signer: createUrlSigner(options.urlSecret),
  };
  await sweepFiles(parts);
  return {
    fetch: (request) => answer(request, parts, options),
    renew: () => parts.database.renew(),
    close: () => parts.database.close(),
  };
}

async function answer(
  request: Request,
  parts: StorageParts,
  { identifier, log = () => {} }: Pick<StorageOptions, "identifier" | "log">,
): Promise<Response> {
  try {
    const url = new URL(request.url);
    const path = url.pathname.replace(/^\/storage\/v1/, "");
    const { access, handler, bucket, key } = match(request.method, path);
    const caller = access === "open" ? anonymous : await identify(request, access, identifier);
    return await handler({
      ...parts,
      request,
      query: url.searchParams,
      bucket,
      key,
      caller,
    });
  } catch (error) {
    await drain(request);
    return toErrorResponse(error, log);
  }
}

function match(method: string, path: string) {
  for (const { methods, path: pattern, access, handler } of routes) {
    const found = methods.includes(method) ? pattern.exec(path) : null;
    if (found === null) continue;
    return { access, handler, bucket: decode(found[1] ?? ""), key: decode(found[2] ?? "") };
  }
  throw refuse.noRoute(method, path);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refuse.invalidKey(text);
  }
}

const anonymous: Caller = { role: "anon", claims: { role: "anon" } };

async function identify(
  request: Request,
  access: Access,
  identifier: Identifier,
): Promise<Caller> {
  const found: Identified | { nobody: true } = await identifier.identifyOptional(request);
  if ("caller" in found) return found.caller;
  if ("nobody" in found) {
    if (access === "lenient") return anonymous;
    throw refuse.credentialsMissing();
  }
  const { refusal } = found;
  throw refuse.invalidToken("message" in refusal ? refusal.message : "Invalid API key");
}

const drainBytes = 32 * 1024 * 1024;

// A client that is still sending sees a broken connection instead of the refusal, so a moderate
// rest is read; a larger one is cut off.
async function drain(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed) return;
  let left = drainBytes;
  try {
    for await (const chunk of request.body) {
      left -= chunk.byteLength;
      if (left < 0) return;
    }
  } catch {
    // The client is gone already; there is nobody left to answer.
  }
}

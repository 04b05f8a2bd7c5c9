import { Buffer } from "node:buffer";
import { Client } from "minio";
import type { ObjectStore } from "../../../shared/storage/object-store.ts";
import { buckets } from "../../../shared/storage/keys.ts";
import { type CliContext, CliError, exitCodes } from "../../context.ts";
import type { StoreObject } from "./install.ts";

/** The project's Storage: on the road where the legacy tables lie in the project too. */
export function storeInProject(objects: ObjectStore): StoreObject {
  return ({ bucket, key, body, contentType }) => objects.put(bucket, key, body, { contentType });
}

const legacyBuckets = [buckets.uploads, buckets.thumbnails, buckets.sidecars];

/** The S3 server of LEGACY_S3_ENDPOINT, its buckets made; undefined when none is named. */
export async function storeInS3({ env }: CliContext): Promise<StoreObject | undefined> {
  const { LEGACY_S3_ENDPOINT: endpoint } = env;
  if (!endpoint) return undefined;
  if (!URL.canParse(endpoint)) {
    throw new CliError(
      exitCodes.usage,
      "LEGACY_S3_ENDPOINT is no address such as http://host:9000",
    );
  }
  const { hostname, port, protocol } = new URL(endpoint);
  const region = env.LEGACY_S3_REGION || "us-east-1";
  const client = new Client({
    endPoint: hostname,
    useSSL: protocol === "https:",
    ...(port === "" ? {} : { port: Number(port) }),
    accessKey: env.LEGACY_S3_ACCESS_KEY ?? "",
    secretKey: env.LEGACY_S3_SECRET_KEY ?? "",
    region,
  });
  try {
    for (const bucket of legacyBuckets) {
      if (!await client.bucketExists(bucket)) await client.makeBucket(bucket, region);
    }
  } catch (cause) {
    throw new CliError(
      exitCodes.outage,
      "The object store of LEGACY_S3_ENDPOINT does not answer or refuses LEGACY_S3_ACCESS_KEY",
      { cause },
    );
  }
  return async ({ bucket, key, body, contentType }) => {
    const bytes = Buffer.from(body);
    await client.putObject(bucket, key, bytes, bytes.length, { "Content-Type": contentType });
  };
}

import type { StorageHandler } from "./context.ts";
import { requireKey } from "./names.ts";
import { findBucket, findObject, requireWritable } from "./objects.ts";
import { refuse } from "./errors.ts";
import { store } from "./upload.ts";

/** Hosted Storage fixes the life of an upload URL at two hours. */
export const uploadUrlSeconds = 7200;

/** POST /object/upload/sign/{bucket}/{key}: a URL with which anybody may upload this one object. */
export const signUpload: StorageHandler = async (context) => {
  const { bucket, caller, database, request, signer } = context;
  const key = requireKey(context.key);
  const upsert = request.headers.get("x-upsert") === "true";
  await findBucket(database, bucket);
  await requireWritable(database, caller, "storage.object.sign_upload_url", {
    bucket,
    key,
    upsert,
  });
  const path = `${bucket}/${key}`;
  const owner = caller.claims.sub === undefined ? {} : { owner: caller.claims.sub };
  const token = await signer.sign("upload", path, uploadUrlSeconds, { ...owner, upsert });
  return Response.json({ url: `/object/upload/sign/${path}?token=${token}`, token });
};

/**
 * PUT /object/upload/sign/{bucket}/{key}?token=: without upsert the first upload uses it up. The
 * signer's right was checked when the URL was made.
 */
export const uploadToSignedUrl: StorageHandler = async (context) => {
  const { bucket, database, query, signer } = context;
  const key = requireKey(context.key);
  const path = `${bucket}/${key}`;
  const claims = await signer.verify("upload", path, query.get("token") ?? "");
  const limits = await findBucket(database, bucket);
  const upsert = claims["upsert"] === true;
  const existing = await database.asOwner((sql) => findObject(sql, bucket, key));
  if (existing !== undefined && !upsert) throw refuse.alreadyExists();
  const owner = typeof claims["owner"] === "string" ? claims["owner"] : undefined;
  await store(context, limits, { upsert, owner });
  return Response.json({ Key: path });
};

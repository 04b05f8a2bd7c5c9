import { isLongRun } from "../../support/size.ts";
import { type Actor, people } from "../matrix.ts";
import type { ApiCast } from "./api-cast.ts";
import { readableObjects } from "./cells.ts";
import { readersOf } from "./database.ts";
import { accepted, type Answer, type ApiCell, refused } from "./requests.ts";
import type { StoredKey } from "./rows.ts";

/** In a sampled run these write; whoever else is like one of them. */
const writers: readonly Actor[] = ["anon", "owner", "admin", "signedOut"];

/** The cells of a bucket: who reads which object, and that nobody writes any. */
export function bucketRequests(cast: ApiCast, bucket: string): ApiCell[] {
  return cast.actors.flatMap((actor) => {
    const mine = people.find((name) => name === actor) ?? "owner";
    const seen = cast.objects.filter((key) =>
      key.bucket === bucket && (key.owner === "owner" || key.owner === mine)
    );
    const readable = new Set(readableObjects(cast, actor, readersOf).map(({ path }) => path));
    return [
      ...seen.flatMap((key) => readRequests(key, actor, readable.has(key.path))),
      ...(isLongRun && actor !== "service" || writers.includes(actor)
        ? seen.filter(({ owner }) => owner === mine).slice(0, 1)
          .flatMap((key) => writeRequests(key, actor))
        : []),
      listRequest(bucket, actor, seen.filter(({ path }) => readable.has(path))),
    ];
  });
}

function readRequests(key: StoredKey, actor: Actor, may: boolean): ApiCell[] {
  const { bucket, path, kind } = key;
  const judge = may ? accepted : refused;
  const thing = `bucket ${bucket}, ${kind} of ${key.owner}`;
  return [
    {
      thing,
      actor,
      operation: "download",
      path: `/storage/v1/object/authenticated/${bucket}/${path}`,
      judge,
    },
    {
      thing,
      actor,
      operation: "sign a URL",
      path: `/storage/v1/object/sign/${bucket}/${path}`,
      method: "POST",
      body: { expiresIn: 60 },
      judge,
    },
  ];
}

/** Whoever may read an object still cannot write it. */
function writeRequests({ bucket, path, kind, owner }: StoredKey, actor: Actor): ApiCell[] {
  const thing = `bucket ${bucket}, ${kind} of ${owner}`;
  const at = `/storage/v1/object/${bucket}/${path}`;
  const beside = path.replace(/[^/]*$/, "forged.json");
  const body = new Blob(["{}"], { type: "application/json" });
  const cells: Omit<ApiCell, "thing" | "actor" | "judge">[] = [
    { operation: "upload", method: "POST", path: `/storage/v1/object/${bucket}/${beside}`, body },
    {
      operation: "upload over it",
      method: "POST",
      path: at,
      body,
      headers: { "x-upsert": "true" },
    },
    { operation: "replace", method: "PUT", path: at, body },
    {
      operation: "sign an upload",
      method: "POST",
      path: `/storage/v1/object/upload/sign/${bucket}/${beside}`,
    },
    {
      operation: "move",
      method: "POST",
      path: "/storage/v1/object/move",
      body: { bucketId: bucket, sourceKey: path, destinationKey: beside },
    },
    {
      operation: "copy",
      method: "POST",
      path: "/storage/v1/object/copy",
      body: { bucketId: bucket, sourceKey: path, destinationKey: beside },
    },
    { operation: "delete", method: "DELETE", path: at },
  ];
  const many: ApiCell = {
    thing,
    actor,
    operation: "delete with others",
    method: "DELETE",
    path: `/storage/v1/object/${bucket}`,
    body: { prefixes: [path] },
    // The Storage API answers what it deleted, which is nothing.
    judge: (answer: Answer) =>
      Array.isArray(answer.body) && answer.body.length === 0 ? undefined : refused(answer),
  };
  return [...cells.map((cell): ApiCell => ({ ...cell, thing, actor, judge: refused })), many];
}

function listRequest(bucket: string, actor: Actor, readable: readonly StoredKey[]): ApiCell {
  const [first] = readable;
  const prefix = first ? first.path.replace(/[^/]*$/, "") : "";
  return {
    thing: `bucket ${bucket}`,
    actor,
    operation: "list",
    path: `/storage/v1/object/list/${bucket}`,
    method: "POST",
    body: { prefix, limit: 100 },
    judge: (answer) => {
      if (actor === "service") return accepted(answer);
      const listed = Array.isArray(answer.body) ? answer.body.length : 0;
      if (first) return listed > 0 ? undefined : "expected objects";
      return listed === 0 ? undefined : "expected nothing";
    },
  };
}

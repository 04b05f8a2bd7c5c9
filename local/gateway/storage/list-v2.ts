import { type ObjectRow, readInteger, readJson, type StorageHandler } from "./context.ts";
import type { Transaction } from "./database.ts";
import { refuse } from "./errors.ts";
import { withinFolder } from "./list.ts";

const maxListed = 1000;

interface ListingV2 {
  prefix: string;
  /** Key after which the page begins. */
  after: string;
  limit: number;
  byFolder: boolean;
  descending: boolean;
}

type Entry = Pick<ObjectRow, "name"> & Partial<ObjectRow>;

/** POST /object/list-v2/{bucket}: keys under a prefix in pages, sorted by name. */
export const listObjectsV2: StorageHandler = async ({ request, bucket, caller, database }) => {
  const listing = readListing(await readJson(request));
  const entries = await database.asCaller(
    caller,
    "storage.object.list_v2",
    (sql) => selectEntries(sql, bucket, listing),
  );
  const page = entries.slice(0, listing.limit);
  const hasNext = entries.length > page.length;
  const last = page.at(-1)?.name ?? "";
  return Response.json({
    hasNext,
    ...(hasNext ? { nextCursor: btoa(last) } : {}),
    folders: page.filter(isFolder).map(({ name }) => ({ name, key: name })),
    objects: page.filter((entry) => !isFolder(entry)).map((row) => ({ ...row, key: row.name })),
  });
};

async function selectEntries(sql: Transaction, bucket: string, listing: ListingV2) {
  const { prefix, after, limit, byFolder, descending } = listing;
  const entryName = byFolder
    ? sql`case when strpos(substr(name, ${prefix.length + 1}), '/') > 0
        then left(name, ${prefix.length} + strpos(substr(name, ${prefix.length + 1}), '/'))
        else name end`
    : sql`name`;
  const beyond = descending
    ? sql`(${after} = '' or entry collate "C" < ${after})`
    : sql`entry collate "C" > ${after}`;
  return await sql<Entry[]>`
    with entries as (
      select distinct on (${entryName} collate "C") ${entryName} as entry, name as object_name, id,
        updated_at, created_at, last_accessed_at, metadata, version
      from storage.objects
      where bucket_id = ${bucket} and ${withinFolder(sql, prefix)}
    )
    select entry as name,
      case when entry = object_name then id end as id, updated_at, created_at,
      last_accessed_at, metadata, version
    from entries where ${beyond}
    order by entry collate "C" ${descending ? sql`desc` : sql`asc`} limit ${limit + 1}`;
}

function isFolder(entry: Entry): boolean {
  return (entry.id ?? null) === null;
}

function readListing(body: Record<string, unknown>): ListingV2 {
  const prefix = body["prefix"] ?? "";
  const sort: Record<string, unknown> = { ...Object(body["sortBy"] ?? {}) };
  if (typeof prefix !== "string") throw refuse.invalidRequest("body/prefix must be a text");
  if ((sort["column"] ?? "name") !== "name") {
    throw refuse.notSupported("Sorting list-v2 by another column than name");
  }
  return {
    prefix,
    after: readCursor(body["cursor"]),
    limit: readInteger(body, "limit", { min: 1, max: maxListed, fallback: maxListed }),
    byFolder: body["with_delimiter"] === true,
    descending: sort["order"] === "desc",
  };
}

function readCursor(value: unknown): string {
  if (value === undefined || value === null || value === "") return "";
  try {
    return atob(String(value));
  } catch {
    throw refuse.invalidRequest("body/cursor is not a cursor of this API");
  }
}

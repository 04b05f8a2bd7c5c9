import { readInteger, readJson, type StorageHandler } from "./context.ts";
import type { Transaction } from "./database.ts";
import { refuse } from "./errors.ts";

const sortColumns = ["name", "updated_at", "created_at", "last_accessed_at"] as const;
const maxListed = 1500;

interface Listing {
  /** Empty, or ending in a slash. */
  folder: string;
  search: string;
  limit: number;
  offset: number;
  column: typeof sortColumns[number];
  descending: boolean;
}

/**
 * POST /object/list/{bucket}: what lies directly in one folder, names relative to it; a folder in
 * it is an entry whose id is null.
 */
export const listObjects: StorageHandler = async ({ request, bucket, caller, database }) => {
  const listing = readListing(await readJson(request));
  const rows = await database.asCaller(
    caller,
    "storage.object.list",
    (sql) => selectEntries(sql, bucket, listing),
  );
  return Response.json(rows);
};

async function selectEntries(sql: Transaction, bucket: string, listing: Listing) {
  const { folder, search, limit, offset, column, descending } = listing;
  const direction = descending ? sql`desc` : sql`asc`;
  const order = column === "name"
    ? sql`name collate "C" ${direction}`
    : sql`id is not null, ${sql(column)} ${direction}, name collate "C"`;
  return await sql`
    with below as (
      select substr(name, ${folder.length + 1}) as path, id, updated_at, created_at,
        last_accessed_at, metadata, version
      from storage.objects
      where bucket_id = ${bucket} and ${withinFolder(sql, folder)}
    ), matching as (
      select * from below where starts_with(lower(path), lower(${search}))
    )
    select * from (
      select path as name, id, updated_at, created_at, last_accessed_at, metadata, version
      from matching where strpos(path, '/') = 0
      union all
      select split_part(path, '/', 1), null, null, null, null, null, null
      from matching where strpos(path, '/') > 0 group by 1
    ) entries
    order by ${order} limit ${limit} offset ${offset}`;
}

/** Every key that starts with `folder`, as a range, because a range may use the index under RLS. */
export function withinFolder(sql: Transaction, folder: string) {
  if (folder === "") return sql`true`;
  const last = folder.charCodeAt(folder.length - 1);
  const after = folder.slice(0, -1) + String.fromCharCode(last + 1);
  return sql`name collate "C" >= ${folder} and name collate "C" < ${after}`;
}

function readListing(body: Record<string, unknown>): Listing {
  const prefix = body["prefix"] ?? "";
  const search = body["search"] ?? "";
  if (typeof prefix !== "string" || typeof search !== "string") {
    throw refuse.invalidRequest("body/prefix and body/search must be texts");
  }
  const folder = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
  return {
    folder: folder === "/" ? "" : folder,
    search,
    limit: readInteger(body, "limit", { min: 1, max: maxListed, fallback: 100 }),
    offset: readInteger(body, "offset", { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 }),
    ...readSort(body["sortBy"]),
  };
}

function readSort(value: unknown): Pick<Listing, "column" | "descending"> {
  const sort: Record<string, unknown> = typeof value === "object" && value !== null
    ? { ...value }
    : {};
  const asked = sort["column"] ?? "name";
  const column = sortColumns.find((each) => each === asked);
  if (column === undefined) {
    throw refuse.invalidRequest(
      `body/sortBy/column must be equal to one of ${sortColumns.join(", ")}`,
    );
  }
  return { column, descending: sort["order"] === "desc" };
}

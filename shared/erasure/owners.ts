import type { Transaction } from "../database/doors.ts";
import { manifest } from "./manifest.ts";

/** A column that holds ids of users of Supabase Auth. */
export interface OwnerColumn {
  /** `schema.table`. */
  readonly table: string;
  readonly column: string;
  /** The column that tells when a row was written; absent where the table has none. */
  readonly writtenAt?: string;
}

/** A place in a bucket below which each user has a folder. */
export interface OwnerFolder {
  readonly bucket: string;
  /** What stands before the user's id in a key, "" or with its final slash. */
  readonly head: string;
}

const timeColumns = ["created_at", "requested_at", "exported_at", "window_start"];

/**
 * Every owner column of the manifest. Tables of the former system are left out, except where they
 * hold the id that Supabase Auth knows: their own ids were given by another system.
 */
export const ownerColumns: readonly OwnerColumn[] = manifest.tables.flatMap((rule) => {
  if (!rule.rows) return [];
  const writtenAt = timeColumns.find((name) => name in rule.columns);
  const owner = { table: rule.name, ...(writtenAt === undefined ? {} : { writtenAt }) };
  if ("supabase_user_id" in rule.columns) return [{ ...owner, column: "supabase_user_id" }];
  if (rule.optional || !("user_id" in rule.columns)) return [];
  return [{ ...owner, column: "user_id" }];
});

const anyUser = "{user}";

/** Every folder of users in the buckets of the manifest. */
export const ownerFolders: readonly OwnerFolder[] = manifest.buckets.flatMap((rule) =>
  rule.prefixes({ userId: anyUser, personId: null, subject: "", former: [], going: [], alone: [] })
    .filter((prefix) => prefix.endsWith(`${anyUser}/`))
    .map((prefix) => ({ bucket: rule.name, head: prefix.slice(0, -anyUser.length - 1) }))
);

/** The owner columns whose tables this database has: some are there only before the cutover. */
export async function readOwnerColumns(sql: Transaction): Promise<OwnerColumn[]> {
  const rows = await sql<{ table: string }[]>`
    select name as "table" from unnest(${ownerColumns.map(({ table }) => table)}::text[]) as name
    where to_regclass(name) is not null
  `;
  const there = new Set(rows.map(({ table }) => table));
  return ownerColumns.filter(({ table }) => there.has(table));
}

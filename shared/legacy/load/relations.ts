import type postgres from "postgres";
import { type LegacyTable, type LegacyTableName, legacyTables } from "../schema.ts";

/** A row a child cannot be without: `column` of the child names the key of `table`. */
interface Parent {
  table: LegacyTableName;
  column: string;
}

/** A legacy table as the load sees it. */
export interface LoadTable extends LegacyTable {
  /**
   * Rows that stand on their own: which of them came by load is kept in private.legacy_loaded_rows.
   * Rows of the other tables came by load when their parents did.
   */
  root: boolean;
  parents: readonly Parent[];
}

const ofVideo: readonly Parent[] = [{ table: "videos", column: "video_id" }];
const ofUser: readonly Parent[] = [{ table: "users", column: "user_id" }];

const parents: Readonly<Partial<Record<LegacyTableName, readonly Parent[]>>> = {
  scenes: ofVideo,
  jobs: ofVideo,
  video_metadata: ofVideo,
  scene_people: [
    { table: "scenes", column: "scene_id" },
    { table: "face_profiles", column: "person_id" },
  ],
  refresh_tokens: ofUser,
  email_verification_tokens: ofUser,
};

/** All legacy tables, parents before their children. */
export const loadTables: readonly LoadTable[] = legacyTables.map((table) => ({
  ...table,
  root: !(table.name in parents),
  parents: parents[table.name] ?? [],
}));

/** The schema of the rows on their way; it is there only while a load is under way or was broken off. */
export const stageSchema = "legacy_stage";

/** The one column by which rows of a root are told apart. */
export function rootKey({ primaryKey: [key] }: LoadTable): string {
  if (key === undefined) throw new Error("A table without a primary key cannot be loaded");
  return key;
}

/** Columns that both databases have. Vectors are there only where pgvector is. */
export type LoadColumns = ReadonlyMap<LegacyTableName, readonly string[]>;

/** Which optional columns each side has. */
export interface VectorColumns {
  /** In both databases: carried. */
  carried: string[];
  /** In the legacy database alone: they stay behind. */
  left: string[];
}

/** The columns to load, and what becomes of the vectors. */
export async function readColumns(
  source: postgres.ISql,
  hasTarget: (table: LegacyTableName, column: string) => boolean,
): Promise<{ columns: LoadColumns; vectors: VectorColumns }> {
  const found = await source<{ path: string }[]>`
    select c.relname || '.' || a.attname as path
    from pg_attribute as a join pg_class as c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped`;
  const there = new Set(found.map(({ path }) => path));
  const vectors: VectorColumns = { carried: [], left: [] };
  const columns = new Map<LegacyTableName, string[]>();
  for (const table of loadTables) {
    columns.set(
      table.name,
      table.columns.filter(({ name, optional }) => {
        const path = `${table.name}.${name}`;
        if (!optional) return true;
        if (!there.has(path)) return false;
        const carried = hasTarget(table.name, name);
        (carried ? vectors.carried : vectors.left).push(path);
        return carried;
      }).map(({ name }) => name),
    );
  }
  return { columns, vectors };
}

/** Columns of one table. */
export function columnsOf(columns: LoadColumns, { name }: LoadTable): readonly string[] {
  return columns.get(name) ?? [];
}

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file of supabase/migrations. */
export interface MigrationFile {
  /** The 14 digits its name begins with. */
  version: string;
  name: string;
  text: string;
}

const folder = fileURLToPath(new URL("../../supabase/migrations/", import.meta.url));

/** The migrations this command was installed with, in their order. */
export async function readMigrationFiles(): Promise<MigrationFile[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{14}_.+\.sql$/.test(name)).sort();
  return await Promise.all(names.map(async (name) => ({
    version: name.slice(0, 14),
    name,
    text: await readFile(join(folder, name), "utf8"),
  })));
}

import { readErased } from "../load/erased.ts";
import { fingerprintLoaded, fingerprintSource, prepareSession } from "../load/fingerprint.ts";
import { readProject } from "../load/load-rows.ts";
import { loadTables, readColumns } from "../load/relations.ts";
import { type Mismatch, toMismatch } from "./mismatch.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * Compares every table of a separate legacy database with what was loaded of it, by a checksum over
 * whole rows; users and people erased in the project count on neither side. Users are left out: they
 * are compared one by one.
 */
export async function compareContents({ sql, source }: Snapshot): Promise<Mismatch[]> {
  if (!source.separate) return [];
  await Promise.all([prepareSession(sql), prepareSession(source.sql)]);
  const { columns } = await readColumns(source.sql, (await readProject(sql)).has);
  const erased = await readErased(sql);
  const fields: string[] = [];
  for (const table of loadTables) {
    if (table.name === "users") continue;
    const [theirs, ours] = await Promise.all([
      fingerprintSource(source.sql, table, columns, erased),
      fingerprintLoaded(sql, table, columns),
    ]);
    if (theirs.hash !== ours.hash) fields.push(table.name);
  }
  return fields.length > 0 ? [toMismatch("contents_differ", null, { fields })] : [];
}

import type { StorageParts } from "./context.ts";
import type { FileAddress } from "./files.ts";

const batchSize = 500;

/**
 * Removes files no row names: what a run that was killed between writing and committing left
 * behind. Meant for the start, before the first upload.
 */
export async function sweepFiles(
  { database, files }: Pick<StorageParts, "database" | "files">,
): Promise<number> {
  let removed = 0;
  let batch: FileAddress[] = [];
  const flush = async () => {
    if (batch.length === 0) return;
    const versions = batch.map(({ version }) => version);
    const rows = await database.asOwner((sql) =>
      sql<{ version: string }[]>`select version from storage.objects
          where version = any(${versions})`
    );
    const kept = new Set(rows.map(({ version }) => version));
    for (const address of batch) {
      if (kept.has(address.version)) continue;
      await files.remove(address);
      removed++;
    }
    batch = [];
  };
  for await (const address of files.list()) {
    batch.push(address);
    if (batch.length >= batchSize) await flush();
  }
  await flush();
  return removed;
}

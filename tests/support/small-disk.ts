import { execFile } from "node:child_process";
import { chmod, chown, mkdtemp, rmdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestDatabase } from "../migrations/support/database.ts";

const run = promisify(execFile);

/** Whether this machine lets the tests mount a file system: only root may, and not in every container. */
export async function canMount(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-mount-"));
  try {
    await run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]);
    await run("umount", [folder]);
    return true;
  } catch {
    return false;
  } finally {
    await rmdir(folder);
  }
}

/** A disk of a few megabytes on which the role `postgres` makes its new tables. */
export async function mountSmallDisk({ admin }: TestDatabase, megabytes = 4) {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-disk-"));
  await run("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder]);
  const [row] = await admin<[{ cluster: string; database: string }]>`
    select current_setting('data_directory') as cluster, current_database() as database`;
  const { uid, gid } = await stat(row.cluster);
  await chown(folder, uid, gid);
  await chmod(folder, 0o700);
  await admin.unsafe(`create tablespace small_disk location '${folder}'`);
  await admin`grant create on tablespace small_disk to postgres`;
  await admin.unsafe(
    `alter role postgres in database ${row.database} set default_tablespace = 'small_disk'`,
  );
  return {
    /** New connections make their tables elsewhere again: as if the disk had been enlarged. */
    leave: async () => {
      await admin.unsafe(
        `alter role postgres in database ${row.database} reset default_tablespace`,
      );
    },
    /** Wants that nothing lies on it any more. */
    unmount: async () => {
      await admin`drop tablespace small_disk`;
      await run("umount", [folder]);
      await rmdir(folder);
    },
  };
}

import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { runExport } from "../../../shared/export/run-exports.ts";
import { testSize } from "../../support/size.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { useStack } from "../../support/stack.ts";
import { createUser } from "../../support/users.ts";
import type { Order, Report } from "./run-one.ts";
import {
  addScenes,
  createContext,
  downloadExport,
  openExport,
  readState,
  seedContent,
  soon,
} from "./support.ts";

/** What an edge function may use, runtime and libraries included. */
const limit = 256 * 1024 * 1024;

function spawn(order: Omit<Order, "environment">, flags: string[] = []): Deno.ChildProcess {
  const { environment } = useStack();
  const script = fileURLToPath(new URL("run-one.ts", import.meta.url));
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--cached-only",
      ...flags,
      script,
      JSON.stringify({ ...order, environment }),
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

describe.runIf(hasAdminSql())("an export in a process of its own", () => {
  const context = createContext();
  afterAll(() => context.close());

  it("stays within the memory of an edge function, however many scenes there are", async () => {
    const scenes = testSize({ sampled: 50_000, long: 200_000 });
    const { id } = await createUser();
    const { videoId, sceneIds } = await seedContent(id);
    await addScenes(videoId, scenes, 600);
    await adminSql()`analyze public.scenes`;
    const exportId = await openExport(id);
    // V8 lets garbage lie as long as the machine has room, so it gets no more than a function has.
    const child = spawn({ exportId, sizes: {} }, ["--v8-flags=--max-old-space-size=96"]);
    const { stdout } = await child.output();
    const report: Report = JSON.parse(new TextDecoder().decode(stdout));
    expect(report.outcome).toBe("completed");
    expect(report.peak, `${Math.round(report.peak / 1e6)} MB`).toBeLessThan(limit);
    expect(report.pages).toBeGreaterThan(scenes / 5_000);

    const parts = (await readState(exportId))?.parts ?? [];
    expect(parts.length).toBeGreaterThanOrEqual(testSize({ sampled: 2, long: 4 }));
    const { rows } = await downloadExport(exportId);
    expect(new Set(rows("scenes").map((row) => row["scene_id"])).size)
      .toBe(scenes + sceneIds.length);
  });

  it.each(
    [
      ["claimed", 1],
      ["page", 6],
      ["built", 2],
      ["uploaded", 2],
      ["recorded", 2],
    ] as const,
  )("is completed by another process after kill -9 at point %s", async (point, times) => {
    const { id } = await createUser();
    const { sceneIds } = await seedContent(id, 7);
    const exportId = await openExport(id);
    const sizes = { partBytes: 600, pageRows: 2 };
    const child = spawn({ exportId, sizes, hangAt: { point, times } });
    const reader = child.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("reached\n");
    child.kill("SIGKILL");
    await reader.cancel();
    await child.status;

    expect(await runExport(context, exportId, soon()), "the lease lives").toBeUndefined();
    const later = createContext({ now: () => new Date(Date.now() + 200_000) });
    expect(await runExport(later, exportId, new Date(Date.now() + 300_000), sizes))
      .toBe("completed");
    await later.close();
    const { rows } = await downloadExport(exportId);
    expect(rows("scenes").map((row) => row["scene_id"])).toEqual([...sceneIds].sort());
  });
});

import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { chooseTemporaryFolder } from "../support/temporary-folder.ts";

describe("chooseTemporaryFolder()", () => {
  it("takes what TMPDIR says", () => {
    expect(chooseTemporaryFolder({ TMPDIR: "/elsewhere" })).toBe("/elsewhere");
  });

  it("takes no folder that is absent or lies on a disk", async () => {
    const folder = await mkdtemp(join(tmpdir(), "heimdex-folder-"));
    try {
      expect(chooseTemporaryFolder({}, join(folder, "absent"))).toBeUndefined();
      expect(chooseTemporaryFolder({}, folder)).toBeUndefined();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("is where this run has its folders", async () => {
    const chosen = chooseTemporaryFolder(process.env);
    if (chosen !== undefined) expect(tmpdir()).toBe(chosen);
    expect((await stat(tmpdir())).isDirectory()).toBe(true);
  });
});

import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isLongRun } from "../support/size.ts";
import { createUser } from "../support/users.ts";
import { useStack } from "../support/stack.ts";
import { expected } from "./consumer/expected.mjs";
import { installPackedClient } from "./consumer/pack.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));

describe("the packed client in an empty project", () => {
  let installed: Awaited<ReturnType<typeof installPackedClient>>;

  beforeAll(async () => {
    installed = await installPackedClient();
  }, 120_000);
  afterAll(() => rm(installed.folder, { recursive: true, force: true }));

  it("holds what belongs and nothing else", () => {
    const extra = installed.files.filter((path: string) =>
      !/^dist\/[a-z-]+\.(js|d\.ts)$/.test(path)
    );
    expect(extra).toEqual(["LICENSE", "README.md", "package.json"]);
    expect(installed.files).toContain("dist/mod.js");
    expect(installed.files).toContain("dist/mod.d.ts");
  });

  it.each(isLongRun ? ["NodeNext", "Bundler"] : ["NodeNext"])(
    "types every call under moduleResolution %s",
    async (kind) => {
      const module = kind === "Bundler" ? "ESNext" : kind;
      const args =
        `--noEmit --strict --skipLibCheck --target es2022 --lib es2022,dom,esnext.disposable`;
      const { stdout } = await run("node", [
        `${root}node_modules/typescript/bin/tsc`,
        ...`${args} --module ${module} --moduleResolution ${kind} types.ts`.split(" "),
      ], { cwd: installed.project }).catch((error) => error);
      expect(stdout).toBe("");
    },
  );

  it.each([
    ["Node", "node", []],
    ["Deno", Deno.execPath(), ["run", "-A", "--cached-only", "--no-lock"]],
  ])("makes the journey in %s", async (_name, program, args) => {
    const { email, password } = await createUser();
    const { url, publishableKey } = useStack();
    const credentials = { email, password };
    const clip = fileURLToPath(new URL("../fixtures/clip.mp4", import.meta.url));
    const settings = JSON.stringify({ url, publishableKey, credentials, clip });
    const { stdout } = await run(program, [...args, "run.mjs", settings], {
      cwd: installed.project,
    });
    expect(JSON.parse(stdout)).toEqual(expected);
  });
});

describe("client/package.json", () => {
  it("has the version and the licence of the project", async () => {
    const [own, project, licence, text] = await Promise.all(
      ["client/package.json", "package.json", "client/LICENSE", "LICENSE"]
        .map((path) => readFile(root + path, "utf8")),
    );
    expect(JSON.parse(own ?? "").version).toBe(JSON.parse(project ?? "").version);
    expect(licence).toBe(text);
  });
});

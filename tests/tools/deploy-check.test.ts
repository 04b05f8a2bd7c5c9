import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkDeployment } from "../../tools/deploy-check/check-deployment.ts";
import { root } from "../house-rules/project.ts";

let folder: string;

/** A project of one function, laid out as ours is. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "heimdex-deployment-"));
  await write("deno.json", JSON.stringify({ imports: { hono: "npm:hono@4.13.19" } }));
  await write(
    "supabase/config.toml",
    'project_id = "small"\n[functions.small]\nverify_jwt = false\nimport_map = "../deno.json"\n',
  );
  await write(
    "supabase/functions/small/index.ts",
    'import { Hono } from "hono";\nimport { code } from "../../../shared/code.ts";\n' +
      "const app = new Hono();\napp.all('*', (c) => c.json({ code }, 404));\n" +
      "Deno.serve(app.fetch);\n",
  );
  await write("shared/code.ts", 'export const code: string = "route_not_found";\n');
  await cp(join(root, "package.json"), join(folder, "package.json"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

async function faults(): Promise<string[]> {
  const { checks } = await checkDeployment(folder);
  return checks.flatMap(({ what, fault }) => fault ? [`${what}: ${fault}`] : []);
}

describe("the check of a deployment", () => {
  it("finds nothing in a sound project", async () => {
    const { checks, functions } = await checkDeployment(folder);
    expect(checks.filter(({ fault }) => fault)).toEqual([]);
    expect(functions).toEqual([{ slug: "small", files: 3, bytes: expect.any(Number) }]);
  });

  it("finds an alias that uploads a whole folder, its .env included, and a secret", async () => {
    const imports = { hono: "npm:hono@4.13.19", "@shared/": "./shared/" };
    await write("deno.json", JSON.stringify({ imports }));
    await write("shared/.env", `KEY=sb_secret_${"k".repeat(32)}\n`);
    await write(
      "supabase/functions/small/index.ts",
      'import { code } from "@shared/code.ts";\nDeno.serve(() => Response.json({ code }, { status: 404 }));\n',
    );
    expect(await faults()).toEqual([
      "no upload holds a secret: shared/.env:1 holds what looks like a secret (Supabase secret key)",
      "small: exactly the files it needs: too many: shared/.env",
    ]);
  });

  it("finds an import that the CLI leaves out, and settings that are not ours", async () => {
    await write("supabase/config.toml", 'project_id = "small"\n');
    await write(
      "shared/code.ts",
      'import { word } from "./word";\nexport const code: string = word;\n',
    );
    await write("shared/word.ts", 'export const word = "route_not_found";\n');
    const found = (await faults()).join("\n");
    expect(found).toMatch(/^small: entry, import map and verify_jwt .*: import_map_path is ""$/m);
    expect(found).toMatch(/^small: exactly the files it needs: Module not found/m);
    expect(found).toMatch(/^small: starts from these files alone: answered 0/m);
  });
});

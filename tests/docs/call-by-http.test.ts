import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { read } from "../house-rules/project.ts";
import { useStack } from "../support/stack.ts";

/** `--json` came with curl 7.82. */
function hasCurl(): boolean {
  try {
    const [, major = 0, minor = 0] = /^curl (\d+)\.(\d+)/.exec(
      execFileSync("curl", ["--version"], { encoding: "utf8" }),
    ) ?? [];
    return Number(major) > 7 || (Number(major) === 7 && Number(minor) >= 82);
  } catch {
    return false;
  }
}

describe.runIf(hasCurl())("docs/how-to/call-by-http.md", () => {
  it("is a script that goes through from the login to the deletion", async () => {
    const { url, publishableKey, secretKey } = useStack();
    const page = read("docs/how-to/call-by-http.md");
    const [, ...blocks] = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = ""]) => text);
    const script = [`api="$SUPABASE_URL/functions/v1"`, ...blocks].join("\necho\n");
    const folder = await mkdtemp(join(tmpdir(), "heimdex-http-"));
    const ended = await new Promise<{ code: number; out: string; err: string }>((resolve) => {
      execFile("bash", ["-euo", "pipefail", "-c", script], {
        cwd: folder,
        env: {
          PATH: process.env.PATH ?? "",
          SUPABASE_URL: url,
          SUPABASE_PUBLISHABLE_KEY: publishableKey,
          SUPABASE_SECRET_KEY: secretKey,
        },
      }, (error, out, err) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
      });
    });
    await rm(folder, { recursive: true, force: true });
    expect(ended).toMatchObject({ code: 0, err: "" });
    expect(ended.out).toMatch(/"email":"http-\d+@example\.test"/);
    expect(ended.out).toMatch(/lighthouse<?/);
    expect(ended.out).toMatch(/^false$/m);
    expect(ended.out).toMatch(/"code":"validation_failed"/);
    expect(ended.out).toMatch(/"status_token":"erasure_/);
  });
});

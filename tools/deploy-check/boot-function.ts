import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePort } from "../../local/ports.ts";
import type { Upload } from "./record-uploads.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

/** How a function that was started from its upload alone answered. */
export interface Boot {
  status: number;
  /** The code of the problem document; null when the answer was none. */
  code: string | null;
  /** What the process printed, for a boot that failed. */
  output: string;
}

/** Settings that say nothing: no request of ours gets as far as to use them. */
const environment = {
  SUPABASE_URL: "http://127.0.0.1:9",
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_deploy_check"}',
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_deploy_check"}',
  SUPABASE_DB_URL: "postgresql://postgres@127.0.0.1:9/postgres",
};

/**
 * Lays out what was uploaded in an empty folder, starts the function there and asks it for a route
 * it does not have. Packages come from this project's node_modules, at the versions that the
 * uploaded import map names and under no other name.
 */
export async function bootFunction(upload: Upload): Promise<Boot> {
  const folder = await Deno.makeTempDir({ prefix: "heimdex-boot-" });
  try {
    await layOut(upload, folder);
    return await startAndAsk(upload, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function layOut(upload: Upload, folder: string): Promise<void> {
  for (const [path, bytes] of upload.files) {
    await Deno.mkdir(join(folder, dirname(path)), { recursive: true });
    await Deno.writeFile(join(folder, path), bytes);
  }
  const map = upload.files.get(upload.metadata.import_map_path) ??
    new Uint8Array();
  const { imports = {} } = JSON.parse(new TextDecoder().decode(map) || "{}");
  const dependencies = Object.fromEntries(
    Object.values<string>(imports).flatMap((target) => {
      const found = /^npm:((?:@[^/]+\/)?[^@/]+)@([^/]+)/.exec(target);
      return found ? [[found[1], found[2]]] : [];
    }),
  );
  await Deno.writeTextFile(
    join(folder, "package.json"),
    JSON.stringify({ dependencies }),
  );
  await Deno.symlink(
    join(project, "node_modules"),
    join(folder, "node_modules"),
  );
}

async function startAndAsk(upload: Upload, folder: string): Promise<Boot> {
  const port = findFreePort();
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--cached-only",
      "--no-check",
      "-A",
      join(folder, upload.metadata.entrypoint_path),
    ],
    cwd: folder,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    clearEnv: true,
    env: {
      ...environment,
      HOME: folder,
      DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`,
    },
  }).spawn();
  const answered = askUntilUp(
    `http://127.0.0.1:${port}/functions/v1/${upload.slug}/no/such/route/here`,
  );
  const ended = process.status.then(() => undefined);
  const answer = await Promise.race([answered, ended]);
  if (answer) process.kill("SIGKILL");
  const { stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  const output = decoder.decode(stderr) + decoder.decode(stdout);
  return { status: answer?.status ?? 0, code: answer?.code ?? null, output };
}

async function askUntilUp(
  url: string,
): Promise<{ status: number; code: string | null }> {
  for (let tries = 0; tries < 200; tries++) {
    const response = await fetch(url).catch(() => undefined);
    if (response) {
      const body: unknown = await response.json().catch(() => null);
      const code: unknown = typeof body === "object" && body ? Reflect.get(body, "code") : null;
      return {
        status: response.status,
        code: typeof code === "string" ? code : null,
      };
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { status: 0, code: null };
}

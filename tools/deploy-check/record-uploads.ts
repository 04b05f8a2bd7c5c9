import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Busboy } from "@fastify/busboy";

/** What the CLI sent for one function. */
export interface Upload {
  slug: string;
  /** Path inside the project to the bytes sent, in the order of the request. */
  files: Map<string, Uint8Array>;
  metadata: {
    name: string;
    entrypoint_path: string;
    import_map_path: string;
    static_patterns: string[];
    verify_jwt: boolean;
  };
}

/** One run of the deployment against a server that only records. */
export interface Recording {
  exitCode: number;
  /** What the CLI printed; a missing import is only a warning there. */
  output: string;
  uploads: Upload[];
}

/**
 * Runs `supabase functions deploy --use-api` in a project's folder against a server on loopback that
 * takes the place of the Management API. Nothing leaves the machine; the access token is made up.
 */
export async function recordUploads(project: string): Promise<Recording> {
  const home = await Deno.makeTempDir({ prefix: "heimdex-deploy-" });
  const uploads: Upload[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => answer(request, uploads),
  );
  try {
    const profile = join(home, "profile.yaml");
    await Deno.writeTextFile(profile, describeProfile(`http://127.0.0.1:${server.addr.port}`));
    const { code, stdout, stderr } = await new Deno.Command(cli, {
      args: ["--profile", profile, "functions", "deploy", "--use-api", "--project-ref", projectRef],
      cwd: project,
      stdin: "null",
      clearEnv: true,
      env: {
        HOME: home,
        SUPABASE_ACCESS_TOKEN: `sbp_${"0".repeat(40)}`,
        SUPABASE_TELEMETRY_DISABLED: "1",
        DO_NOT_TRACK: "1",
      },
    }).output();
    const decoder = new TextDecoder();
    const output = decoder.decode(stderr) + decoder.decode(stdout);
    return { exitCode: code, output, uploads: uploads.sort(bySlug) };
  } finally {
    await server.shutdown();
    await Deno.remove(home, { recursive: true });
  }
}

/** The CLI that npm installed with this project. */
const cli = fileURLToPath(
  new URL("../../node_modules/.bin/supabase", import.meta.url),
);

const projectRef = "abcdefghijklmnopqrst";

function describeProfile(url: string): string {
  return `name: recording\napi_url: ${url}\ndashboard_url: ${url}\nproject_host: example.test\n`;
}

const bySlug = (a: Upload, b: Upload) => a.slug < b.slug ? -1 : 1;

async function answer(request: Request, uploads: Upload[]): Promise<Response> {
  const url = new URL(request.url);
  if (
    request.method !== "POST" || !url.pathname.endsWith("/functions/deploy")
  ) {
    await request.body?.cancel();
    return Response.json(request.method === "GET" ? [] : {});
  }
  const upload = await readUpload(request, url.searchParams.get("slug") ?? "");
  uploads.push(upload);
  return Response.json({
    id: crypto.randomUUID(),
    slug: upload.slug,
    name: upload.slug,
    version: 1,
    status: "ACTIVE",
    created_at: 1,
    updated_at: 1,
    verify_jwt: upload.metadata.verify_jwt,
    entrypoint_path: upload.metadata.entrypoint_path,
    import_map_path: upload.metadata.import_map_path,
  }, { status: 201 });
}

/** Reads the parts `metadata` (JSON) and `file` (one a file, named by its path). */
async function readUpload(request: Request, slug: string): Promise<Upload> {
  const files = new Map<string, Uint8Array>();
  const fields = new Map<string, string>();
  const parser = new Busboy({
    headers: { "content-type": request.headers.get("content-type") ?? "" },
    preservePath: true,
  });
  parser.on(
    "field",
    (name: string, value: string) => void fields.set(name, value),
  );
  parser.on("file", (_name: string, stream: Readable, path: string) => {
    const parts: Uint8Array[] = [];
    stream.on("data", (part: Uint8Array) => void parts.push(part));
    stream.on("end", () => void files.set(path, joinBytes(parts)));
  });
  const body = new Uint8Array(await request.arrayBuffer());
  await new Promise((resolve, reject) => {
    parser.on("finish", resolve);
    parser.on("error", reject);
    Readable.from([body]).pipe(parser);
  });
  return { slug, files, metadata: JSON.parse(fields.get("metadata") ?? "{}") };
}

function joinBytes(parts: Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

import { runFlags } from "../../../tools/deno.mjs";
import type { FirstRequest } from "./first-requests.ts";

const longestStart = 30_000;

/**
 * Milliseconds from the start of a process until it has answered its first request.
 * @throws Error when the answer has another status than it should
 */
export async function timeStart(
  entry: string,
  request: FirstRequest,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const port = takeFreePort();
  const text = render(request);
  const started = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...runFlags, entry],
    env: { ...env, DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}` },
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    for (;;) {
      const status = await askStatus(port, text);
      const ms = performance.now() - started;
      if (status === request.status) return ms;
      if (status !== undefined) throw new Error(`${request.path} of ${entry} answered ${status}`);
      if (ms > longestStart) throw new Error(`${entry} did not start`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

function takeFreePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

function render({ method, path, headers = {}, body = "" }: FirstRequest): Uint8Array {
  const lines = Object.entries({
    host: "127.0.0.1",
    connection: "close",
    ...(body === "" ? {} : { "content-length": String(body.length) }),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return new TextEncoder().encode(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
}

/** Status of the answer; undefined while nobody listens. */
async function askStatus(port: number, request: Uint8Array): Promise<number | undefined> {
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(request);
    const answer = new Uint8Array(1024);
    const length = await connection.read(answer);
    if (length === null) return undefined;
    return Number(new TextDecoder().decode(answer.subarray(0, length)).split(" ")[1]);
  } catch {
    return undefined;
  }
}

// Runs every edge function of the project in one process, their sources unmodified.
// Started by local/functions/mod.ts; prints one JSON line with its port when it is ready and ends
// when its standard input closes, so that it never outlives the stack.

type Handler = (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>;

const pending = new Set<Promise<unknown>>();
const failures: Record<string, string> = {};

/** What hosted functions find as the global EdgeRuntime. */
const edgeRuntime = {
  waitUntil<T>(work: Promise<T>): Promise<T> {
    const tracked: Promise<unknown> = work.catch((error) => report("background work", error))
      .finally(() => pending.delete(tracked));
    pending.add(tracked);
    return work;
  },
};

const [folder, port] = Deno.args;
if (!folder || !port) throw new Error("Give the functions folder and a port");
Object.assign(globalThis, { EdgeRuntime: edgeRuntime });
const handlers = await loadFunctions(folder);
const server = Deno.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  onListen: (address) => {
    Deno.stdout.writeSync(encode({ ready: true, port: address.port, failures }));
  },
}, (request, info) => route(handlers, request, info));
Deno.addSignalListener("SIGTERM", () => void stop());
Deno.addSignalListener("SIGINT", () => void stop());
await untilInputCloses();
await stop();

async function loadFunctions(path: string): Promise<Map<string, Handler>> {
  const loaded = new Map<string, Handler>();
  const entries = await Array.fromAsync(Deno.readDir(path));
  for (const { name } of entries.sort((a, b) => a.name.localeCompare(b.name))) {
    const entry = `${path}/${name}/index.ts`;
    const isFunction = await Deno.stat(entry).then((info) => info.isFile, () => false);
    if (isFunction && !name.startsWith("_")) loaded.set(name, await loadFunction(name, entry));
  }
  return loaded;
}

/** A function ends in Deno.serve(handler): that call is caught, so that one process can hold them all. */
async function loadFunction(name: string, entry: string): Promise<Handler> {
  let caught: Handler | undefined;
  const serve = Deno.serve;
  const capture = (first: unknown, second?: unknown) => {
    const handler = [first, second].find((each) => typeof each === "function");
    caught = (handler ?? (first as { handler?: unknown }).handler) as Handler;
    return {
      finished: new Promise<void>(() => {}),
      shutdown: async () => {},
      ref() {},
      unref() {},
    };
  };
  try {
    Object.assign(Deno, { serve: capture });
    await import(new URL(entry, "file:///").href);
  } catch (error) {
    failures[name] = error instanceof Error ? error.message : String(error);
    report(`function ${name}`, error);
  } finally {
    Object.assign(Deno, { serve });
  }
  return caught ?? failedToBoot;
}

function route(
  loaded: Map<string, Handler>,
  request: Request,
  info: Deno.ServeHandlerInfo,
): Response | Promise<Response> {
  const url = new URL(request.url);
  const match = /^(?:\/functions\/v1)?\/([^/]+)(\/.*)?$/.exec(url.pathname);
  const handler = match?.[1] === undefined ? undefined : loaded.get(match[1]);
  if (!match || !handler) return json(404, "NOT_FOUND", "Requested function was not found");
  // A hosted function sees its own name as the first part of the path.
  url.pathname = `/${match[1]}${match[2] ?? ""}`;
  return handler(new Request(url, request), info);
}

function failedToBoot(): Response {
  return json(503, "BOOT_ERROR", "Function failed to start (please check logs)");
}

function json(status: number, code: string, message: string): Response {
  return Response.json({ code, message }, { status });
}

async function untilInputCloses(): Promise<void> {
  for await (const _ of Deno.stdin.readable) {
    // Nothing is ever sent: only the end counts.
  }
}

async function stop(): Promise<never> {
  const grace = new Promise((resolve) => setTimeout(resolve, 3_000));
  await Promise.race([server.shutdown().then(() => Promise.allSettled(pending)), grace]);
  Deno.exit(0);
}

function report(subject: string, error: unknown): void {
  const detail = error instanceof Error ? error.stack ?? error.message : String(error);
  Deno.stderr.writeSync(encode({ level: "error", subject, detail }));
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}

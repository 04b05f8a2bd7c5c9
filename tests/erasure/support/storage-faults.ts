/** A call of the Storage API that an erasure makes. */
export type StorageCall = "remove" | "move" | "list" | "put";

/**
 * How a call fails: refused before anything happened (500, 429), never answered, half done and then
 * an error, or wholly done with the answer lost.
 */
export type StorageFault = "500" | "429" | "timeout" | "partial" | "lost";

export interface FaultPlan {
  readonly fault: StorageFault;
  readonly call: StorageCall;
  /** Which of these calls fails, from 1. */
  readonly nth: number;
}

/** A door in front of a real Storage that fails one call and lets every other one through. */
export interface FaultyStorage {
  readonly url: string;
  /** Calls of the planned kind that were seen. */
  readonly seen: () => number;
  readonly struck: () => boolean;
  close(): Promise<void>;
}

function callOf(method: string, path: string): StorageCall | undefined {
  if (method === "DELETE" && path.startsWith("/storage/v1/object/")) return "remove";
  if (method !== "POST") return undefined;
  if (path === "/storage/v1/object/move") return "move";
  if (path.startsWith("/storage/v1/object/list")) return "list";
  return path.startsWith("/storage/v1/object/receipts/") ? "put" : undefined;
}

export function startFaultyStorage(origin: string, plan: FaultPlan): FaultyStorage {
  let seen = 0;
  let struck = false;
  const held = new AbortController();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      const body = new Uint8Array(await request.arrayBuffer());
      const forward = (sent: Uint8Array<ArrayBuffer>) =>
        fetch(`${origin}${pathname}${search}`, {
          method: request.method,
          headers: withoutLength(request.headers),
          ...(sent.byteLength > 0 ? { body: sent } : {}),
        });
      const isPlanned = callOf(request.method, pathname) === plan.call && ++seen === plan.nth;
      if (!isPlanned) return relay(await forward(body));
      struck = true;
      return await strike(plan.fault, { body, forward, held: held.signal });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    seen: () => seen,
    struck: () => struck,
    close: async () => {
      held.abort();
      await server.shutdown();
    },
  };
}

async function strike(fault: StorageFault, { body, forward, held }: {
  body: Uint8Array<ArrayBuffer>;
  forward: (body: Uint8Array<ArrayBuffer>) => Promise<Response>;
  held: AbortSignal;
}): Promise<Response> {
  switch (fault) {
    case "429":
      return refusal(429, "Too many requests");
    case "500":
      return refusal(500, "Internal server error");
    case "timeout":
      await new Promise((resolve) => held.addEventListener("abort", resolve, { once: true }));
      return refusal(504, "Too late");
    case "partial":
      await (await forward(halfOf(body))).body?.cancel();
      return refusal(500, "Internal server error");
    case "lost":
      await (await forward(body)).body?.cancel();
      return refusal(502, "Bad gateway");
  }
}

/** The removal of half of the keys. */
function halfOf(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { prefixes }: { prefixes: string[] } = JSON.parse(new TextDecoder().decode(body));
  const half = prefixes.slice(0, Math.ceil(prefixes.length / 2));
  return new TextEncoder().encode(JSON.stringify({ prefixes: half }));
}

function refusal(status: number, message: string): Response {
  return Response.json({ statusCode: String(status), error: message, message }, { status });
}

function relay(response: Response): Response {
  return new Response(response.body, {
    status: response.status,
    headers: withoutLength(response.headers),
  });
}

function withoutLength(headers: Headers): Headers {
  const kept = new Headers(headers);
  for (const name of ["content-length", "content-encoding", "host", "transfer-encoding"]) {
    kept.delete(name);
  }
  return kept;
}

import { LocalStackError } from "./errors.ts";

type Handler = (request: Request, info: Deno.ServeHandlerInfo) => Promise<Response>;

/** The stack's one public origin; it holds the port from the first moment on. */
export interface FrontDoor {
  url: string;
  /** From now on requests go to this handler; before, they are told to come back. */
  open(handler: Handler): void;
  /** Lets requests under way end, takes no new ones. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

const DRAIN_MS = 3_000;

/** Listens on loopback only; a port already taken is a sentence. */
export function openFrontDoor(port: number): FrontDoor {
  let handler: Handler = () => Promise.resolve(notReady());
  const server = listen(port, (request, info) => handler(request, info));
  let drained: Promise<void> | undefined;
  const drain = () => {
    handler = () => Promise.resolve(notReady());
    return drained ??= withTimeout(server.shutdown(), DRAIN_MS);
  };
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    open: (next) => void (handler = next),
    drain,
    close: drain,
  };
}

function listen(port: number, handler: Handler): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, handler);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new LocalStackError(
      `Port ${port} is taken by another program: stop that program, ` +
        `or choose another port with "npm start -- --port <number>"`,
    );
  }
}

function notReady(): Response {
  return Response.json({ message: "The stack is starting or stopping" }, {
    status: 503,
    headers: { "retry-after": "1" },
  });
}

async function withTimeout(work: Promise<void>, milliseconds: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}

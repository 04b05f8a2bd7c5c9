import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";

/** One request on its way to the gateway. */
export interface Passing {
  method: string;
  /** Path and query. */
  path: string;
  /** Number of this request among all, from 1. */
  count: number;
  /** Hands it on, and the answer back. */
  pass(): Promise<void>;
  /** Answers in the place of the gateway. */
  answer(status: number, body: unknown, headers?: Record<string, string>): void;
  /** Lets the gateway do it and cuts the connection before the answer. */
  passAndCut(): Promise<void>;
}

/** A real HTTP proxy in front of the gateway, which a test can make behave badly. */
export interface AuthProxy {
  url: string;
  /** Takes every request; without it all of them pass. */
  handler: ((passing: Passing) => void | Promise<void>) | undefined;
  /** Most requests under way at once since the last reset. */
  peak: number;
  /** Requests of the Admin API since the last reset: method and path. */
  seen: string[];
  reset(): void;
}

/** Starts a proxy for this file; `target` is asked at each request. */
export async function startAuthProxy(target: () => string): Promise<AuthProxy> {
  let active = 0;
  let count = 0;
  const proxy: AuthProxy = {
    url: "",
    handler: undefined,
    peak: 0,
    seen: [],
    reset: () => {
      proxy.handler = undefined;
      proxy.peak = 0;
      proxy.seen = [];
      count = 0;
    },
  };
  const server = createServer((request, response) => {
    void (async () => {
      active++;
      proxy.peak = Math.max(proxy.peak, active);
      proxy.seen.push(`${request.method} ${request.url}`);
      const passing = await toPassing(request, response, target(), ++count);
      // A request is over when its answer is, or when its connection is gone.
      response.once("close", () => active--);
      await (proxy.handler ?? ((one) => one.pass()))(passing);
    })().catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  proxy.url = `http://127.0.0.1:${port}`;
  afterAll(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return proxy;
}

async function toPassing(
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
  count: number,
): Promise<Passing> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const { method = "GET", url: path = "/" } = request;
  const forward = () => {
    const { host: _host, connection: _connection, "content-length": _length, ...headers } =
      request.headers;
    return fetch(target + path, {
      method,
      headers: headers as Record<string, string>,
      ...(body.length > 0 ? { body } : {}),
    });
  };
  const answer: Passing["answer"] = (status, content, headers = {}) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof content === "string" ? content : JSON.stringify(content));
  };
  return {
    method,
    path,
    count,
    answer,
    pass: async () => {
      const real = await forward();
      answer(real.status, await real.text());
    },
    passAndCut: async () => {
      await (await forward()).text();
      response.destroy();
    },
  };
}

/** Changes one answer of the stack; undefined lets it through as it is. */
export type Tamper = (request: Request) => Response | undefined;

export interface TamperingProxy {
  url: string;
  stop(): Promise<void>;
}

/** Stands in front of a running stack and changes what a fault of the platform would change. */
export function startTamperingProxy(target: string, tamper: Tamper): TamperingProxy {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const changed = tamper(request);
      if (changed) return changed;
      const url = new URL(request.url);
      return await fetch(new URL(`${url.pathname}${url.search}`, target), {
        method: request.method,
        headers: request.headers,
        body: request.body,
      });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    stop: () => server.shutdown(),
  };
}

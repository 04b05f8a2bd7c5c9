import { connect, createServer, type Server, type Socket } from "node:net";

/** A way to a database that passes on every byte. */
export interface Relay {
  /** The same database through the relay. */
  url: string;
  close(): Promise<void>;
}

/**
 * Opens a relay to a PostgreSQL on loopback, which speaks no TLS.
 * @param watch is given both ends of each connection, to listen
 * @param delayMs what every byte takes each way, 0: nothing
 */
export async function openRelay(
  databaseUrl: string,
  watch: (client: Socket, upstream: Socket) => void,
  delayMs = 0,
): Promise<Relay> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const later = delayMs > 0
    ? (work: () => void) => void setTimeout(work, delayMs)
    : (work: () => void) => work();
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    watch(client, upstream);
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (bytes) => later(() => to.destroyed || to.write(bytes)));
      from.on("close", () => later(() => to.destroy()));
      from.on("error", () => to.destroy());
    }
  });
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String(await listen(server));
  return {
    url: url.href,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("No port was given"));
      else resolve(address.port);
    });
  });
}

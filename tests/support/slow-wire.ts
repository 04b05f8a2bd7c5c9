import { openRelay, type Relay } from "../../bench/suites/routes/relay.ts";

/** A way to the database as long as one chooses. */
export interface SlowWire extends Relay {
  /**
   * How often the direction changed from answers to requests since the last call, over all
   * connections: the round trips of what ran meanwhile.
   */
  takeRoundTrips(): number;
}

/**
 * Opens a wire to a PostgreSQL on loopback on which every byte takes `delayMs` each way.
 * @param databaseUrl of a server without TLS
 */
export async function openSlowWire(databaseUrl: string, delayMs: number): Promise<SlowWire> {
  let roundTrips = 0;
  const relay = await openRelay(databaseUrl, (client, upstream) => {
    let isAsking = false;
    client.on("data", () => {
      if (!isAsking) roundTrips++;
      isAsking = true;
    });
    upstream.on("data", () => isAsking = false);
  }, delayMs);
  return {
    ...relay,
    takeRoundTrips: () => {
      const taken = roundTrips;
      roundTrips = 0;
      return taken;
    },
  };
}

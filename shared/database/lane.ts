import type { ReservedSql, Sql } from "postgres";
import type { NumberTypes } from "./connection.ts";

/**
 * One connection of the pool, used by one transaction at a time. The driver is told that it is
 * reserved for good: only then does it neither wait for the answer to BEGIN before the next
 * statement, nor send on a new connection what was meant for a transaction on the old one.
 */
export interface Lane {
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  /** Whether the connection is gone: the lane is never used again. */
  readonly isLost: boolean;
  /** Told once that the connection is gone; set by whoever uses the lane. */
  onLost: ((reason: unknown) => void) | null;
  /** Connects at the first call. */
  connect(): Promise<ReservedSql<NumberTypes>>;
  lose(reason: unknown): void;
  /** Ends the connection; a statement under way is given a second. */
  end(): Promise<void>;
}

/** The connection broke under a transaction; whether it was committed is not known. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
  readonly code = "CONNECTION_CLOSED";
}

/** A lane to a database; it connects when asked to. */
export function openLane(databaseUrl: string): Lane {
  const closed = "The connection to the database was closed";
  let driver: Sql<NumberTypes> | undefined;
  async function reserve(): Promise<ReservedSql<NumberTypes>> {
    // The driver takes half of Node's modules along, which a function that starts need not wait for.
    const { openConnection } = await import("./connection.ts");
    if (lane.isLost) throw new ConnectionLost(closed);
    driver = openConnection(databaseUrl, {
      max: 1,
      // The pool ends idle and old lanes: the driver would end one between two statements.
      idle_timeout: undefined,
      max_lifetime: null,
      onclose: () => lane.lose(new ConnectionLost(closed)),
    });
    return await driver.reserve();
  }
  let connecting: Promise<ReservedSql<NumberTypes>> | undefined;
  let reserved: ReservedSql<NumberTypes> | undefined;
  const lane: Lane & { isLost: boolean } = {
    openedAt: Date.now(),
    isLost: false,
    onLost: null,
    async connect() {
      if (lane.isLost) throw new ConnectionLost(closed);
      try {
        return reserved ??= await (connecting ??= reserve());
      } catch (error) {
        lane.lose(error);
        throw error;
      }
    },
    lose(reason) {
      if (lane.isLost) return;
      lane.isLost = true;
      lane.onLost?.(reason);
    },
    async end() {
      if (!lane.isLost) reserved?.release();
      lane.isLost = true;
      await driver?.end({ timeout: 1 }).catch(() => {});
    },
  };
  return lane;
}

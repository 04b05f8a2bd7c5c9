import postgres from "postgres";
import type { SentStatement } from "./wire.ts";

/** A transaction that was seen on the wire, to be sent again. */
export interface Replay {
  run(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Sends the statements of one transaction over a connection of postgres.js, as quickly as it can:
 * the first is the opening one with its BEGIN, the last the COMMIT, and no statement waits for the
 * answer to the one before.
 */
export async function openReplay(
  databaseUrl: string,
  statements: readonly SentStatement[],
): Promise<Replay> {
  if (statements.length < 3) throw new Error("A transaction of three statements was expected");
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  const connection = await sql.reserve();
  const send = ({ text, parameters }: SentStatement) =>
    parameters.length === 0
      ? connection.unsafe(text).simple()
      : connection.unsafe(text, parameters, { prepare: true });
  return {
    async run() {
      await Promise.all(statements.slice(0, -1).map(send));
      for (const last of statements.slice(-1)) await send(last);
    },
    async close() {
      connection.release();
      await sql.end({ timeout: 5 });
    },
  };
}

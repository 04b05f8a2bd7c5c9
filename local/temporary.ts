import { chmodSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { removeCluster } from "./postgres/mod.ts";
import { isAlive } from "./processes.ts";
import { type Stack, type StackOptions, startStack } from "./stack.ts";

/** A stack on free ports whose folder goes with it. */
export interface TemporaryStack {
  stack: Stack;
  /** File with one JSON line for each request to a function; gone after `stop`. */
  functionsLog: string;
  /** Stops the stack and deletes its folder; also called when this process is told to end. */
  stop(): Promise<void>;
}

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Starts a stack for the time of a test run or a demo; `name` begins the folder's name. */
export async function startTemporaryStack(
  { name, ...options }: { name: string } & Pick<StackOptions, "drain" | "environment" | "log">,
): Promise<TemporaryStack> {
  // Synchronous, so that no signal finds the folder made and nobody to remove it.
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  // As root the database runs as an OS user of its own, who has to pass through this folder.
  chmodSync(folder, 0o711);
  const starting = startStack({
    dataDir: join(folder, "data"),
    port: 0,
    durable: false,
    ...options,
  });
  let stopping: Promise<void> | undefined;
  const stop = () =>
    stopping ??= (async () => {
      // A stack that is still starting has processes of its own: it is let up, then ended.
      const stack = await starting.catch(() => undefined);
      await stack?.stop();
      // Root's cluster lies elsewhere when the temporary folder is closed to others.
      await removeCluster(join(folder, "data/postgres"));
      await rm(folder, { recursive: true, force: true });
      stopWatching();
    })();
  const stopWatching = onEnd((code) => void stop().finally(() => process.exit(code)));
  try {
    return { stack: await starting, functionsLog: join(folder, "data/functions.log"), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Calls `end` at every way this process is told to end, until the returned function is called. */
function onEnd(end: (code: number) => void): () => void {
  const handlers = Object.entries(exitCodes).map(([signal, code]) => {
    const handler = () => end(code);
    process.on(signal, handler);
    return { signal, handler };
  });
  // The launcher hands its number on: when it is killed, nobody would pass us a signal.
  const launcher = Number(process.env.HEIMDEX_LAUNCHER_PID);
  const timer = setInterval(() => {
    if (launcher && !isAlive(launcher)) end(1);
  }, 1000);
  timer.unref();
  return () => {
    clearInterval(timer);
    for (const { signal, handler } of handlers) process.off(signal, handler);
  };
}

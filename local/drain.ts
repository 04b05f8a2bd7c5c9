import { setTimeout as delay } from "node:timers/promises";

const INTERVAL_MS = 3_000;

export interface DrainOptions {
  /** Origin of the gateway. */
  url: string;
  cronSecret: string;
  log: (line: string) => void;
}

/**
 * Calls the outbox's drain every three seconds. Stands in for pg_cron, which calls it every minute
 * on hosted projects. Answers a function that ends it once the call under way is over.
 */
export function startDrain(o: DrainOptions): () => Promise<void> {
  const abort = new AbortController();
  let lastFailure = "";
  const report = (failure: string) => {
    if (failure !== lastFailure && failure !== "") o.log(`Draining the outbox failed: ${failure}`);
    lastFailure = failure;
  };
  const done = repeat(abort.signal, async () => report(await callDrain(o, abort.signal)));
  return async () => {
    abort.abort();
    await done;
  };
}

async function callDrain(o: DrainOptions, signal: AbortSignal): Promise<string> {
  try {
    const response = await fetch(`${o.url}/functions/v1/auth-webhook/drain`, {
      method: "POST",
      headers: { authorization: `Bearer ${o.cronSecret}`, "content-type": "application/json" },
      body: "{}",
      signal,
    });
    const text = await response.text();
    return response.ok ? "" : `${response.status} ${text.slice(0, 200)}`;
  } catch (error) {
    return signal.aborted ? "" : String(error);
  }
}

async function repeat(signal: AbortSignal, call: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    // Rejects when the stack stops.
    await delay(INTERVAL_MS, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await call();
  }
}

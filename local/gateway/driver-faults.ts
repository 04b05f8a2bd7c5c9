import { isConnectionError } from "./rest-errors.ts";

/** Longest a request waits for the database before it is told to try again. */
export const databaseDeadlineMs = 15_000;

/** No answer within the deadline: the connection counts as lost. */
export class DatabaseSilent extends Error {
  override readonly name = "DatabaseSilent";
  readonly code = "CONNECTION_CLOSED";
}

/** Rejects with {@link DatabaseSilent} when the work takes longer than the deadline. */
export async function withDeadline<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new DatabaseSilent("The database did not answer in time")),
    databaseDeadlineMs,
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * postgres.js 3.4.9 throws past every handler when it writes to a connection that the server has
 * closed (porsager/postgres#1208), and rejects statements nobody waits for. Either would end the whole
 * stack, and after the first the connection's slot in the pool never works again: the fault is caught
 * here and `renew` gets the pools replaced.
 */
export function catchDriverFaults(renew: () => void): () => void {
  let renewing = false;
  const onFault = (event: Event, error: unknown) => {
    if (!isDriverFault(error)) return;
    event.preventDefault();
    if (renewing) return;
    renewing = true;
    // One outage breaks many connections at once.
    setTimeout(() => {
      renewing = false;
      renew();
    }, 100);
  };
  const onError = (event: ErrorEvent) => onFault(event, event.error);
  const onRejection = (event: PromiseRejectionEvent) => onFault(event, event.reason);
  globalThis.addEventListener("error", onError);
  globalThis.addEventListener("unhandledrejection", onRejection);
  return () => {
    globalThis.removeEventListener("error", onError);
    globalThis.removeEventListener("unhandledrejection", onRejection);
  };
}

/** A write of the driver to a closed connection, or a lost connection nobody waits for any more. */
export function isDriverFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const stack = error.stack ?? "";
  return isConnectionError(error) || (/postgres\/src\//.test(stack) && /nextWrite/.test(stack));
}

import { ConnectionError, isProblem, toAnswerError } from "./errors.ts";
import { operationPlaces } from "./operations.ts";
import type { InvokeOptions, SupabaseLike } from "./supabase.ts";
import type { Call, OperationId } from "./types.ts";

/** A call without its types. */
interface Input {
  path?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Tries to put a session in place whose token says what is true now; false: it could not. */
export type Refresh = () => Promise<boolean>;

/**
 * Calls operations through functions.invoke of the app's own client. A token that has expired is
 * refreshed and the call repeated, once; after an answer with refresh_required the session is
 * refreshed before the call resolves.
 */
export function createCall(supabase: SupabaseLike, refreshSession: Refresh): Call {
  // What was asked for has happened, or its own failure says more than that of the refresh.
  const refresh = () => refreshSession().catch(() => false);
  const call = async (operation: OperationId, input: Input): Promise<unknown> => {
    const answer = await invokeFresh(supabase, refresh, operation, input);
    if (asksForRefresh(answer)) await refresh();
    return answer;
  };
  return call as Call;
}

async function invokeFresh(
  supabase: SupabaseLike,
  refresh: Refresh,
  operation: OperationId,
  input: Input,
): Promise<unknown> {
  try {
    return await invoke(supabase, operation, input);
  } catch (error) {
    // A caller who sends another token than the session's gains nothing by a fresh session.
    const isOurs = !Object.keys(input.headers ?? {}).some((name) => /^authorization$/i.test(name));
    if (!isOurs || !isProblem(error, "token_expired") || !await refresh()) {
      throw error;
    }
    return await invoke(supabase, operation, input);
  }
}

async function invoke(
  supabase: SupabaseLike,
  operation: OperationId,
  input: Input,
): Promise<unknown> {
  const place = operationPlaces[operation];
  const { data, error } = await supabase.functions.invoke(
    toAddress(place.path, input),
    toOptions(place.method, input),
  );
  if (!error) return data === "" ? undefined : data;
  input.signal?.throwIfAborted();
  const response: unknown = (error as { context?: unknown }).context;
  if (response instanceof Response) {
    throw await toAnswerError(operation, response);
  }
  throw new ConnectionError(operation, "The server cannot be reached", {
    cause: error,
  });
}

function toAddress(path: string, { path: ids = {}, query = {} }: Input): string {
  const place = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(ids[name] ?? ""));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? value : [value];
    for (const one of values) {
      if (one !== undefined) search.append(name, String(one));
    }
  }
  return search.size === 0 ? place : `${place}?${search}`;
}

function toOptions(method: InvokeOptions["method"], input: Input): InvokeOptions {
  const { body, headers = {}, signal } = input;
  const isText = typeof body === "string";
  return {
    method,
    headers: {
      ...body === undefined || isText ? {} : { "content-type": "application/json" },
      ...headers,
    },
    ...body === undefined ? {} : { body: isText ? body : JSON.stringify(body) },
    ...signal === undefined ? {} : { signal },
  };
}

function asksForRefresh(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null &&
    "refresh_required" in answer &&
    answer.refresh_required === true;
}

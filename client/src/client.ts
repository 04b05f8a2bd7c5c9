import { AccountArea } from "./account.ts";
import { AuthArea } from "./auth.ts";
import { createCall } from "./call.ts";
import { Listing } from "./listing.ts";
import { MeArea } from "./me.ts";
import { PeopleArea } from "./people.ts";
import type { SupabaseLike } from "./supabase.ts";
import type { AnswerOf, BodyOf, Call, SearchHit } from "./types.ts";
import { VideosArea } from "./videos.ts";

export interface HeimdexOptions {
  /**
   * Replaces supabase.auth.refreshSession(), for a client that has no session of its own (option
   * `accessToken` of createClient). Resolves to whether the next request carries a fresh token.
   */
  refresh?: () => Promise<boolean>;
  /** Sends files instead of the runtime's own fetch, and instead of XMLHttpRequest in a browser. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface HeimdexClient {
  readonly auth: AuthArea;
  readonly account: AccountArea;
  readonly me: MeArea;
  readonly videos: VideosArea;
  readonly people: PeopleArea;
  /** Hits, best first; a text alone is `{ q }`. */
  search(
    request: string | Omit<BodyOf<"postSearch">, "cursor">,
  ): Listing<AnswerOf<"postSearch">, SearchHit>;
  /** Any operation by its operationId, with everything the document says it takes. */
  readonly call: Call;
}

/**
 * Typed calls of the functions through this supabase-js client: its session, its fetch, its
 * headers. Sessions that come from a call go into it, and stale ones are refreshed through it.
 */
export function createHeimdexClient(
  supabase: SupabaseLike,
  options: HeimdexOptions = {},
): HeimdexClient {
  const call = createCall(supabase, options.refresh ?? (() => refreshSession(supabase)));
  return {
    auth: new AuthArea(call, supabase),
    account: new AccountArea(call),
    me: new MeArea(call),
    videos: new VideosArea(call, options.fetch),
    people: new PeopleArea(call, options.fetch),
    search: (request) => search(call, typeof request === "string" ? { q: request } : request),
    call,
  };
}

async function refreshSession(supabase: SupabaseLike): Promise<boolean> {
  const { error } = await supabase.auth.refreshSession();
  return error === null;
}

function search(
  call: Call,
  request: Omit<BodyOf<"postSearch">, "cursor">,
): Listing<AnswerOf<"postSearch">, SearchHit> {
  return new Listing((cursor) =>
    call("postSearch", {
      body: { ...request, ...cursor === undefined ? {} : { cursor } },
    }), ({ results }) => results);
}

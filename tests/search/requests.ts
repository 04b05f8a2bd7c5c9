import { expect } from "vitest";
import type { App } from "../../shared/http/base-app.ts";
import type { Deps } from "../../shared/http/deps.ts";
import { createApp as createPeople } from "../../supabase/functions/people/app.ts";
import { createApp as createSearch } from "../../supabase/functions/search/app.ts";
import { createApp as createVideos } from "../../supabase/functions/videos/app.ts";
import { toRequestInit } from "../support/call.ts";

/** One list or search: a path with its query, or a body to post. */
export interface ListRequest {
  path: string;
  json?: Record<string, unknown>;
}

/** Ids of one library that lists are asked for. */
export interface KnownRows {
  videoId: string;
  personId: string;
  /** Two words that its scenes hold. */
  words: readonly [string, string];
}

/** Every list and search the API has, with each of their filters. */
export function listRequests({ videoId, personId, words: [word, other] }: KnownRows) {
  const range = "created_from=2020-01-01T00:00:00Z&created_to=2100-01-01T00:00:00Z";
  const texts = [word, `${word} ${other}`, `"${word}" or ${other}`, `${word} -${other}`];
  const filters = [
    `video_id=${videoId}`,
    `person_id=${personId}`,
    `organization_id=${crypto.randomUUID()}`,
    "language=en",
    "min_duration=0&max_duration=10000",
    range,
  ];
  const paths = [
    "/videos?limit=1",
    "/videos?limit=1&state=indexed",
    "/videos?limit=1&organization_id=none",
    `/videos?limit=1&person_id=${personId}`,
    `/videos?limit=1&${range}`,
    "/videos?limit=1&count=exact",
    `/videos/${videoId}/scenes?limit=1`,
    "/people?limit=1",
    "/people?limit=1&count=exact",
    `/people/${personId}/scenes?limit=1`,
    ...texts.map((q) => `/search?limit=1&q=${encodeURIComponent(q)}`),
    ...filters.map((filter) => `/search?limit=1&q=${encodeURIComponent(word)}&${filter}`),
  ];
  return [
    ...paths.map((path): ListRequest => ({ path })),
    { path: "/search", json: { q: `${word} ${other}`, limit: 1, explain: true } },
  ];
}

/** Sends a request to the function it names, in this process. */
export function createSender(deps: Deps, token: string) {
  const apps: Record<string, App> = {
    videos: createVideos(deps),
    people: createPeople(deps),
    search: createSearch(deps),
  };
  return async ({ path, json }: ListRequest): Promise<{ next_cursor: string | null }> => {
    const name = path.split(/[/?]/)[1] ?? "";
    const response = await apps[name]?.request(path, toRequestInit({ token, json }));
    const text = await response?.text();
    expect(response?.status, `${path} ${text}`).toBe(200);
    return JSON.parse(text ?? "");
  };
}

/** The request for the page that follows. */
export function nextPage({ path, json }: ListRequest, cursor: string): ListRequest {
  if (json) return { path, json: { ...json, cursor } };
  return { path: `${path}&cursor=${encodeURIComponent(cursor)}` };
}

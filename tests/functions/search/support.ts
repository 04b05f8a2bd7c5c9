import {
  type SearchHit,
  type SearchResponse,
  searchResponseSchema,
} from "../../../supabase/functions/search/schemas.ts";
import { call, expectJson } from "../../support/call.ts";
import type { TestUser } from "../../support/users.ts";

export type Parameters = Record<string, string | number | string[]>;

export function getSearch(user: TestUser, parameters: Parameters): Promise<Response> {
  const query = new URLSearchParams(
    Object.entries(parameters).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, String(one)])
    ),
  );
  return call(`/search?${query}`, { token: user.accessToken });
}

export function postSearch(user: TestUser, json: unknown): Promise<Response> {
  return call("/search", { token: user.accessToken, json });
}

export async function find(user: TestUser, parameters: Parameters): Promise<SearchResponse> {
  const body = await expectJson(await getSearch(user, parameters), 200);
  return searchResponseSchema.parse(body);
}

export const transcripts = (hits: SearchHit[]) => hits.map((hit) => hit.transcript);

/** What a search finds, in its order. */
export async function found(user: TestUser, q: string, parameters: Parameters = {}) {
  return transcripts((await find(user, { q, limit: 100, ...parameters })).results);
}

const cue = (second: number, text: string) => {
  const at = (n: number) => new Date(n * 1000).toISOString().slice(11, 23);
  return `${at(second)} --> ${at(second + 1)}\n${text}\n`;
};

/** WebVTT with a cue every ten seconds. */
export const captions = (...texts: string[]) =>
  ["WEBVTT\n", ...texts.map((text, n) => cue(n * 10, text))].join("\n");

import type { ActivityNote } from "../../../shared/audit/audited.ts";
import type { SearchRequest, SearchResponse } from "./schemas.ts";

/** What is counted of a search, without its words; further pages belong to the first one. */
export function toCounted(
  { cursor }: SearchRequest,
  { search_type }: SearchResponse,
): Partial<ActivityNote> {
  return { counted: { type: "searched", data: { search_type } }, isNothing: cursor !== undefined };
}

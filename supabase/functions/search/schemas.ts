import { z } from "@hono/zod-openapi";
import { uuidSchema } from "../../../shared/http/schemas.ts";
import { searchLimits } from "../../../shared/search/rank-fusion.ts";
import { maxQueryLength, normalizeQuery } from "../../../shared/search/search-query.ts";

const querySchema = z.string().overwrite(normalizeQuery)
  .min(1, "Expected something to search for")
  .max(maxQueryLength)
  .openapi({
    description: 'Words, "a phrase", -without, this or that',
    example: '"red car" -night',
  });

const limitSchema = z.int().min(searchLimits.min).max(searchLimits.max)
  .default(searchLimits.default);

const cursorSchema = z.string().min(1).max(2048);

/** What the query string and the body both say. */
export const searchBodySchema = z.strictObject({
  q: querySchema,
  limit: limitSchema,
  cursor: cursorSchema.optional(),
  video_id: uuidSchema.optional(),
}).openapi("SearchRequest");

export type SearchRequest = z.infer<typeof searchBodySchema>;

export const searchQuerySchema = z.object({
  q: querySchema,
  limit: z.coerce.number("Expected a number").int().min(searchLimits.min).max(searchLimits.max)
    .default(searchLimits.default)
    .openapi({ param: { name: "limit", in: "query" }, example: searchLimits.default }),
  cursor: cursorSchema.optional(),
  video_id: uuidSchema.optional(),
});

export const searchHitSchema = z.object({
  scene_id: z.uuid(),
  video_id: z.uuid(),
  video_title: z.string().nullable(),
  start_s: z.number().openapi({ description: "Seconds from the start of the video" }),
  end_s: z.number(),
  timecode: z.string().openapi({ example: "00:01:05.250" }),
  transcript: z.string().nullable(),
  highlights: z.array(z.object({
    text: z.string().openapi({
      description: "HTML-escaped, matches in <mark>",
      example: "the <mark>red</mark> car",
    }),
    start_s: z.number(),
    timecode: z.string(),
  })),
  score: z.number().openapi({ description: "Reciprocal rank fusion; compares within one search" }),
}).openapi("SearchHit");

export type SearchHit = z.infer<typeof searchHitSchema>;

export const searchResponseSchema = z.object({
  query: z.string(),
  search_type: z.literal("text"),
  results: z.array(searchHitSchema),
  next_cursor: z.string().nullable(),
  has_more: z.boolean(),
}).openapi("SearchResponse");

export type SearchResponse = z.infer<typeof searchResponseSchema>;

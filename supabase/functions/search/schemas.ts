import * as z from "zod";
import { later } from "../../../shared/later.ts";
import {
  checkCreatedRange,
  languageSchema,
  timeSchema,
  uuidSchema,
} from "../../../shared/http/schemas.ts";
import {
  branches,
  defaultWeights,
  searchLimits,
  vectorDimensions,
} from "../../../shared/search/rank-fusion.ts";
import { maxQueryLength, normalizeQuery } from "../../../shared/search/search-query.ts";
import { degradations } from "./choose-vector.ts";

const querySchema = later(() =>
  z.string().overwrite(normalizeQuery)
    .min(1, "Expected something to search for")
    .max(maxQueryLength)
    .openapi({
      description: 'Words, "a phrase", -without, this or that',
      example: '"red car" -night',
    })
);

const limitSchema = later(() =>
  z.int().min(searchLimits.min).max(searchLimits.max)
    .default(searchLimits.default)
);

const cursorSchema = later(() => z.string().min(1).max(2048));

const peopleSchema = later(() => z.array(uuidSchema).max(10));

const secondsSchema = later(() => z.number().min(0).max(9_999_999));

// The database keeps four bytes a number: what is too large or too small for them is so here.
const vectorSchema = later(() =>
  z.array(z.number()).length(vectorDimensions)
    .overwrite((values) => values.map(Math.fround))
    .refine((values) => values.every(Number.isFinite), "Expected numbers up to 3.4e38")
    .refine(
      (values) => values.some((value) => value !== 0),
      "Expected a vector that is not all zero",
    )
    .overwrite(scaleToOne)
    .openapi({ description: `${vectorDimensions} numbers of the query's embedding` })
);

/**
 * The same direction with 1 as the largest number: pgvector squares numbers in four bytes, so that
 * very large or small ones would have no distance.
 */
function scaleToOne(values: number[]): number[] {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return values.map((value) => Math.fround(value / largest));
}

// PostgreSQL refuses what a division makes smaller than its smallest number.
const weightSchema = later(() =>
  z.number().min(0).max(1)
    .overwrite((weight) => Math.round(weight * 1e6) / 1e6).optional()
);

const weightsSchema = later(() =>
  z.strictObject({
    text: weightSchema,
    metadata: weightSchema,
    people: weightSchema,
    vector: weightSchema,
  }).openapi({
    description: "What each branch weighs in the score",
    example: { ...defaultWeights },
  })
);

const filters = () => ({
  video_id: uuidSchema.optional(),
  organization_id: uuidSchema.optional(),
  language: languageSchema.optional(),
  created_from: timeSchema.optional(),
  created_to: timeSchema.optional(),
});

interface Durations {
  min_duration?: number | undefined;
  max_duration?: number | undefined;
}

function checkDurations({ value, issues }: z.core.ParsePayload<Durations>): void {
  const { min_duration: least, max_duration: most } = value;
  if (least === undefined || most === undefined || least <= most) return;
  const message = "Expected no less than min_duration";
  issues.push({ code: "custom", input: value, path: ["max_duration"], message });
}

/** A search in the body of a request. */
export const searchBodySchema = later(() =>
  z.strictObject({
    q: querySchema.optional(),
    vector: vectorSchema.optional(),
    limit: limitSchema,
    cursor: cursorSchema.optional(),
    ...filters(),
    person_id: peopleSchema.optional()
      .openapi({ description: "Scenes in which each of these people appears" }),
    min_duration: secondsSchema.optional(),
    max_duration: secondsSchema.optional(),
    weights: weightsSchema.optional(),
    explain: z.boolean().default(false),
  }).check(checkDurations, checkCreatedRange)
    .refine(({ q, vector }) => q !== undefined || vector !== undefined, {
      path: ["q"],
      error: "Expected something to search for",
    })
    .openapi("SearchRequest")
);

export type SearchRequest = z.infer<typeof searchBodySchema>;

const secondsQuery = (name: string) =>
  z.coerce.number("Expected a number").min(0).max(9_999_999).optional()
    .openapi({ param: { name, in: "query" }, type: "number", description: "Seconds of the video" });

/** A search in the query string. */
export const searchQuerySchema = later(() =>
  z.object({
    q: querySchema,
    limit: z.coerce.number("Expected a number").int().min(searchLimits.min).max(searchLimits.max)
      .default(searchLimits.default)
      .openapi({ param: { name: "limit", in: "query" }, example: searchLimits.default }),
    cursor: cursorSchema.optional(),
    ...filters(),
    person_id: z.preprocess((value) => typeof value === "string" ? [value] : value, peopleSchema)
      .optional()
      .openapi({
        param: { name: "person_id", in: "query", explode: true },
        description: "Scenes in which each of these people appears",
      }),
    min_duration: secondsQuery("min_duration"),
    max_duration: secondsQuery("max_duration"),
    explain: z.enum(["true", "false"]).default("false").transform((value) => value === "true")
      .openapi({ param: { name: "explain", in: "query" } }),
  }).check(checkDurations, checkCreatedRange)
);

const rankSchema = later(() => z.int().nullable());

export const searchHitSchema = later(() =>
  z.object({
    scene_id: z.uuid().nullable().openapi({
      description: "null for a video without scenes that its title, tags or description found",
    }),
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
    score: z.number().openapi({
      description: "Reciprocal rank fusion; compares within one search",
    }),
    ranks: z.record(z.enum(branches), rankSchema).optional().openapi({
      description:
        "With explain: the place in each branch from 1, null where it is not in it. From " +
        "2,001 on stand titles that differ by a letter, and scenes that hold a part of the words " +
        "in a video whose title, tags or description hold the rest",
      example: { text: 1, metadata: null, people: null, vector: 4 },
    }),
  }).openapi("SearchHit")
);

export type SearchHit = z.infer<typeof searchHitSchema>;

export const searchResponseSchema = later(() =>
  z.object({
    query: z.string().nullable(),
    search_type: z.enum(["text", "vector", "hybrid"]).openapi({ description: "What was used" }),
    degraded: z.enum(degradations).optional().openapi({
      description:
        "Why vectors were not used although they were asked for: the embedder failed, or " +
        "the database has no pgvector",
    }),
    results: z.array(searchHitSchema),
    next_cursor: z.string().nullable(),
    has_more: z.boolean(),
  }).openapi("SearchResponse")
);

export type SearchResponse = z.infer<typeof searchResponseSchema>;

import * as z from "zod";
import { later } from "../later.ts";
import { type ErrorCode, errorStatus } from "../errors/codes.ts";
import { cleanLine, cleanText, isPlainName, toNfc } from "../text/plain-text.ts";

const codes = Object.keys(errorStatus) as [ErrorCode, ...ErrorCode[]];

/** Every error answer (RFC 9457). `errors` names the refused fields of a validation failure. */
export const problemSchema = later(() =>
  z.object({
    type: z.string().openapi({ example: "urn:heimdex:problem:validation_failed" }),
    title: z.string().openapi({ example: "The request is not valid" }),
    status: z.int().openapi({ example: 422 }),
    detail: z.string().openapi({ example: "The body is not valid, check title" }),
    code: z.enum(codes).openapi({ example: "validation_failed" }),
    request_id: z.string().openapi({ example: "2f6f0c0e-5d0a-4f2b-9a9e-3f1c1d7a9b10" }),
    errors: z.array(z.object({
      path: z.string().openapi({ example: "title" }),
      message: z.string().openapi({ example: "Too small: expected string to have >=1 characters" }),
    })).optional(),
  }).openapi("Problem")
);

/** `responses` member that every route spreads: any failure is a problem document. */
export const problemResponse = {
  default: {
    description: "A problem document",
    content: { "application/problem+json": { schema: problemSchema } },
  },
} as const;

/** Whether every store takes the text: PostgreSQL refuses a NUL, JSON columns half a surrogate pair. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/**
 * A name, 1 to `max` characters as the database counts them: Unicode NFC, trimmed. Refuses what
 * {@link isPlainName} refuses and what nobody could see: a name must read as what it is.
 */
export function nameSchema(max: number, error?: string) {
  return z.string(error).trim().overwrite(toNfc)
    .refine((name) => [...name].length >= 1, "Expected at least 1 character")
    .refine((name) => [...name].length <= max, `Expected at most ${max} characters`)
    .refine(isPlainName, "Expected no control characters")
    .refine((name) => name === "" || /[^\p{C}\p{Z}]/u.test(name), "Expected a visible character")
    .openapi({ minLength: 1, maxLength: max });
}

/** A text of one line as {@link cleanLine} leaves it, 1 to `max` characters. */
export function lineSchema(max: number) {
  return z.string().overwrite(cleanLine).min(1).max(max);
}

/** A text of many lines as {@link cleanText} leaves it, 1 to `max` characters. */
export function textSchema(max: number) {
  return z.string().overwrite(cleanText).min(1).max(max);
}

/** A UUID of any version; answered in lower case as the database prints it. */
export const uuidSchema = later(() => z.guid("Expected a UUID").toLowerCase());

/** A UUID in the path, e.g. `params: z.object({ id: uuidParam("id") })` for `/{id}`. */
export function uuidParam(name: string) {
  return z.guid("Expected a UUID").toLowerCase().openapi({
    param: { name, in: "path" },
    example: "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
  });
}

/** An ISO 8601 time with a zone. */
export const timeSchema = later(() =>
  z.iso.datetime({
    offset: true,
    error: "Expected an ISO 8601 time with a zone",
  }).max(40).refine(
    // PostgreSQL knows no year 0 and no zone further than this from UTC.
    (time) => !time.startsWith("0000") && !/[+-](?:1[6-9]|2\d):\d\d$/.test(time),
    "Expected a year from 1 and a zone of less than 16 hours",
  ).openapi({ example: "2026-11-01T00:00:00Z" })
);

/** Refuses a `created_to` before `created_from`. */
export function checkCreatedRange(
  { value, issues }: z.core.ParsePayload<
    { created_from?: string | undefined; created_to?: string | undefined }
  >,
): void {
  const { created_from: from, created_to: to } = value;
  if (from === undefined || to === undefined || Date.parse(from) <= Date.parse(to)) return;
  const message = "Expected no time before created_from";
  issues.push({ code: "custom", input: value, path: ["created_to"], message });
}

/** A BCP 47 language tag. */
export const languageSchema = later(() =>
  z.string().max(35)
    .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'Expected a language tag such as "en" or "ko-KR"')
    .openapi({ example: "en" })
);

/** Query of every list: `limit` rows (1 to 100, default 20) after the opaque `cursor`. */
export const listQuerySchema = later(() =>
  z.object({
    limit: z.coerce.number("Expected a number").int().min(1).max(100).default(20)
      .openapi({ param: { name: "limit", in: "query" }, example: 20 }),
    cursor: z.string().min(1).max(2048).optional()
      .openapi({ param: { name: "cursor", in: "query" }, example: "eyJxIjoi.c2lnbmF0dXJl" }),
  })
);

/** `?count=exact` adds `total` to a list; without it nothing is counted. */
export const countQuerySchema = later(() =>
  z.object({
    count: z.literal("exact").optional()
      .openapi({ param: { name: "count", in: "query" }, example: "exact" }),
  })
);

/** Answer of a list: `{<items>, next_cursor, has_more, total?}`. */
export function listSchema<K extends string, S extends z.ZodType>(items: K, item: S) {
  const members = { [items]: z.array(item) } as Record<K, z.ZodArray<S>>;
  return z.object({
    ...members,
    next_cursor: z.string().nullable(),
    has_more: z.boolean(),
    total: z.int().optional(),
  });
}

/** Schemes for the OpenAPI document; routes name them in `security`. */
export const securitySchemes = {
  bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
  statusToken: {
    type: "http",
    scheme: "bearer",
    description: "The status token of an erasure, as DELETE /account answered it",
  },
  cron: { type: "http", scheme: "bearer", description: "HEIMDEX_CRON_SECRET" },
  worker: {
    type: "http",
    scheme: "bearer",
    description: "One of HEIMDEX_WORKER_KEYS, for workers that index videos",
  },
  webhook: { type: "apiKey", in: "header", name: "webhook-signature" },
} as const;

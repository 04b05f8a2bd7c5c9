import type { z } from "zod";
import type { AuthContext } from "./context.ts";
import { AuthError } from "./errors.ts";

const MAX_BYTES = 1024 * 1024;

/** Parses the JSON body; Supabase Auth answers 400 bad_json to anything else, 413 above 1 MiB. */
export async function readBody<T extends z.ZodType>(
  c: AuthContext,
  schema: T,
): Promise<z.output<T>> {
  const text = await readText(c.req.raw);
  return parseBody(text, schema);
}

/** As readBody, for routes whose body may be absent. */
export async function readOptionalBody<T extends z.ZodType>(
  c: AuthContext,
  schema: T,
): Promise<z.output<T>> {
  const text = await readText(c.req.raw);
  return parseBody(text.trim() === "" ? "{}" : text, schema);
}

async function readText(request: Request): Promise<string> {
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > MAX_BYTES) {
    throw new AuthError(413, "request_entity_too_large", "Request body exceeds 1 MiB");
  }
  return new TextDecoder().decode(bytes);
}

function parseBody<T extends z.ZodType>(text: string, schema: T): z.output<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badJson(cause instanceof Error ? cause.message : String(cause));
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw badJson(`${issue?.path.join(".") || "body"}: ${issue?.message ?? "invalid"}`);
}

const badJson = (detail: string) =>
  new AuthError(400, "bad_json", `Could not parse request body as JSON: ${detail}`);

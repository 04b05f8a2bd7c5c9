import type { Context, MiddlewareHandler, Next } from "hono";
import { AppError } from "../errors/app-error.ts";
import type { AppEnv } from "./base-app.ts";

/** Largest body in bytes where a route says nothing else. */
export const defaultBodyBytes = 65_536;

/** Says of a path that its route reads the body itself, by {@link readLargeBody}. */
export const leftToRoute = Infinity;

/** Levels of objects and arrays a JSON body may have; our own bodies have five. */
const mostLevels = 32;

const bodiless: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Reads the body before anything parses it, and no further than the route allows: the bytes that
 * arrive count, whatever Content-Length says or whether it is there. JSON that is nested too deep is
 * refused unparsed. Costs nothing where a method has no body.
 * @param limitOf bytes for a path inside the function, or {@link leftToRoute}
 * @throws AppError payload_too_large (413), validation_failed (422)
 */
export function readBody(limitOf: (path: string) => number): MiddlewareHandler<AppEnv> {
  return function readBody(c, next) {
    if (bodiless.has(c.req.method)) return next();
    const limit = limitOf(c.req.path);
    return limit === leftToRoute ? next() : readWithin(c, next, limit);
  };
}

/**
 * The same for a route that takes much. Stands behind the middleware that says who may call it, so
 * that nobody else makes the function hold megabytes.
 * @param limit bytes
 * @throws AppError payload_too_large (413), validation_failed (422)
 */
export function readLargeBody(limit: number): MiddlewareHandler<AppEnv> {
  return function readLargeBody(c, next) {
    return readWithin(c, next, limit);
  };
}

async function readWithin(c: Context<AppEnv>, next: Next, limit: number): Promise<void> {
  if (c.req.raw.body === null) return await next();
  const announced = Number(c.req.header("content-length") ?? 0);
  if (announced > limit) throw tooLarge(limit);
  const bytes = await readBytes(c.req.raw, limit);
  const isJson = /^application\/(?:[a-z.-]+\+)?json\b/i.test(c.req.header("content-type") ?? "");
  if (isJson && isNestedDeeper(bytes, mostLevels)) {
    throw new AppError(
      "validation_failed",
      `The body is nested deeper than ${mostLevels} levels, send a flatter one`,
    );
  }
  c.req.raw = new Request(c.req.raw, { body: bytes });
  await next();
}

async function readBytes(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the stream: what is left is not read.
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let position = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, position);
    position += chunk.length;
  }
  return bytes;
}

function tooLarge(limit: number): AppError {
  return new AppError(
    "payload_too_large",
    `The body is larger than ${limit} bytes, send a smaller one`,
  );
}

const quote = 0x22;
const backslash = 0x5c;
// `[` and `{` differ in this one bit, and so do `]` and `}`.
const curly = 0x20;
const opening = 0x7b;
const closing = 0x7d;

/** Whether UTF-8 JSON has more than so many levels; brackets inside of strings do not count. */
export function isNestedDeeper(json: Uint8Array, levels: number): boolean {
  let depth = 0;
  let isText = false;
  for (let index = 0; index < json.length; index++) {
    const byte = json[index] ?? 0;
    if (isText) {
      if (byte === backslash) index++;
      else if (byte === quote) isText = false;
    } else if (byte === quote) isText = true;
    else if ((byte | curly) === opening && ++depth > levels) return true;
    else if ((byte | curly) === closing) depth--;
  }
  return false;
}

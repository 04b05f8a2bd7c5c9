import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../shared/errors/app-error.ts";
import type { AppEnv } from "../../../shared/http/base-app.ts";
import { isNestedDeeper, readBody } from "../../../shared/http/read-body.ts";

const app = new Hono<AppEnv>();
app.use(readBody((path) => path === "/large" ? 1_000_000 : 1000));
app.post("*", async (c) => c.json({ bytes: (await c.req.arrayBuffer()).byteLength }));
app.onError((error, c) => c.text(error instanceof AppError ? error.code : String(error), 400));

/** A body in pieces; `read` tells how many were asked for. */
function inPieces(pieces: number, size: number) {
  const seen = { read: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (seen.read === pieces) return controller.close();
      seen.read += 1;
      controller.enqueue(new Uint8Array(size).fill(32));
    },
    cancel: () => void (seen.cancelled = true),
  }, { highWaterMark: 0 });
  return { body, seen };
}

async function send(body: BodyInit, headers: Record<string, string> = {}, path = "/") {
  const request = new Request(`http://x${path}`, { method: "POST", body, headers });
  const response = await app.request(request);
  return await response.text();
}

const json = { "content-type": "application/json" };

describe("the size of a body", () => {
  it.each([
    ["without a length", {}],
    ["with a length that is too small", { "content-length": "10" }],
    ["with a length that is no number", { "content-length": "many" }],
    ["with a length and in chunks", { "content-length": "10", "transfer-encoding": "chunked" }],
  ])("counts as it arrives %s", async (_, headers) => {
    const { body, seen } = inPieces(1000, 300);
    expect(await send(body, headers)).toBe("payload_too_large");
    expect(seen).toEqual({ read: 4, cancelled: true });
  });

  it("is refused unread when the length tells", async () => {
    const { body, seen } = inPieces(10, 1);
    expect(await send(body, { "content-length": "1001" })).toBe("payload_too_large");
    expect(seen.read).toBe(0);
  });

  it("may be just the limit, and the bytes arrive as they were", async () => {
    expect(await send(inPieces(10, 100).body)).toBe('{"bytes":1000}');
    expect(await send(new Uint8Array([0xff, 0, 0xfe]))).toBe('{"bytes":3}');
    expect(await send(inPieces(20, 100).body, {}, "/large")).toBe('{"bytes":2000}');
  });
});

describe("the depth of a JSON body", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

  it("is refused before it is parsed", async () => {
    expect(await send(nested(32), json)).toBe('{"bytes":64}');
    expect(await send(nested(33), json)).toBe("validation_failed");
    expect(await send(`${'{"a":'.repeat(40)}1`, json)).toBe("validation_failed");
    expect(await send(nested(40), { "content-type": "application/problem+json" }))
      .toBe("validation_failed");
  });

  it("leaves other bodies alone", async () => {
    expect(await send(nested(40), { "content-type": "text/vtt" })).toBe('{"bytes":80}');
  });

  it.each([
    [`{"a":"${"[".repeat(50)}"}`, false],
    [`{"a":"\\"${"[".repeat(50)}"}`, false],
    [`{"a":"\\\\","b":${"[".repeat(50)}`, true],
    [`${"[],".repeat(5000)}[]`, false],
  ])("does not count brackets of strings: %#", (text, isDeep) => {
    expect(isNestedDeeper(new TextEncoder().encode(text), 32)).toBe(isDeep);
  });

  it("is found in 8 MiB in linear time", () => {
    const bytes = new Uint8Array(8 * 1024 * 1024).fill(0x5d);
    const started = performance.now();
    isNestedDeeper(bytes, 32);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

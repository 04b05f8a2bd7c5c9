import { beforeAll, describe, expect, it } from "vitest";
import type { App } from "../../shared/http/base-app.ts";
import { depsWith } from "../support/app.ts";
import { createApps } from "../support/apps.ts";
import { expectProblem } from "../support/call.ts";
import { routes } from "../support/routes.ts";

/** Bytes a route takes, where that is more or less than 65,536. */
const limits: Readonly<Record<string, number>> = {
  "auth-onboarding": 16_384,
  "auth-webhook": 200_000,
  "videos/:id/captions": 5 * 1024 * 1024,
  "videos/:id/scenes": 8 * 1024 * 1024,
  "search": 131_072,
};

const table = Object.entries(routes).flatMap(([name, all]) =>
  all.filter(({ method }) => method !== "GET").map(({ method, path }) => {
    const limit = limits[`${name}${path}`] ?? limits[name] ?? 65_536;
    return [limit, `${method} ${name}${path}`, { name, method, path, limit }] as const;
  })
);

let apps: Record<string, App>;
beforeAll(() => {
  const deps = depsWith();
  apps = Object.fromEntries(
    Object.entries(createApps).map(([name, createApp]) => [name, createApp(deps)]),
  );
});

/** A body without a length that goes on for ever; `read` counts its bytes. */
function endless() {
  const piece = new Uint8Array(16_384).fill(0x20);
  const seen = { read: 0 };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      seen.read += piece.length;
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
  return { body, seen, piece };
}

describe("a body without end", () => {
  it.each(table)("is read to %d bytes by %s", async (_limit, _route, route) => {
    const { body, seen, piece } = endless();
    const path = route.path.replace(":id", crypto.randomUUID());
    const response = await (apps[route.name] as App).request(
      new Request(`http://x/${route.name}${path}`, {
        method: route.method,
        body,
        headers: { "content-type": "application/json" },
      }),
    );
    await expectProblem(response, "payload_too_large", 413);
    expect(seen.read).toBeLessThanOrEqual(route.limit + piece.length);
    expect(seen.read).toBeGreaterThan(route.limit);
  });
});

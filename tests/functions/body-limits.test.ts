import { beforeAll, describe, expect, it } from "vitest";
import type { App } from "../../shared/http/base-app.ts";
import { depsWith } from "../support/app.ts";
import { createApps } from "../support/apps.ts";
import { expectProblem } from "../support/call.ts";
import { type RouteAuth, routes } from "../support/routes.ts";
import { createUser } from "../support/users.ts";

/** Bytes a route takes, where that is more or less than 65,536. */
const limits: Readonly<Record<string, number>> = {
  "auth-onboarding": 16_384,
  "auth-webhook": 200_000,
  "videos/:id/captions": 5 * 1024 * 1024,
  "videos/:id/scenes": 8 * 1024 * 1024,
  "search": 131_072,
};

const table = Object.entries(routes).flatMap(([name, all]) =>
  all.filter(({ method }) => method !== "GET").map(({ method, path, auth }) => {
    const limit = limits[`${name}${path}`] ?? limits[name] ?? 65_536;
    return [limit, `${method} ${name}${path}`, { name, method, path, auth, limit }] as const;
  })
);
type Route = (typeof table)[number][2];

const isLarge = ({ limit }: Route) => limit > 1024 * 1024;

let apps: Record<string, App>;
const tokens: Partial<Record<RouteAuth, string>> = {};
beforeAll(async () => {
  tokens.user = (await createUser()).accessToken;
  tokens.worker = crypto.randomUUID();
  const deps = depsWith({ environment: { HEIMDEX_WORKER_KEYS: tokens.worker } });
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

function send({ name, method, path }: Route, body: BodyInit, token?: string) {
  const url = `http://x/${name}${path.replace(":id", crypto.randomUUID())}`;
  const headers = {
    "content-type": "application/json",
    ...token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
  return (apps[name] as App).request(new Request(url, { method, body, headers }));
}

describe("a body without end", () => {
  it.each(table)("is read to %d bytes by %s", async (_limit, _route, route) => {
    const { body, seen, piece } = endless();
    const token = isLarge(route) ? tokens[route.auth] : undefined;
    await expectProblem(await send(route, body, token), "payload_too_large", 413);
    expect(seen.read).toBeLessThanOrEqual(route.limit + piece.length);
    expect(seen.read).toBeGreaterThan(route.limit);
  });

  it.each(table.filter(([, , route]) => isLarge(route)))(
    "of up to %d bytes is not touched by %s before the caller is known",
    async (_limit, _route, route) => {
      const { body, seen } = endless();
      const stranger = await send(route, body, "a-key-nobody-was-given");
      await expectProblem(
        stranger,
        route.auth === "worker" ? "key_invalid" : "token_invalid",
        401,
      );
      expect(seen.read).toBe(0);
    },
  );
});

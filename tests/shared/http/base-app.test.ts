import { createRoute, z } from "@hono/zod-openapi";
import { describe, expect, it } from "vitest";
import { readEnv } from "../../../shared/env.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { createBaseApp } from "../../../shared/http/base-app.ts";
import { createDeps } from "../../../shared/http/deps.ts";
import { requireUser } from "../../../shared/http/require-user.ts";
import { problemResponse, problemSchema } from "../../../shared/http/schemas.ts";

const environment = {
  SUPABASE_URL: "http://127.0.0.1:9",
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
  SUPABASE_DB_URL: "postgresql://127.0.0.1:9/postgres",
};

const ok = {
  200: {
    description: "Fine",
    content: { "application/json": { schema: z.object({ ok: z.boolean() }) } },
  },
  ...problemResponse,
};

function createTestApp(origins = "https://app.test") {
  const lines: Record<string, unknown>[] = [];
  const deps = {
    ...createDeps(readEnv({ ...environment, HEIMDEX_ALLOWED_ORIGINS: origins })),
    log: (line: Record<string, unknown>) => void lines.push(line),
  };
  const app = createBaseApp("things", deps, {
    maxBodyBytes: (path) => path === "/large" ? 4096 : 1024,
  });
  const body = z.strictObject({ name: z.string().min(1), size: z.number().optional() });
  const json = { required: true, content: { "application/json": { schema: body } } };
  app.openapi(
    createRoute({ method: "post", path: "/items", request: { body: json }, responses: ok }),
    (c) => c.json({ ok: true }, 200),
  );
  app.openapi(
    createRoute({ method: "post", path: "/large", request: { body: json }, responses: ok }),
    (c) => c.json({ ok: true }, 200),
  );
  app.openapi(
    createRoute({ method: "get", path: "/items/{id}", responses: ok }),
    (c) => c.json({ ok: true }, 200),
  );
  app.openapi(createRoute({ method: "get", path: "/fail", responses: ok }), () => {
    throw new Error("secret text of a driver");
  });
  app.openapi(createRoute({ method: "get", path: "/refuse", responses: ok }), () => {
    throw new AppError("video_not_found");
  });
  app.openapi(
    createRoute({
      method: "get",
      path: "/own",
      middleware: [requireUser()] as const,
      responses: ok,
    }),
    (c) => c.json({ ok: true }, 200),
  );
  return { app, lines };
}

function post(body: BodyInit, headers: Record<string, string> = {}): RequestInit {
  return { method: "POST", body, headers: { "content-type": "application/json", ...headers } };
}

async function problemOf(response: Response) {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const problem = problemSchema.parse(await response.json());
  expect(problem.status).toBe(response.status);
  expect(response.headers.get("x-request-id")).toBe(problem.request_id);
  return problem;
}

describe("createBaseApp()", () => {
  const { app, lines } = createTestApp();

  it.each(["/functions/v1/things/items/1", "/things/items/1", "/items/1", "/items/1/"])(
    "answers under %s",
    async (path) => {
      expect((await app.request(path)).status).toBe(200);
    },
  );

  it.each([
    ["malformed JSON", post("{"), "invalid_json"],
    ["an empty JSON body", post(""), "invalid_json"],
    [
      "another content type",
      post("name=x", { "content-type": "text/plain" }),
      "unsupported_media_type",
    ],
    [
      "a body without content type",
      { method: "POST", body: new Uint8Array([1]) },
      "unsupported_media_type",
    ],
    ["a body over the limit", post(`{"name":"${"x".repeat(2000)}"}`), "payload_too_large"],
    ["a wrong type", post('{"name":5}'), "validation_failed"],
    ["an array", post("[]"), "validation_failed"],
    ["an unknown field", post('{"name":"x","nmae":1}'), "validation_failed"],
  ])("refuses %s", async (_name, init, code) => {
    expect((await problemOf(await app.request("/items", init))).code).toBe(code);
  });

  it("refuses a large body whose length is not announced", async () => {
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(600).fill(32));
      },
    });
    const request = new Request("http://x/things/items", {
      method: "POST",
      body: stream,
      headers: { "content-type": "application/json", "transfer-encoding": "chunked" },
    });
    expect((await problemOf(await app.request(request))).code).toBe("payload_too_large");
  });

  it("takes a larger body where the function allows it", async () => {
    const response = await app.request("/large", post(`{"name":"${"x".repeat(2000)}"}`));
    expect(response.status).toBe(200);
  });

  it("names each refused field", async () => {
    const problem = await problemOf(await app.request("/items", post('{"size":"1","other":2}')));
    expect(problem.errors?.map((error) => error.path).sort()).toEqual(["name", "other", "size"]);
  });

  it("tells an unknown route from a wrong method", async () => {
    expect((await problemOf(await app.request("/nothing"))).code).toBe("route_not_found");
    const response = await app.request("/items/1", { method: "DELETE" });
    expect((await problemOf(response)).code).toBe("method_not_allowed");
    expect(response.headers.get("allow")).toBe("GET, HEAD");
  });

  it("hides what an unexpected error says and logs it with the request id", async () => {
    const response = await app.request("/fail");
    const problem = await problemOf(response);
    expect([response.status, problem.code]).toEqual([500, "internal_error"]);
    expect(JSON.stringify(problem)).not.toContain("driver");
    expect(lines.at(-1)).toMatchObject({
      level: "error",
      code: "internal_error",
      request_id: problem.request_id,
      error_message: "secret text of a driver",
    });
  });

  it("writes one log line with route, status and time, without the query", async () => {
    const before = lines.length;
    await app.request("/things/items/42?token=geheim", { headers: { "x-request-id": "abc-123" } });
    expect(lines).toHaveLength(before + 1);
    expect(lines.at(-1)).toMatchObject({
      level: "info",
      function: "things",
      route: "/items/:id",
      method: "GET",
      status: 200,
      request_id: "abc-123",
      user_id: null,
      code: null,
      ms: expect.any(Number),
    });
    expect(JSON.stringify(lines.at(-1))).not.toContain("geheim");
  });

  it("runs its frame once for a path that holds a wildcard of the router", async () => {
    const before = lines.length;
    await problemOf(await app.request("/*"));
    expect((await app.request("/items/*")).status).toBe(200);
    expect(lines).toHaveLength(before + 2);
  });

  it.each(["<script>", "x".repeat(65), "a b", "a\u00e9"])(
    "replaces the unusable request id %j",
    async (id) => {
      const response = await app.request("/items/1", { headers: { "x-request-id": id } });
      expect(response.headers.get("x-request-id")).toMatch(/^[\w-]{36}$/);
    },
  );

  it.each(["/items/1", "/fail", "/refuse", "/nothing", "/own"])(
    "sends CORS, timing and security headers with the answer of %s",
    async (path) => {
      const { headers } = await app.request(path, { headers: { origin: "https://app.test" } });
      expect(headers.get("access-control-allow-origin")).toBe("https://app.test");
      expect(headers.get("access-control-allow-credentials")).toBeNull();
      expect(headers.get("access-control-expose-headers")).toContain("x-request-id");
      expect(headers.get("vary")).toContain("Origin");
      expect(headers.get("server-timing")).toMatch(/^.*total;dur=\d/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
    },
  );

  it("answers a preflight and lets no foreign origin read", async () => {
    const preflight = (origin: string) =>
      app.request("/items", {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST" },
      });
    const own = await preflight("https://app.test");
    expect(own.status).toBe(204);
    expect(own.headers.get("access-control-allow-methods")).toContain("PATCH");
    expect(own.headers.get("access-control-allow-headers")).toContain("idempotency-key");
    expect(own.headers.get("x-request-id")).not.toBeNull();
    const foreign = await preflight("https://evil.test");
    expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("lets every origin read when * is configured, never with credentials", async () => {
    const { headers } = await createTestApp("*").app.request("/nothing");
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect(headers.get("access-control-allow-credentials")).toBeNull();
  });
});

describe("requireUser()", () => {
  const { app } = createTestApp();
  it.each([
    [undefined, "token_missing"],
    ["", "token_missing"],
    ["Bearer sb_publishable_x", "token_missing"],
    ["Basic dXNlcjpwdw==", "token_invalid"],
    ["Bearer", "token_invalid"],
    ["Bearer a b", "token_invalid"],
  ])("refuses the header %j with %s", async (authorization, code) => {
    const response = await app.request(
      "/own",
      authorization === undefined ? {} : {
        headers: { authorization },
      },
    );
    expect((await problemOf(response)).code).toBe(code);
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer realm="heimdex"/);
  });
});

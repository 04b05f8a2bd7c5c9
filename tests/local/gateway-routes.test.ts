import { afterEach, describe, expect, it } from "vitest";
import { proxyToFunctions } from "../../local/gateway/functions-proxy.ts";
import { canReadMail, useStack } from "../support/stack.ts";
import { adminClient } from "../support/users.ts";

describe.runIf(canReadMail())("the gateway", () => {
  const get = (path: string, init?: RequestInit) => fetch(`${useStack().url}${path}`, init);

  it.each([
    "/",
    "/nothing",
    "/_system/config",
    "/rest/v2/videos",
    "/storage/v1/nothing/here",
    "/storage/v10/object/a/b",
    "/graphql/v1",
  ])("answers 404 in JSON for %s", async (path) => {
    const response = await get(path, { headers: { apikey: useStack().publishableKey } });
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toContain("application/json");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(await response.json()).toHaveProperty("message");
  });

  it("says which parts of Storage it has not", async () => {
    for (
      const path of ["/storage/v1/render/image/public/a/b.png", "/storage/v1/upload/resumable"]
    ) {
      const method = path.includes("render") ? "GET" : "POST";
      const response = await get(path, { method });
      expect(response.status).toBe(501);
      expect(await response.json()).toMatchObject({ code: "NotSupported" });
    }
  });

  it("answers pages where pages are meant", async () => {
    expect(await (await get("/health")).json()).toEqual({ status: "ok" });
    for (const path of ["/docs", "/mail"]) {
      const response = await get(path);
      expect([response.status, response.headers.get("content-type")]).toEqual([
        200,
        expect.stringContaining("text/html"),
      ]);
      await response.body?.cancel();
    }
  });

  it("shows mails to no page of another origin", async () => {
    const listed = await get("/mail/messages.json", { headers: { origin: "https://app.example" } });
    await listed.body?.cancel();
    const asked = await get("/mail/messages", {
      method: "OPTIONS",
      headers: { origin: "https://app.example", "access-control-request-method": "DELETE" },
    });
    await asked.body?.cancel();
    expect([listed.status, listed.headers.get("access-control-allow-origin")]).toEqual([200, null]);
    expect([asked.status, asked.headers.get("access-control-allow-origin")]).toEqual([404, null]);
  });

  it.each(["/auth/v1/user", "/rest/v1/videos", "/storage/v1/bucket"])(
    "lets browsers ask %s first",
    async (path) => {
      const response = await get(path, {
        method: "OPTIONS",
        headers: {
          origin: "https://app.example",
          "access-control-request-method": "PUT",
          "access-control-request-headers": "apikey,x-upsert,x-something-new",
        },
      });
      await response.body?.cancel();
      expect(response.status).toBe(204);
      expect(response.headers.get("access-control-allow-methods")).toContain("PUT");
      expect(response.headers.get("access-control-allow-headers")).toContain("x-something-new");
    },
  );

  it("asks for a key on every service but at links out of mails", async () => {
    for (const path of ["/auth/v1/user", "/rest/v1/videos"]) {
      expect((await get(path)).status).toBe(401);
      expect((await get(path, { headers: { apikey: "sb_publishable_else" } })).status).toBe(401);
    }
    expect((await get("/auth/v1/.well-known/jwks.json")).status).toBe(200);
  });

  it("keeps no object of an upload that breaks off", async () => {
    const storage = adminClient().storage;
    const bucket = `broken-${crypto.randomUUID().slice(0, 8)}`;
    await storage.createBucket(bucket);
    const controller = new AbortController();
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(stream) {
        stream.enqueue(new Uint8Array(64 * 1024));
        await new Promise((resolve) => setTimeout(resolve, 10));
        if (++sent === 5) controller.abort();
      },
    });
    const upload = get(`/storage/v1/object/${bucket}/half.bin`, {
      method: "POST",
      headers: { apikey: useStack().secretKey, "content-type": "text/plain" },
      body,
      signal: controller.signal,
      ...{ duplex: "half" },
    });
    await expect(upload).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await storage.from(bucket).list()).data).toEqual([]);
    expect((await storage.deleteBucket(bucket)).error).toBeNull();
  });

  it("lets one of several uploads of the same name win", async () => {
    const storage = adminClient().storage;
    const bucket = `race-${crypto.randomUUID().slice(0, 8)}`;
    await storage.createBucket(bucket);
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, index) => storage.from(bucket).upload("one.txt", `${index}`)),
    );
    expect(results.filter(({ error }) => error === null)).toHaveLength(1);
    const refused = results.flatMap(({ error }) => error === null ? [] : [error]);
    for (const error of refused) expect(error).toMatchObject({ statusCode: "409" });
    const over = await Promise.all(
      Array.from(
        { length: 8 },
        (_, index) => storage.from(bucket).upload("one.txt", `${index}`, { upsert: true }),
      ),
    );
    expect(over.filter(({ error }) => error !== null)).toEqual([]);
    const { data } = await storage.from(bucket).download("one.txt");
    expect(await data?.text()).toMatch(/^[0-7]$/);
    await storage.emptyBucket(bucket);
    await storage.deleteBucket(bucket);
  });

  it.each(["a/../b.txt", "/a.txt", "a//b.txt", "a\0b.txt", "x".repeat(1100)])(
    "refuses the key %j wherever it comes in a body",
    async (bad) => {
      const bucket = adminClient().storage.from("uploads");
      for (const { error } of [await bucket.move("from.txt", bad), await bucket.copy(bad, "to")]) {
        expect(error).toMatchObject({ status: 400, code: "InvalidKey" });
      }
    },
  );
});

describe("proxyToFunctions()", () => {
  let upstream: Deno.HttpServer | undefined;
  afterEach(async () => {
    await upstream?.shutdown();
    upstream = undefined;
  });

  const serve = (handler: (request: Request) => Response | Promise<Response>) => {
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
    upstream = server;
    return `http://127.0.0.1:${server.addr.port}`;
  };
  const call = (path: string, origin: string, init?: RequestInit) =>
    proxyToFunctions(new Request(`http://127.0.0.1:54321${path}`, init), origin, {
      remoteAddress: "127.0.0.9",
    });

  it("keeps path, method, headers and body, and says for whom it asks", async () => {
    const origin = serve(async (request) =>
      Response.json({
        url: new URL(request.url).pathname + new URL(request.url).search,
        method: request.method,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
      }, { status: 201, headers: { "x-request-id": "one", "set-cookie": "a=b" } })
    );
    const response = await call("/functions/v1/videos/x%20y?limit=2", origin, {
      method: "POST",
      headers: { authorization: "Bearer t", "x-forwarded-for": "10.0.0.1", "idempotency-key": "k" },
      body: "sent",
    });
    expect([response.status, response.headers.get("x-request-id")]).toEqual([201, "one"]);
    const seen = await response.json();
    expect(seen).toMatchObject({
      url: "/functions/v1/videos/x%20y?limit=2",
      method: "POST",
      body: "sent",
      headers: {
        authorization: "Bearer t",
        "idempotency-key": "k",
        "x-forwarded-for": "10.0.0.1, 127.0.0.9",
        "x-forwarded-host": "127.0.0.1:54321",
        "x-forwarded-proto": "http",
        "x-forwarded-port": "54321",
      },
    });
  });

  it("passes parts on while the function still writes", async () => {
    let release = () => {};
    const waiting = new Promise<void>((resolve) => release = resolve);
    const origin = serve(() =>
      new Response(
        new ReadableStream({
          async start(stream) {
            stream.enqueue(new TextEncoder().encode("first"));
            await waiting;
            stream.enqueue(new TextEncoder().encode("second"));
            stream.close();
          },
        }),
      )
    );
    const response = await call("/functions/v1/videos", origin);
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(new TextDecoder().decode(first?.value)).toBe("first");
    release();
    const second = await reader?.read();
    expect(new TextDecoder().decode(second?.value)).toBe("second");
    await reader?.read();
  });

  it("hands redirects and errors through", async () => {
    const origin = serve((request) =>
      request.url.endsWith("/go")
        ? new Response(null, { status: 302, headers: { location: "https://app.example/" } })
        : new Response("{}", {
          status: 418,
          headers: { "content-type": "application/problem+json" },
        })
    );
    const moved = await call("/functions/v1/videos/go", origin);
    expect([moved.status, moved.headers.get("location")]).toEqual([302, "https://app.example/"]);
    const failed = await call("/functions/v1/videos", origin);
    expect([failed.status, failed.headers.get("content-type"), await failed.text()]).toEqual([
      418,
      "application/problem+json",
      "{}",
    ]);
  });

  it("answers 503 in JSON when no router listens", async () => {
    const response = await call("/functions/v1/videos", "http://127.0.0.1:2");
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBeTruthy();
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(await response.json()).toHaveProperty("message");
  });
});

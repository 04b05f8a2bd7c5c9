import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { readEnv } from "../../../shared/env.ts";
import { createObjectStore, ObjectExistsError } from "../../../shared/storage/object-store.ts";
import { deadPort } from "../../support/app.ts";
import { useStack } from "../../support/stack.ts";
import { adminClient, anonymousClient } from "../../support/users.ts";

const store = () => createObjectStore(readEnv(useStack().environment));
const newKey = () => `videos/${crypto.randomUUID()}/${crypto.randomUUID()}.mp4`;
const put = async (key: string, bytes = "four") => {
  const { error } = await adminClient().storage.from("uploads")
    .upload(key, new Blob([bytes], { type: "video/mp4" }));
  expect(error).toBeNull();
};

describe("against Storage", () => {
  test("signs an upload that works once", async () => {
    const key = newKey();
    const ticket = await store().createUploadUrl("uploads", key);
    expect(ticket).toMatchObject({ path: key, expiresIn: 7200 });
    const upload = () =>
      anonymousClient().storage.from("uploads")
        .uploadToSignedUrl(key, ticket.token, new Blob(["four"], { type: "video/mp4" }));
    expect((await upload()).error).toBeNull();
    expect((await upload()).error).not.toBeNull();
    expect(await store().stat("uploads", key)).toEqual({ size: 4, contentType: "video/mp4" });
  });

  test("does not sign an upload onto an object, unless told to replace it", async () => {
    const key = newKey();
    await put(key);
    await expect(store().createUploadUrl("uploads", key)).rejects.toThrow(ObjectExistsError);
    const ticket = await store().createUploadUrl("uploads", key, { upsert: true });
    const { error } = await anonymousClient().storage.from("uploads")
      .uploadToSignedUrl(key, ticket.token, new Blob(["sixsix"], { type: "video/mp4" }));
    expect(error).toBeNull();
    expect(await store().stat("uploads", key)).toMatchObject({ size: 6 });
  });

  test("signs downloads of what is there", async () => {
    const key = newKey();
    await put(key);
    const lost = newKey();
    const urls = await store().signDownloads("uploads", [key, lost], 600);
    expect([...urls.keys()]).toEqual([key]);
    const response = await fetch(urls.get(key) ?? "");
    expect(await response.text()).toBe("four");
    expect(await store().signDownloads("uploads", [], 600)).toEqual(new Map());
  });

  test("tells an absent object from one that is there", async () => {
    expect(await store().stat("uploads", newKey())).toBeNull();
  });

  test("does not take an absent bucket for an absent object", async () => {
    await expect(store().stat("no-such-bucket", newKey())).rejects.toThrow("Bucket not found");
  });

  test("removes objects and passes over absent ones", async () => {
    const key = newKey();
    await put(key);
    await store().remove("uploads", [key, newKey()]);
    expect(await store().stat("uploads", key)).toBeNull();
    await store().remove("uploads", [key]);
    await store().remove("uploads", []);
  });

  test("takes more keys than one call of the Storage API allows", async () => {
    const key = newKey();
    await put(key);
    const absent = Array.from({ length: 1500 }, (_, n) => `videos/none/${n}.mp4`);
    await store().remove("uploads", [...absent, key]);
    expect(await store().stat("uploads", key)).toBeNull();
  });
});

describe("outage", () => {
  const closing: (() => void)[] = [];
  afterEach(() => closing.splice(0).forEach((close) => close()));

  async function listen(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const failures: [string, () => Promise<string>][] = [
    ["a refused connection", () => Promise.resolve(`http://127.0.0.1:${deadPort}`)],
    ["a 503 without JSON", () => listen((_, response) => response.writeHead(503).end("busy"))],
    [
      "a 500 inside a 400",
      () =>
        listen((_, response) =>
          response.writeHead(400, { "content-type": "application/json" })
            .end(JSON.stringify({ statusCode: "544", error: "DatabaseTimeout", message: "slow" }))
        ),
    ],
    ["an answer that never comes", () => listen(() => {})],
    ["a cut connection", () => listen((request) => request.socket.destroy())],
  ];

  test.each(failures)("%s is storage_unavailable for every call", async (_, start) => {
    const supabaseUrl = await start();
    const env = { supabaseUrl, publicUrl: supabaseUrl, secretKey: "sb_secret_test" };
    const broken = createObjectStore(env, { timeoutMs: 300 });
    const calls = [
      broken.createUploadUrl("uploads", "key"),
      broken.signDownloads("uploads", ["key"], 60),
      broken.stat("uploads", "key"),
      broken.remove("uploads", ["key"]),
    ];
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "storage_unavailable" } });
    }
  });
});

test("an object without a size never passes for an empty one", async () => {
  const server = createServer((_, response) =>
    response.writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ name: "key", size: null, content_type: "video/mp4" }))
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const supabaseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { supabaseUrl, publicUrl: supabaseUrl, secretKey: "sb_secret_test" };
  await expect(createObjectStore(env).stat("uploads", "key")).rejects.toMatchObject({
    code: "storage_unavailable",
  });
  server.closeAllConnections();
  server.close();
});

test("a 404 that Storage did not write never passes for a removal", async () => {
  const server = createServer((_, response) => response.writeHead(404).end("no such route"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const supabaseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { supabaseUrl, publicUrl: supabaseUrl, secretKey: "sb_secret_test" };
  await expect(createObjectStore(env).remove("uploads", ["key"])).rejects.toThrow();
  server.closeAllConnections();
  server.close();
});

test("URLs for clients stand on the public origin", async () => {
  const env = { ...readEnv(useStack().environment), publicUrl: "https://api.example.test" };
  const { uploadUrl } = await createObjectStore(env).createUploadUrl("uploads", newKey());
  expect(uploadUrl).toMatch(/^https:\/\/api\.example\.test\/storage\/v1\/object\/upload\/sign\//);
});

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

  test("stores an object once, unless told to replace it, and gives its bytes back", async () => {
    const key = `${crypto.randomUUID()}/a.json`;
    const json = { contentType: "application/json" };
    await store().put("sidecars", key, '{"é":1}', json);
    expect(await store().stat("sidecars", key)).toEqual({ size: 8, ...json });
    const bytes = await store().get("sidecars", key);
    expect(new TextDecoder().decode(bytes ?? undefined)).toBe('{"é":1}');
    await expect(store().put("sidecars", key, "{}", json)).rejects.toThrow(ObjectExistsError);
    await store().put("sidecars", key, new Uint8Array([123, 125]), { ...json, upsert: true });
    expect(await store().get("sidecars", key)).toEqual(new Uint8Array([123, 125]));
    expect(await store().get("sidecars", newKey())).toBeNull();
    await expect(store().get("no-such-bucket", key)).rejects.toThrow("Bucket not found");
  });

  test("lists a folder with its folders, page by page, and nothing beside it", async () => {
    const folder = crypto.randomUUID();
    const keys = ["a/1.json", "a/b/2.json", "c.json"].map((name) => `${folder}/${name}`);
    for (const key of [...keys, `${folder}x/d.json`]) {
      await store().put("sidecars", key, "{}", { contentType: "application/json" });
    }
    const prefix = `${folder}/`;
    const whole = await store().list("sidecars", { prefix });
    expect(whole).toEqual({ objects: keys.map((key) => ({ key, size: 2 })) });
    const first = await store().list("sidecars", { prefix, limit: 2 });
    expect(first.objects.map((object) => object.key)).toEqual(keys.slice(0, 2));
    const second = await store().list("sidecars", { prefix, limit: 2, cursor: first.cursor });
    expect(second).toEqual({ objects: [{ key: keys[2], size: 2 }] });
    expect(await store().list("sidecars", { prefix: `${crypto.randomUUID()}/` })).toEqual({
      objects: [],
    });
  });
});

describe("move", () => {
  test("gives an object another key, and tells when there is none", async () => {
    const [from, to] = [newKey(), newKey()];
    await put(from);
    expect(await store().move("uploads", from, to)).toBe(true);
    expect(await store().stat("uploads", from)).toBeNull();
    expect(await store().stat("uploads", to)).toEqual({ size: 4, contentType: "video/mp4" });
    expect(await store().move("uploads", from, newKey())).toBe(false);
    await expect(store().move("no-such-bucket", to, from)).rejects.toThrow("Bucket not found");
  });

  test("leaves an object alone that stands at the new key", async () => {
    const [from, to] = [newKey(), newKey()];
    await put(from);
    await put(to, "sixsix");
    await expect(store().move("uploads", from, to)).rejects.toThrow(ObjectExistsError);
    expect(await store().stat("uploads", from)).toMatchObject({ size: 4 });
    expect(await store().stat("uploads", to)).toMatchObject({ size: 6 });
  });
});

describe("copy", () => {
  test("stores an object a second time, and tells when there is none", async () => {
    const [from, to] = [newKey(), newKey()];
    await put(from);
    expect(await store().copy("uploads", from, to)).toBe(true);
    for (const key of [from, to]) {
      expect(await store().stat("uploads", key)).toEqual({ size: 4, contentType: "video/mp4" });
    }
    expect(await store().copy("uploads", newKey(), newKey())).toBe(false);
    await expect(store().copy("no-such-bucket", to, from)).rejects.toThrow("Bucket not found");
  });

  test("leaves an object alone that stands at the new key", async () => {
    const [from, to] = [newKey(), newKey()];
    await put(from);
    await put(to, "sixsix");
    await expect(store().copy("uploads", from, to)).rejects.toThrow(ObjectExistsError);
    expect(await store().stat("uploads", to)).toMatchObject({ size: 6 });
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
      broken.put("uploads", "key", "four", { contentType: "video/mp4" }),
      broken.get("uploads", "key"),
      broken.list("uploads"),
      broken.move("uploads", "key", "other"),
      broken.copy("uploads", "key", "other"),
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

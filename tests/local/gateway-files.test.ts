import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StorageError } from "../../local/gateway/storage/errors.ts";
import { type FileStore, openFileStore } from "../../local/gateway/storage/files.ts";
import { readIncomingFile } from "../../local/gateway/storage/incoming.ts";
import { requireBucketName, requireKey } from "../../local/gateway/storage/names.ts";
import { readRange } from "../../local/gateway/storage/range.ts";
import { createUrlSigner } from "../../local/gateway/storage/tokens.ts";

const long = process.env["HEIMDEX_TEST_SIZE"] === "long";
const bytes = (text: string) => new TextEncoder().encode(text);

async function* chunks(...parts: (string | Error)[]): AsyncIterable<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield await Promise.resolve(bytes(part));
  }
}

describe("openFileStore()", () => {
  let root: string;
  let files: FileStore;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "heimdex-files-"));
    files = await openFileStore(root);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const incoming = () => readdir(join(root, ".incoming"));
  const address = { bucket: "uploads", version: "0a1b2c3d" };

  it("measures and names what it receives", async () => {
    const received = await files.receive(chunks("hel", "lo"), null);
    expect(received).toMatchObject({ size: 5, eTag: '"5d41402abc4b2a76b9719d911017c592"' });
    await files.place(received.temporary, address);
    expect(await incoming()).toEqual([]);
    expect(await readFile(join(root, "uploads", "0a", "0a1b2c3d"), "utf8")).toBe("hello");
  });

  it("leaves nothing of an upload that is too large or cut short", async () => {
    await expect(files.receive(chunks("12345", "6"), 5)).rejects.toMatchObject({ statusCode: 413 });
    await expect(files.receive(chunks("12", new Error("gone")), 5)).rejects.toThrow("gone");
    expect(await incoming()).toEqual([]);
    expect((await files.receive(chunks("12345"), 5)).size).toBe(5);
  });

  it("forgets half-received files of an earlier run", async () => {
    await files.receive(chunks("left"), null);
    expect(await incoming()).toHaveLength(1);
    await openFileStore(root);
    expect(await incoming()).toEqual([]);
  });

  it("keeps the bytes of a link when the first name goes", async () => {
    await files.place((await files.receive(chunks("shared"), null)).temporary, address);
    const copy = { bucket: "other bucket/..", version: "ffff0000" };
    await files.link(address, copy);
    await files.remove(address);
    await files.remove(address);
    expect(await files.open(address)).toBeNull();
    const file = await files.open(copy);
    expect(file).not.toBeNull();
    file?.close();
    const listed = [];
    for await (const each of files.list()) listed.push(each);
    expect(listed).toEqual([copy]);
  });

  it("holds no upload in memory", async () => {
    const megabytes = long ? 1024 : 96;
    async function* large(): AsyncIterable<Uint8Array> {
      for (let index = 0; index < megabytes; index++) {
        yield await Promise.resolve(new Uint8Array(1024 * 1024));
      }
    }
    const before = process.memoryUsage().rss;
    const { size } = await files.receive(large(), null);
    expect(size).toBe(megabytes * 1024 * 1024);
    const grown = (process.memoryUsage().rss - before) / 1024 / 1024;
    expect(grown).toBeLessThan(long ? 200 : 80);
  });
});

describe("requireKey()", () => {
  it.each(["a.txt", "videos/1/2.mp4", "a b(c)!$&'@=;:+,?.txt", "x".repeat(1024), "..a/b.."])(
    "takes %s",
    (key) => expect(requireKey(key)).toBe(key),
  );

  it.each([
    "",
    "/a.txt",
    "a/",
    "a//b",
    ".",
    "..",
    "../a",
    "a/../b",
    "a/./b",
    "a\0b",
    "a\nb",
    "a\\b",
    "한글",
    "{a}",
    "x".repeat(1025),
  ])("refuses %j", (key) => {
    expect(() => requireKey(key)).toThrow(expect.objectContaining({ code: "InvalidKey" }));
  });

  it("refuses bucket names that are no names", () => {
    expect(requireBucketName("my-bucket_1")).toBe("my-bucket_1");
    for (const name of ["", "..", "a/b", " a", "x".repeat(64), "a\0"]) {
      expect(() => requireBucketName(name)).toThrow(StorageError);
    }
  });
});

describe("readRange()", () => {
  it.each([
    ["bytes=0-0", { start: 0, end: 0 }],
    ["bytes=0-", { start: 0, end: 99 }],
    ["bytes=90-200", { start: 90, end: 99 }],
    ["bytes=-10", { start: 90, end: 99 }],
    ["bytes=-200", { start: 0, end: 99 }],
    [null, null],
    ["bytes=-", null],
    ["bytes=1-2,5-6", null],
    ["items=1-2", null],
    ["bytes=a-b", null],
  ])("reads %j of 100 bytes", (header, range) => {
    expect(readRange(header, 100)).toEqual(range);
  });

  it.each(["bytes=100-", "bytes=5-4", "bytes=-0"])("refuses %j of 100 bytes", (header) => {
    expect(() => readRange(header, 100)).toThrow(expect.objectContaining({ statusCode: 416 }));
  });

  it("refuses any range of nothing", () => {
    expect(() => readRange("bytes=0-", 0)).toThrow(StorageError);
  });
});

describe("createUrlSigner()", () => {
  const signer = createUrlSigner("a secret of the gateway");

  it("binds a token to path, purpose and time", async () => {
    const token = await signer.sign("upload", "uploads/a", 60, { upsert: true });
    expect(await signer.verify("upload", "uploads/a", token)).toMatchObject({ upsert: true });
    await expect(signer.verify("upload", "uploads/b", token)).rejects.toThrow("Invalid signature");
    await expect(signer.verify("download", "uploads/a", token)).rejects.toThrow(StorageError);
    const late = await signer.sign("upload", "uploads/a", -1);
    await expect(signer.verify("upload", "uploads/a", late)).rejects.toThrow("exp");
    const other = createUrlSigner("another secret");
    await expect(other.verify("upload", "uploads/a", token)).rejects.toThrow(StorageError);
  });
});

describe("readIncomingFile()", () => {
  const form = (body: string) =>
    new Request("http://127.0.0.1/", {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=cut" },
      body: body.replaceAll("\n", "\r\n"),
    });
  const field = (name: string, value: string) =>
    `--cut\nContent-Disposition: form-data; name="${name}"\n\n${value}\n`;
  const file = (content: string) =>
    `--cut\nContent-Disposition: form-data; name=""; filename="blob"\n` +
    `Content-Type: text/plain\n\n${content}\n`;

  async function readAll(request: Request): Promise<string> {
    const { body, finished } = await readIncomingFile(request);
    const parts: Uint8Array[] = [];
    for await (const part of body) parts.push(part);
    await finished;
    return new TextDecoder().decode(await new Blob(parts.map((each) => each.slice())).bytes());
  }

  it("finds the part without a name, and the fields before it", async () => {
    const text = field("cacheControl", "60") + field("metadata", '{"a":1}') + file("hi") +
      "--cut--";
    const incoming = await readIncomingFile(form(text));
    expect(incoming).toMatchObject({
      mimeType: "text/plain",
      cacheControl: "max-age=60",
      userMetadata: { a: 1 },
    });
    expect(await readAll(form(text))).toBe("hi");
  });

  it.each([
    ["a form without a file", field("a", "b") + "--cut--"],
    ["a form that ends in the file", file("half")],
    ["an empty form", ""],
    ["metadata that is no JSON", field("metadata", "{") + file("x") + "--cut--"],
    [
      "a field that would add a header",
      field("cacheControl", "1\nSet-Cookie: a") + file("x") + "--cut--",
    ],
  ])("refuses %s", async (_name, body) => {
    await expect(readAll(form(body))).rejects.toMatchObject({ statusCode: 400 });
  });

  it("refuses a form without a boundary", async () => {
    const request = new Request("http://127.0.0.1/", {
      method: "POST",
      headers: { "content-type": "multipart/form-data" },
      body: "x",
    });
    await expect(readIncomingFile(request)).rejects.toMatchObject({ statusCode: 400 });
  });
});

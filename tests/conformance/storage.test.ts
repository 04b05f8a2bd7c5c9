import type { SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresSql } from "../support/sql.ts";
import { useStack } from "../support/stack.ts";
import { adminClient, anonymousClient, createUser, type TestUser } from "../support/users.ts";

// Everything here goes through @supabase/supabase-js or plain URLs, so that it can be pointed at
// any Supabase project with SUPABASE_URL, keys and DATABASE_URL.
const run = crypto.randomUUID().slice(0, 8);
const own = `conformance-own-${run}`;
const open = `conformance-open-${run}`;
const limited = `conformance-limited-${run}`;
const buckets = [own, open, limited];

let ann: TestUser;
let ben: TestUser;
const secret = adminClient();
const nobody = anonymousClient();

beforeAll(async () => {
  [ann, ben] = await Promise.all([createUser(), createUser()]);
  await createBuckets();
  for (const command of ["select", "insert", "update", "delete"]) {
    await postgresSql().unsafe(policyFor(command));
  }
});

afterAll(async () => {
  for (const command of ["select", "insert", "update", "delete"]) {
    await postgresSql().unsafe(`drop policy if exists "${own} ${command}" on storage.objects`);
  }
  for (const bucket of buckets) {
    await secret.storage.emptyBucket(bucket);
    await secret.storage.deleteBucket(bucket);
  }
});

async function createBuckets(): Promise<void> {
  const results = [
    await secret.storage.createBucket(own, { public: false }),
    await secret.storage.createBucket(open, { public: true }),
    await secret.storage.createBucket(limited, {
      public: false,
      fileSizeLimit: 1000,
      allowedMimeTypes: ["image/*", "text/plain"],
    }),
  ];
  for (const { error } of results) expect(error).toBeNull();
}

// A user's folder is named after the user, as in the buckets of this project.
function policyFor(command: string): string {
  const rule = `bucket_id = '${own}'
    and (storage.foldername(name))[1] = (select auth.uid())::text`;
  const clauses: Record<string, string> = {
    select: `using (${rule})`,
    delete: `using (${rule})`,
    insert: `with check (${rule})`,
    update: `using (${rule}) with check (${rule})`,
  };
  return `create policy "${own} ${command}" on storage.objects for ${command}
    to authenticated ${clauses[command]}`;
}

const text = (content: string, type = "text/plain") => new Blob([content], { type });
const key = (user: TestUser, name = `${crypto.randomUUID()}.txt`) => `${user.id}/${name}`;

async function put(client: SupabaseClient, path: string, content = "content"): Promise<void> {
  const { error } = await client.storage.from(own).upload(path, text(content));
  expect(error).toBeNull();
}

async function read(client: SupabaseClient, path: string): Promise<string | null> {
  const { data } = await client.storage.from(own).download(path);
  return data === null ? null : await data.text();
}

describe("upload()", () => {
  it("takes a Blob as a form and answers id, path and full path", async () => {
    const path = key(ann);
    const { data } = await ann.client.storage.from(own).upload(path, text("as a form"));
    expect(data).toMatchObject({ path, fullPath: `${own}/${path}` });
    expect(data?.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await read(ann.client, path)).toBe("as a form");
  });

  it("takes bytes, text and a stream as they are", async () => {
    const bodies = [
      new TextEncoder().encode("bytes"),
      "bytes",
      new Blob(["bytes"]).stream(),
    ];
    for (const body of bodies) {
      const path = key(ann);
      const { error } = await ann.client.storage.from(own).upload(path, body, { duplex: "half" });
      expect(error).toBeNull();
      expect(await read(ann.client, path)).toBe("bytes");
    }
  });

  it("keeps type, cache control, size, tag and the user's own metadata", async () => {
    const path = key(ann, `${run}.json`);
    await ann.client.storage.from(own).upload(path, text("{}", "application/json"), {
      cacheControl: "60",
      metadata: { camera: "한글" },
    });
    const { data } = await ann.client.storage.from(own).info(path);
    expect(data).toMatchObject({
      name: path,
      size: 2,
      contentType: "application/json",
      cacheControl: "max-age=60",
      metadata: { camera: "한글" },
    });
    expect(data?.etag).toContain("99914b932bd37a50b983c5e7c90ae93b");
  });

  it("refuses a second object of the same name unless told to overwrite", async () => {
    const path = key(ann);
    await put(ann.client, path, "first");
    const again = await ann.client.storage.from(own).upload(path, text("second"));
    expect(again.error).toMatchObject({ statusCode: "409" });
    expect(await read(ann.client, path)).toBe("first");
    const over = await ann.client.storage.from(own).upload(path, text("third"), { upsert: true });
    expect(over.error).toBeNull();
    expect(await read(ann.client, path)).toBe("third");
  });

  it("records the uploader as owner, and nobody for the secret key", async () => {
    const [mine, service] = [key(ann), key(ann)];
    await put(ann.client, mine);
    await put(secret, service);
    const rows = await postgresSql()<{ name: string; owner_id: string | null }[]>`
      select name, owner_id from storage.objects where name in (${mine}, ${service})`;
    const owners = new Map(rows.map((row) => [row.name, row.owner_id]));
    expect(owners.get(mine)).toBe(ann.id);
    expect(owners.get(service) ?? null).toBeNull();
  });

  it("holds the bucket to its size and types, form and bytes alike", async () => {
    const large = new Uint8Array(1001);
    const bucket = secret.storage.from(limited);
    const cases = [
      { error: (await bucket.upload("a.txt", large, { contentType: "text/plain" })).error },
      { error: (await bucket.upload("b.txt", new Blob([large], { type: "text/plain" }))).error },
    ];
    for (const { error } of cases) expect(error).toMatchObject({ statusCode: "413" });
    expect((await bucket.upload("c.pdf", text("x", "application/pdf"))).error)
      .toMatchObject({ statusCode: "415" });
    expect((await bucket.upload("d.png", text("x", "image/png"))).error).toBeNull();
    const { data } = await bucket.list();
    expect(data?.map((entry) => entry.name)).toEqual(["d.png"]);
  });

  it("keeps the old content when an overwrite is refused half-way", async () => {
    const bucket = secret.storage.from(limited);
    const write = (content: string | Uint8Array<ArrayBuffer>) =>
      bucket.upload("kept.txt", content, { contentType: "text/plain", upsert: true });
    expect((await write("old")).error).toBeNull();
    expect((await write(new Uint8Array(1001))).error).not.toBeNull();
    const { data } = await bucket.download("kept.txt");
    expect(await data?.text()).toBe("old");
    await bucket.remove(["kept.txt"]);
  });

  it("refuses keys with characters that are not allowed", async () => {
    for (const bad of ["한글.txt", "curly{.txt", "pipe|.txt", "tilde~.txt"]) {
      const { error } = await secret.storage.from(own).upload(bad, text("x"));
      expect(error?.message, bad).toContain("Invalid key");
    }
  });

  it("answers 404 in the body for a bucket that is not there", async () => {
    const { error } = await secret.storage.from(`none-${run}`).upload("a.txt", text("x"));
    expect(error).toMatchObject({ statusCode: "404", message: "Bucket not found" });
  });
});

describe("policies", () => {
  const file = () => key(ann, `policies-${run}.txt`);
  beforeAll(() => put(secret, file(), "hers"));

  const cases: [
    who: string,
    client: () => SupabaseClient,
    may: { read: boolean; write: boolean },
  ][] = [
    ["the owner of the folder", () => ann.client, { read: true, write: true }],
    ["another user", () => ben.client, { read: false, write: false }],
    ["the publishable key alone", () => nobody, { read: false, write: false }],
    ["the secret key", () => secret, { read: true, write: true }],
  ];

  it.each(cases)("%s reads what it may", async (_who, client, may) => {
    const bucket = client().storage.from(own);
    const folder = ann.id;
    expect((await bucket.download(file())).error === null).toBe(may.read);
    expect((await bucket.info(file())).error === null).toBe(may.read);
    expect((await bucket.createSignedUrl(file(), 60)).error === null).toBe(may.read);
    const { data } = await bucket.list(folder, { search: `policies-${run}` });
    expect(data?.length).toBe(may.read ? 1 : 0);
  });

  it.each(cases)("%s writes what it may", async (_who, client, may) => {
    const bucket = client().storage.from(own);
    const target = key(ann);
    expect((await bucket.upload(target, text("new"))).error === null).toBe(may.write);
    const over = await bucket.upload(file(), text("over"), { upsert: true });
    expect(over.error === null).toBe(may.write);
    const signed = await bucket.createSignedUploadUrl(key(ann));
    expect(signed.error === null).toBe(may.write);
    expect((await bucket.move(target, key(ann))).error === null).toBe(may.write);
    expect((await bucket.copy(file(), key(ann))).error === null).toBe(may.write);
  });

  it("answers a hidden object like one that is not there", async () => {
    const hidden = await ben.client.storage.from(own).download(file());
    const absent = await ben.client.storage.from(own).download(key(ben));
    expect(hidden.error?.message).toBe(absent.error?.message);
  });

  it("runs with the claims of the caller's token", async () => {
    const sql = postgresSql();
    const { data: claims } = await ann.client.auth.getClaims();
    const session = String(claims?.claims["session_id"]);
    const name = `${own} session`;
    const folder = `session-${session}`;
    await sql.unsafe(`create policy "${name}" on storage.objects for insert to authenticated
      with check (bucket_id = '${own}'
        and (storage.foldername(name))[1] = 'session-' || ((select auth.jwt()) ->> 'session_id'))`);
    try {
      const mine = await ann.client.storage.from(own).createSignedUploadUrl(`${folder}/a.txt`);
      const foreign = await ben.client.storage.from(own).createSignedUploadUrl(`${folder}/a.txt`);
      expect([mine.error, foreign.error === null]).toEqual([null, false]);
    } finally {
      await sql.unsafe(`drop policy "${name}" on storage.objects`);
    }
  });
});

describe("uploadToSignedUrl()", () => {
  const sign = async (path: string, upsert = false) => {
    const { data, error } = await secret.storage.from(own).createSignedUploadUrl(path, { upsert });
    if (error) throw error;
    return data;
  };

  it("lets anybody upload once", async () => {
    const path = key(ann);
    const { token } = await sign(path);
    const first = await nobody.storage.from(own).uploadToSignedUrl(path, token, text("one"));
    expect(first.error).toBeNull();
    const second = await nobody.storage.from(own).uploadToSignedUrl(path, token, text("two"));
    expect(second.error).toMatchObject({ statusCode: "409" });
    expect(await read(secret, path)).toBe("one");
  });

  it("lives two hours and works without any key", async () => {
    const path = key(ann);
    const { signedUrl, token } = await sign(path);
    const claims = JSON.parse(atob(token.split(".")[1] ?? ""));
    expect(claims.exp - claims.iat).toBe(7200);
    const response = await fetch(signedUrl, {
      method: "PUT",
      headers: { "content-type": "text/plain" },
      body: "plain",
    });
    expect(response.status, await response.text()).toBe(200);
    expect(await read(secret, path)).toBe("plain");
  });

  it("overwrites when it was signed for that", async () => {
    const path = key(ann);
    const { token } = await sign(path, true);
    for (const content of ["one", "two"]) {
      const { error } = await nobody.storage.from(own).uploadToSignedUrl(
        path,
        token,
        text(content),
      );
      expect(error).toBeNull();
    }
    expect(await read(secret, path)).toBe("two");
  });

  it("is bound to its path and cannot be forged", async () => {
    const { token } = await sign(key(ann));
    const bucket = nobody.storage.from(own);
    const [header, , signature] = token.split(".");
    const claims = btoa(JSON.stringify({ url: `${own}/x`, exp: 4_000_000_000 }));
    const forged = `${header}.${claims.replaceAll("=", "")}.${signature}`;
    expect((await bucket.uploadToSignedUrl(key(ben), token, text("x"))).error).not.toBeNull();
    expect((await bucket.uploadToSignedUrl("x", forged, text("x"))).error).not.toBeNull();
    expect((await bucket.uploadToSignedUrl("x", "garbage", text("x"))).error).not.toBeNull();
  });

  it("is not given for an object that exists, unless to overwrite it", async () => {
    const path = key(ann);
    await put(secret, path);
    const refused = await secret.storage.from(own).createSignedUploadUrl(path);
    expect(refused.error).toMatchObject({ statusCode: "409" });
    expect((await sign(path, true)).token).toBeTruthy();
  });
});

describe("download", () => {
  const path = () => key(ann, `range-${run}.txt`);
  const content = "0123456789".repeat(20_000);
  let url: string;

  beforeAll(async () => {
    await put(secret, path(), content);
    const { data } = await ann.client.storage.from(own).createSignedUrl(path(), 60);
    url = data?.signedUrl ?? "";
  });

  it("answers the whole with its headers", async () => {
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(content);
    expect(response.headers.get("content-type")).toContain("text/plain");
    expect(response.headers.get("content-length")).toBe("200000");
    expect(response.headers.get("accept-ranges")).toBe("bytes");
    expect(response.headers.get("etag")).toBeTruthy();
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
  });

  it.each([
    ["bytes=0-9", "0123456789", "bytes 0-9/200000"],
    ["bytes=199995-", "56789", "bytes 199995-199999/200000"],
    ["bytes=-3", "789", "bytes 199997-199999/200000"],
    ["bytes=199998-900000", "89", "bytes 199998-199999/200000"],
  ])("answers the range %s", async (range, part, described) => {
    const response = await fetch(url, { headers: { range } });
    expect(response.status).toBe(206);
    expect(await response.text()).toBe(part);
    expect(response.headers.get("content-range")).toBe(described);
    expect(response.headers.get("content-length")).toBe(String(part.length));
  });

  it("refuses a range beyond the end", async () => {
    const response = await fetch(url, { headers: { range: "bytes=200000-" } });
    await response.body?.cancel();
    expect(response.status).toBeGreaterThanOrEqual(400);
  });

  it("answers 304 to a client that has it", async () => {
    const first = await fetch(url, { method: "HEAD" });
    const eTag = first.headers.get("etag") ?? "";
    const second = await fetch(url, { headers: { "if-none-match": eTag } });
    expect([second.status, await second.text()]).toEqual([304, ""]);
  });

  it("names the file when asked to", async () => {
    const { data } = await ann.client.storage.from(own).createSignedUrl(path(), 60, {
      download: "holiday.txt",
    });
    const response = await fetch(data?.signedUrl ?? "");
    await response.body?.cancel();
    expect(response.headers.get("content-disposition")).toContain("holiday.txt");
  });

  it("refuses a signed URL that was bent or ran out", async () => {
    const bent = await fetch(url.replace(`range-${run}`, "other"));
    const { data } = await ann.client.storage.from(own).createSignedUrl(path(), 1);
    await new Promise((resolve) => setTimeout(resolve, 2100));
    const late = await fetch(data?.signedUrl ?? "");
    expect([bent.status, late.status]).toEqual([400, 400]);
    expect(await bent.json()).toHaveProperty("error");
    expect(await late.json()).toHaveProperty("error");
  });

  it("serves a public bucket without any key, a private one not", async () => {
    await secret.storage.from(open).upload("a/b.txt", text("for all"));
    const here = nobody.storage.from(open).getPublicUrl("a/b.txt").data.publicUrl;
    expect(await (await fetch(here)).text()).toBe("for all");
    const there = nobody.storage.from(own).getPublicUrl(path()).data.publicUrl;
    const response = await fetch(there);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ statusCode: "404" });
  });
});

describe("createSignedUrls()", () => {
  it("answers each path by itself", async () => {
    const path = key(ann);
    await put(secret, path);
    const { data } = await ann.client.storage.from(own).createSignedUrls(
      [path, key(ann), key(ben)],
      60,
    );
    expect(data?.map((entry) => entry.error === null)).toEqual([true, false, false]);
    expect(await (await fetch(data?.[0]?.signedUrl ?? "")).text()).toBe("content");
    expect(data?.[1]?.signedUrl).toBeNull();
  });
});

describe("list()", () => {
  const folder = `list-${run}`;
  const names = ["a.txt", "b.txt", "c.txt", "deep/one.txt", "deep/er/two.txt", "Ende.txt"];

  beforeAll(async () => {
    for (const name of names) await put(secret, `${folder}/${name}`);
  });

  const list = async (path: string, options: Parameters<typeof bucket.list>[1] = {}) =>
    (await bucket.list(path, options)).data ?? [];
  const bucket = secret.storage.from(own);

  it("shows one level, names relative to it, a folder with a null id", async () => {
    const entries = await list(folder);
    expect(entries.map((entry) => entry.name).sort()).toEqual(
      ["a.txt", "b.txt", "c.txt", "deep", "Ende.txt"].sort(),
    );
    expect(entries.find((entry) => entry.name === "deep")).toMatchObject({
      id: null,
      metadata: null,
    });
    expect(entries.find((entry) => entry.name === "a.txt")?.metadata).toMatchObject({
      size: 7,
      mimetype: "text/plain",
    });
    expect((await list(`${folder}/deep`)).map((entry) => entry.name).sort())
      .toEqual(["er", "one.txt"]);
  });

  it("pages, sorts and searches", async () => {
    const files = (entries: { name: string; id: string | null }[]) =>
      entries.filter((entry) => entry.id !== null).map((entry) => entry.name);
    const down = await list(folder, { sortBy: { column: "name", order: "desc" } });
    expect(files(down).filter((name) => name !== "Ende.txt")).toEqual(["c.txt", "b.txt", "a.txt"]);
    const first = await list(folder, { limit: 3 });
    const rest = await list(folder, { limit: 3, offset: 3 });
    expect(new Set([...first, ...rest].map((entry) => entry.name)).size).toBe(5);
    expect(files(await list(folder, { search: "b" }))).toEqual(["b.txt"]);
  });

  it("answers an empty list for a folder that is not there", async () => {
    expect(await list(`${folder}/nothing`)).toEqual([]);
  });

  it("lists keys under a prefix in pages by list-v2", async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 10; page++) {
      const { data } = await bucket.listV2({
        prefix: `${folder}/`,
        limit: 4,
        ...(cursor === undefined ? {} : { cursor }),
      });
      seen.push(...(data?.objects.map((object) => object.key ?? object.name) ?? []));
      cursor = data?.nextCursor;
      if (!data?.hasNext) break;
    }
    expect(seen.sort()).toEqual(names.map((name) => `${folder}/${name}`).sort());
  });
});

describe("remove(), move(), copy()", () => {
  it("removes what policies allow and answers exactly that", async () => {
    const [mine, hers] = [key(ben), key(ann)];
    await put(secret, mine);
    await put(secret, hers);
    const { data } = await ben.client.storage.from(own).remove([mine, hers, "none.txt"]);
    expect(data?.map((object) => object.name)).toEqual([mine]);
    expect(await read(secret, hers)).toBe("content");
    expect(await read(secret, mine)).toBeNull();
  });

  it("removes a thousand objects in one call and refuses more", async () => {
    const paths = Array.from({ length: 1001 }, (_, index) => `many/${index}.txt`);
    expect((await secret.storage.from(own).remove(paths.slice(0, 1000))).error).toBeNull();
    expect((await secret.storage.from(own).remove(paths)).error).not.toBeNull();
  });

  it("moves content and keeps the id", async () => {
    const [from, to] = [key(ann), key(ann, `moved/${crypto.randomUUID()}.txt`)];
    await put(ann.client, from, "moving");
    const before = await ann.client.storage.from(own).info(from);
    expect((await ann.client.storage.from(own).move(from, to)).error).toBeNull();
    expect(await read(ann.client, from)).toBeNull();
    expect(await read(ann.client, to)).toBe("moving");
    expect((await ann.client.storage.from(own).info(to)).data?.id).toBe(before.data?.id);
  });

  it("moves into another bucket", async () => {
    const from = key(ann);
    await put(secret, from, "crossing");
    const { error } = await secret.storage.from(own).move(from, `crossed/${run}.txt`, {
      destinationBucket: open,
    });
    expect(error).toBeNull();
    const { data } = await secret.storage.from(open).download(`crossed/${run}.txt`);
    expect(await data?.text()).toBe("crossing");
  });

  it("copies content, type and metadata to a new owner", async () => {
    const [from, to] = [key(ann), key(ann)];
    await secret.storage.from(own).upload(from, text("[]", "application/json"));
    const { data } = await ann.client.storage.from(own).copy(from, to);
    expect(data?.path).toBe(`${own}/${to}`);
    const info = await ann.client.storage.from(own).info(to);
    expect(info.data).toMatchObject({ size: 2, contentType: "application/json" });
    await secret.storage.from(own).remove([from]);
    expect(await read(ann.client, to)).toBe("[]");
  });

  it("does not move or copy over an object", async () => {
    const [from, to] = [key(ann), key(ann)];
    await put(ann.client, from, "from");
    await put(ann.client, to, "to");
    const bucket = ann.client.storage.from(own);
    expect((await bucket.move(from, to)).error).toMatchObject({ statusCode: "409" });
    expect((await bucket.copy(from, to)).error).toMatchObject({ statusCode: "409" });
    expect(await read(ann.client, to)).toBe("to");
  });

  it("answers whether an object exists", async () => {
    const path = key(ann);
    await put(ann.client, path);
    expect((await ann.client.storage.from(own).exists(path)).data).toBe(true);
    expect((await ann.client.storage.from(own).exists(key(ann))).data).toBe(false);
    expect((await ben.client.storage.from(own).exists(path)).data).toBe(false);
  });

  it("refuses a delete by SQL", async () => {
    const attempt = postgresSql()`delete from storage.objects where name = 'nothing'`;
    await expect(attempt).rejects.toMatchObject({ code: "42501" });
  });
});

describe("buckets", () => {
  it("belong to the secret key alone", async () => {
    for (const client of [ann.client, nobody]) {
      expect((await client.storage.createBucket(`theirs-${run}`)).error).not.toBeNull();
      expect((await client.storage.listBuckets()).data).toEqual([]);
      expect((await client.storage.getBucket(own)).error).not.toBeNull();
      expect((await client.storage.deleteBucket(own)).error).not.toBeNull();
    }
  });

  it("are made, read, changed and deleted", async () => {
    const name = `conformance-life-${run}`;
    expect((await secret.storage.createBucket(name)).error).toBeNull();
    expect((await secret.storage.createBucket(name)).error).toMatchObject({ statusCode: "409" });
    await secret.storage.updateBucket(name, { public: true, fileSizeLimit: "1MB" });
    const { data } = await secret.storage.getBucket(name);
    expect(data).toMatchObject({ id: name, name, public: true });
    expect(data?.file_size_limit).toBeGreaterThan(999_999);
    await secret.storage.from(name).upload("a.txt", text("x"));
    expect((await secret.storage.deleteBucket(name)).error).toMatchObject({ statusCode: "409" });
    expect((await secret.storage.emptyBucket(name)).error).toBeNull();
    expect((await secret.storage.deleteBucket(name)).error).toBeNull();
    expect((await secret.storage.getBucket(name)).error).toMatchObject({ statusCode: "404" });
  });
});

describe("credentials", () => {
  const post = (headers: Record<string, string>) =>
    fetch(`${useStack().url}/storage/v1/object/list/${own}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ prefix: "" }),
    });

  it("of no kind, or that do not verify, are refused with a JSON error", async () => {
    const apikey = useStack().publishableKey;
    const broken = ann.accessToken.slice(0, -8) + "AAAAAAAA";
    for (const headers of [{}, { apikey, authorization: `Bearer ${broken}` }]) {
      const response = await post({ ...headers });
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(404);
      expect(await response.json()).toHaveProperty("message");
    }
  });

  it("may be the key alone", async () => {
    const response = await post({ apikey: useStack().secretKey });
    expect(response.status, await response.text()).toBe(200);
  });
});

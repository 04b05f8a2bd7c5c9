import type { Buffer } from "node:buffer";
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ConnectionError, UploadError } from "../../client/src/errors.ts";
import { chunkBytes, type Place } from "../../client/src/send-resumable.ts";
import { transfer } from "../../client/src/upload.ts";

const size = 2 * chunkBytes + 1000;
const bytes = new Uint8Array(size).map((_, index) => index % 251);
const file = new Blob([bytes], { type: "video/mp4" });

/** The TUS server of Supabase Storage, which also asks for the token of a signed upload URL. */
async function startStorage(): Promise<{ place: Place; folder: string; requests: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-tus-"));
  const requests: string[] = [];
  const server = new Server({
    path: "/storage/v1/upload/resumable/sign",
    datastore: new FileStore({ directory: folder }),
    onIncomingRequest: (request) => {
      requests.push(request.method);
      if (request.headers.get("x-signature") === "signed") return Promise.resolve();
      throw { status_code: 403, body: "No signature" };
    },
  });
  const serving = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => server.handleWeb(request),
  );
  onTestFinished(async () => {
    await serving.shutdown();
    await rm(folder, { recursive: true, force: true });
  });
  const origin = `http://127.0.0.1:${serving.addr.port}`;
  return { place: toPlace(origin), folder, requests };
}

function toPlace(origin: string): Place {
  const path = "videos/somebody/something.mp4";
  const upload_url = `${origin}/storage/v1/object/upload/sign/uploads/${path}?token=signed`;
  return { upload_url, bucket: "uploads", path, token: "signed" };
}

/** The way of one file to this place; counts how often a place was asked for. */
function wayTo(place: Place, fetch?: (url: string, init: RequestInit) => Promise<Response>) {
  const asked = { places: 0 };
  const way = {
    operation: "upload",
    contentType: "video/mp4",
    fetch,
    begin: () => {
      asked.places++;
      return Promise.resolve(place);
    },
    complete: () => Promise.resolve("complete"),
  };
  return { asked, way };
}

async function readStored(folder: string): Promise<Buffer> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".json")) return await readFile(join(folder, name));
  }
  throw new Error("Nothing is stored");
}

describe("a large file, where Storage takes resumable uploads", () => {
  it("goes in chunks", async () => {
    const { place, folder, requests } = await startStorage();
    const progress: number[] = [];
    const { way } = wayTo(place);
    const done = await transfer(file, way, { onProgress: ({ sent }) => progress.push(sent) });
    expect(done).toBe("complete");
    expect(requests).toEqual(["POST", "HEAD", "PATCH", "PATCH", "PATCH"]);
    expect(progress).toEqual([0, chunkBytes, 2 * chunkBytes, size]);
    expect((await readStored(folder)).equals(bytes)).toBe(true);
  });

  it("is taken up where it broke off", async () => {
    const { place, folder, requests } = await startStorage();
    let sent = 0;
    const { way, asked } = wayTo(place, async (url, init) => {
      if (init.method === "PATCH" && ++sent === 2) throw new TypeError("No network");
      return await fetch(url, init);
    });
    await transfer(file, way, {});
    expect(asked.places).toBe(1);
    expect(requests).toEqual(["POST", "HEAD", "PATCH", "HEAD", "PATCH", "PATCH"]);
    expect((await readStored(folder)).equals(bytes)).toBe(true);
  });

  it("trusts the server about how far it is", async () => {
    const { place, folder, requests } = await startStorage();
    let sent = 0;
    const { way } = wayTo(place, async (url, init) => {
      const response = await fetch(url, init);
      if (init.method !== "PATCH" || ++sent !== 1) return response;
      await response.body?.cancel();
      throw new TypeError("The answer is lost");
    });
    await transfer(file, way, {});
    expect(requests).toEqual(["POST", "HEAD", "PATCH", "HEAD", "PATCH", "PATCH"]);
    expect((await readStored(folder)).equals(bytes)).toBe(true);
  });

  it("gives up on a server that repeats itself", async () => {
    const { place } = await startStorage();
    let patches = 0;
    const { way } = wayTo(place, async (url, init) => {
      if (init.method !== "PATCH") return await fetch(url, init);
      patches++;
      return new Response(null, { status: 409 });
    });
    await expect(transfer(file, way, { attempts: 1 })).rejects.toBeInstanceOf(UploadError);
    expect(patches).toBe(4);
  });

  it("is completed again, not sent again, when that answer was lost", async () => {
    const { place, requests } = await startStorage();
    const { way, asked } = wayTo(place);
    let completed = 0;
    const complete = () =>
      ++completed === 1
        ? Promise.reject(new ConnectionError("completeUpload", "The answer broke off"))
        : Promise.resolve("complete");
    expect(await transfer(file, { ...way, complete }, {})).toBe("complete");
    expect([asked.places, completed, requests.filter((method) => method === "PATCH").length])
      .toEqual([1, 2, 3]);
  });

  it("is not paused for by an app that gave up", async () => {
    const { place } = await startStorage();
    const stop = new AbortController();
    const { way } = wayTo(place);
    const begin = () => {
      stop.abort(new Error("Changed my mind"));
      return Promise.reject(new ConnectionError("initUpload", "No network"));
    };
    // A pause would never end.
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    await expect(transfer(file, { ...way, begin }, { signal: stop.signal }))
      .rejects.toThrow("Changed my mind");
  });

  it("gets a fresh place when the upload is gone", async () => {
    const { place, folder } = await startStorage();
    let sent = 0;
    const { way, asked } = wayTo(place, async (url, init) => {
      if (init.method === "PATCH" && ++sent === 2) {
        for await (const { name } of Deno.readDir(folder)) await Deno.remove(join(folder, name));
      }
      return await fetch(url, init);
    });
    await transfer(file, way, {});
    expect(asked.places).toBe(2);
    expect((await readStored(folder)).equals(bytes)).toBe(true);
  });

  it("is not sent without a signature", async () => {
    const { place } = await startStorage();
    const { way } = wayTo({ ...place, token: "forged" });
    const error = await transfer(file, way, { attempts: 1 }).catch((reason) => reason);
    expect(error).toBeInstanceOf(UploadError);
    expect(error.status).toBe(403);
  });
});

describe("a large file, where Storage takes none", () => {
  it("goes in one piece, and the question is asked once", async () => {
    const requests: string[] = [];
    const serving = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        requests.push(request.method);
        await request.arrayBuffer();
        return new Response(null, { status: request.method === "PUT" ? 200 : 501 });
      },
    );
    onTestFinished(() => serving.shutdown());
    const place = toPlace(`http://127.0.0.1:${serving.addr.port}`);
    await transfer(file, wayTo(place).way, {});
    await transfer(file, wayTo(place).way, {});
    expect(requests).toEqual(["POST", "PUT", "PUT"]);
  });
});

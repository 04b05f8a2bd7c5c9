import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  ConnectionError,
  createHeimdexClient,
  isProblem,
  ProblemError,
  type Progress,
  UnexpectedAnswerError,
  UploadError,
} from "../../client/src/mod.ts";
import { canMintTokens, useStack } from "../support/stack.ts";
import { mintToken } from "../support/tokens.ts";
import { createUser, type TestUser } from "../support/users.ts";

const clip = new File([await readClip()], "a.mp4", {
  type: "video/mp4",
});

async function readClip(): Promise<Uint8Array<ArrayBuffer>> {
  return Uint8Array.from(await readFile(new URL("../fixtures/clip.mp4", import.meta.url)));
}

/** A client of nobody whose requests this answers. */
function clientAnswered(answer: () => Response | Promise<Response>): SupabaseClient {
  return createClient("http://127.0.0.1:1", "key", {
    auth: { persistSession: false, autoRefreshToken: false },
    global: { fetch: () => Promise.resolve().then(answer) },
  });
}

/** A client with this user's token, and the addresses it asks. */
function countingClient({ accessToken }: TestUser) {
  const asked: string[] = [];
  const { url, publishableKey } = useStack();
  const supabase = createClient(url, publishableKey, {
    accessToken: () => Promise.resolve(accessToken),
    global: {
      fetch: (input, init) => {
        asked.push(String(input));
        return fetch(input, init);
      },
    },
  });
  return { supabase, asked };
}

async function refusalOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(() => undefined, (error) => error);
}

describe("a refusal", () => {
  let user: TestUser;
  beforeAll(async () => {
    user = await createUser();
  });

  it("is a ProblemError with code, status, request id and fields", async () => {
    const heimdex = createHeimdexClient(user.client);
    const error = await refusalOf(heimdex.people.create(""));
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({
      operation: "createPerson",
      code: "validation_failed",
      status: 422,
      requestId: expect.stringMatching(/^[\w-]{8,}$/),
      fields: [{ path: "name", message: expect.any(String) }],
    });
    expect(isProblem(error, "validation_failed")).toBe(true);
    expect(isProblem(error, "person_exists")).toBe(false);
  });

  it("says after how many seconds another try is worth it", async () => {
    const problem = {
      type: "urn:heimdex:problem:rate_limited",
      title: "Too many requests",
      status: 429,
      detail: "Wait",
      code: "rate_limited",
      request_id: "request-1",
    };
    const headers = { "content-type": "application/problem+json", "retry-after": "7" };
    const supabase = clientAnswered(() => Response.json(problem, { status: 429, headers }));
    const error = await refusalOf(createHeimdexClient(supabase).me.get());
    expect(error).toMatchObject({ code: "rate_limited", retryAfter: 7 });
  });

  it("by something that is not the function keeps its status", async () => {
    const headers = { "x-request-id": "request-2" };
    const supabase = clientAnswered(() => new Response("<h1>no</h1>", { status: 502, headers }));
    const error = await refusalOf(createHeimdexClient(supabase).me.get());
    expect(error).toBeInstanceOf(UnexpectedAnswerError);
    expect(error).toMatchObject({ status: 502, requestId: "request-2" });
  });
});

describe("a request without an answer", () => {
  it("is a ConnectionError", async () => {
    const supabase = clientAnswered(() => {
      throw new TypeError("fetch failed");
    });
    const error = await refusalOf(createHeimdexClient(supabase).me.usage());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ operation: "getUsage" });
  });

  it("rejects with the signal's reason when the app gave up", async () => {
    const stop = new AbortController();
    const supabase = clientAnswered(() => {
      stop.abort(new Error("Left the page"));
      throw new DOMException("aborted", "AbortError");
    });
    const call = createHeimdexClient(supabase).call("getUsage", { signal: stop.signal });
    await expect(call).rejects.toThrow("Left the page");
  });
});

describe.runIf(canMintTokens())("an expired token", () => {
  /** A client whose clock thinks the token has an hour left. */
  async function clientWithStaleToken(user: TestUser): Promise<SupabaseClient> {
    const hourAgo = Math.floor(Date.now() / 1000) - 3600;
    const session = {
      access_token: await mintToken({ sub: user.id, iat: hourAgo - 60, exp: hourAgo }),
      refresh_token: user.refreshToken,
      token_type: "bearer",
      expires_in: 3600,
      expires_at: hourAgo + 7200,
      user: { id: user.id },
    };
    const stored = new Map([["session", JSON.stringify(session)]]);
    const client = createClient(useStack().url, useStack().publishableKey, {
      auth: {
        storageKey: "session",
        autoRefreshToken: false,
        detectSessionInUrl: false,
        storage: {
          getItem: (key) => stored.get(key) ?? null,
          setItem: (key, value) => void stored.set(key, value),
          removeItem: (key) => void stored.delete(key),
        },
      },
    });
    return client;
  }

  it("is refreshed once and the call repeated", async () => {
    const user = await createUser();
    const heimdex = createHeimdexClient(await clientWithStaleToken(user));
    const [me, usage] = await Promise.all([heimdex.me.get(), heimdex.me.usage()]);
    expect([me.id, usage.videos]).toEqual([user.id, 0]);
  });

  it("is told when the session cannot be refreshed", async () => {
    const user = await createUser();
    await user.client.auth.signOut({ scope: "global" });
    const heimdex = createHeimdexClient(await clientWithStaleToken(user));
    expect(await refusalOf(heimdex.me.usage())).toMatchObject({ code: "token_expired" });
  });
});

describe("a write to the profile", () => {
  it("resolves also where there is no session to refresh", async () => {
    const { supabase } = countingClient(await createUser());
    const changed = await createHeimdexClient(supabase).me.update({ display_name: "Mina" });
    expect(changed).toMatchObject({ display_name: "Mina", refresh_required: true });
  });
});

describe("an upload", () => {
  let user: TestUser;
  beforeAll(async () => {
    user = await createUser({ appMetadata: { tier: "pro" } });
  });

  it("is repeated with a fresh URL after the connection broke", async () => {
    const broken = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (r) => {
      const reader = r.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      return new Response("The line is cut", { status: 502 });
    });
    onTestFinished(() => broken.shutdown());
    const { supabase, asked } = countingClient(user);
    let sent = 0;
    const heimdex = createHeimdexClient(supabase, {
      fetch: (url, init) =>
        fetch(++sent === 1 ? `http://127.0.0.1:${broken.addr.port}/` : url, init),
    });
    const progress: Progress[] = [];
    const done = await heimdex.videos.upload(clip, { onProgress: (one) => progress.push(one) });
    expect(done.state).toBe("validating");
    expect(sent).toBe(2);
    expect(asked.filter((url) => url.endsWith("/upload/init")).length).toBe(2);
    expect(progress.at(-1)).toEqual({ sent: clip.size, total: clip.size });
    const videos = await heimdex.videos.list({ state: "validating" }).toArray();
    expect(videos.map((video) => video.video_id)).toEqual([done.video_id]);
  });

  it("whose answer was lost is completed without being sent again", async () => {
    let sent = 0;
    const heimdex = createHeimdexClient(user.client, {
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        sent++;
        await response.body?.cancel();
        throw new TypeError("The answer is lost");
      },
    });
    const done = await heimdex.videos.upload(clip, { filename: "lost.mp4" });
    expect([done.state, sent]).toEqual(["validating", 1]);
  });

  it("gives up after as many attempts as it was given", async () => {
    const heimdex = createHeimdexClient(user.client, {
      fetch: () => Promise.reject(new TypeError("No network")),
    });
    const error = await refusalOf(heimdex.videos.upload(clip, { attempts: 2 }));
    expect(error).toBeInstanceOf(UploadError);
    expect(error).toMatchObject({ status: undefined, operation: "upload" });
  });

  it("is not repeated when the type is refused", async () => {
    const heimdex = createHeimdexClient(user.client);
    const text = new Blob(["no video"], { type: "text/plain" });
    expect(await refusalOf(heimdex.videos.upload(text))).toMatchObject({
      code: "validation_failed",
      fields: [{ path: "mime_type" }],
    });
  });

  it("stops when the app gives up", async () => {
    const stop = new AbortController();
    const heimdex = createHeimdexClient(user.client);
    const upload = heimdex.videos.upload(clip, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error("Changed my mind")),
    });
    await expect(upload).rejects.toThrow("Changed my mind");
  });
});

describe("a list", () => {
  it("asks for no page more than it is read", async () => {
    const user = await createUser();
    const { supabase, asked } = countingClient(user);
    const heimdex = createHeimdexClient(supabase, { refresh: () => Promise.resolve(false) });
    for (const name of ["A", "B", "C", "D", "E"]) await heimdex.people.create(name);
    asked.length = 0;
    const list = heimdex.people.list({ limit: 2 });
    expect(asked.length).toBe(0);
    expect((await list.toArray(3)).map((one) => one.name)).toEqual(["E", "D", "C"]);
    expect(asked.length).toBe(2);
    const pages = await Array.fromAsync(list.pages(), (page) => page.people.length);
    expect(pages).toEqual([2, 2, 1]);
    const first = await list.page();
    expect((await list.page(first.next_cursor ?? "")).people.map((one) => one.name))
      .toEqual(["C", "B"]);
  });
});

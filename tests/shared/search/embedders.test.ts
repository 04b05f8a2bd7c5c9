import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createEmbedder } from "../../../shared/search/embedders/create-embedder.ts";
import { checkEmbedding, EmbedderFailed } from "../../../shared/search/embedders/embedder.ts";
import { createHttpEmbedder } from "../../../shared/search/embedders/http-embedder.ts";
import { rememberEmbeddings } from "../../../shared/search/embedders/remember.ts";
import { createSessionEmbedder } from "../../../shared/search/embedders/session-embedder.ts";

const vector = Array.from({ length: 1152 }, (_, n) => (n - 500) / 8);
const rejection = async (work: Promise<unknown>): Promise<unknown> => {
  const error = await work.then(() => undefined, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(EmbedderFailed);
  return error instanceof Error ? error.message : error;
};

describe("checkEmbedding", () => {
  test("answers what the database keeps", () => {
    expect(checkEmbedding(vector)).toEqual(vector);
    expect(checkEmbedding([...vector.slice(1), 0.1])[1151]).toBe(Math.fround(0.1));
    expect(checkEmbedding([3, 4], { pads: true }).slice(0, 3)).toEqual([3, 4, 0]);
    expect(checkEmbedding([3, 4], { pads: true })).toHaveLength(1152);
  });

  test.each([
    ["nothing", undefined, "did not answer with a list"],
    ["texts", vector.map(String), "did not answer with a list"],
    ["too few", vector.slice(1), "1151 numbers, expected 1152"],
    ["too many", [...vector, 1], "1153 numbers, expected 1152"],
    ["NaN", [NaN, ...vector.slice(1)], "no direction"],
    ["beyond four bytes", [1e39, ...vector.slice(1)], "no direction"],
    ["only zeros", vector.map(() => 0), "no direction"],
  ])("refuses %s", (_, answer, message) => {
    expect(() => checkEmbedding(answer)).toThrow(message);
    expect(() => checkEmbedding(answer)).toThrow(EmbedderFailed);
  });
});

describe("an embedder over HTTP", () => {
  interface Asked {
    headers: Headers;
    body: Record<string, unknown>;
  }
  const asked: Asked[] = [];
  let answer: (request: Asked) => Response | Promise<Response>;
  let server: Deno.HttpServer<Deno.NetAddr>;
  const url = () => `http://127.0.0.1:${server.addr.port}/v1/embeddings`;
  const create = (o: { key?: string; model?: string; timeout?: number } = {}) =>
    createHttpEmbedder({ url: url(), key: undefined, model: undefined, ...o });

  beforeAll(() => {
    const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
    server = Deno.serve(options, async (request) => {
      const one = { headers: request.headers, body: await request.json() };
      asked.push(one);
      return await answer(one);
    });
  });
  afterEach(() => {
    asked.length = 0;
  });
  afterAll(() => server.shutdown());

  test("asks as OpenAI's API is asked", async () => {
    answer = () => Response.json({ object: "list", data: [{ index: 0, embedding: vector }] });
    const embedder = createEmbedder({
      embedderUrl: url(),
      embedderKey: "key of the endpoint",
      embedderModel: "siglip",
    });
    expect(embedder.isConfigured).toBe(true);
    expect(await embedder.embed("빨간 자동차")).toEqual(vector);
    expect(asked[0]?.headers.get("authorization")).toBe("Bearer key of the endpoint");
    expect(asked[0]?.body).toEqual({
      input: "빨간 자동차",
      model: "siglip",
      encoding_format: "float",
      dimensions: 1152,
    });
  });

  test("leaves the dimensions out once a server refused them", async () => {
    answer = ({ body }) =>
      "dimensions" in body
        ? new Response("no matryoshka", { status: 400 })
        : Response.json({ data: [{ embedding: vector }] });
    const embedder = create();
    expect(await embedder.embed("a")).toEqual(vector);
    expect(await embedder.embed("b")).toEqual(vector);
    expect(asked.map(({ body }) => body)).toEqual([
      { input: "a", encoding_format: "float", dimensions: 1152 },
      { input: "a", encoding_format: "float" },
      { input: "b", encoding_format: "float" },
    ]);
    expect(asked[0]?.headers.has("authorization")).toBe(false);
  });

  test("goes on asking for the dimensions after a text that the server refused", async () => {
    answer = ({ body }) =>
      body.input === "too long"
        ? new Response(null, { status: 400 })
        : Response.json({ data: [{ embedding: vector }] });
    const embedder = create();
    expect(await rejection(embedder.embed("too long"))).toBe("The embedder answered 400");
    expect(await embedder.embed("b")).toEqual(vector);
    expect(asked.at(-1)?.body).toHaveProperty("dimensions", 1152);
  });

  test.each<[string, () => Response, string]>([
    ["401", () => new Response("secret words", { status: 401 }), "The embedder answered 401"],
    ["400 twice", () => new Response(null, { status: 400 }), "The embedder answered 400"],
    ["no JSON", () => new Response("<html>"), "answered something else"],
    ["no data", () => Response.json({ data: [] }), "answered something else"],
    ["384 numbers", () => Response.json({ data: [{ embedding: Array(384).fill(1) }] }), "384"],
    ["null", () => Response.json({ data: [{ embedding: Array(1152).fill(NaN) }] }), "something"],
    ["two megabytes", () => new Response("x".repeat(2e6)), "too large"],
    ["a redirect", () => Response.redirect("http://127.0.0.1:2/"), "cannot be reached"],
  ])("fails on %s", async (_, respond, message) => {
    answer = respond;
    const said = await rejection(create().embed("words of the query"));
    expect(said).toContain(message);
    expect(said).not.toMatch(/words|127/);
  });

  test("fails when nobody answers in time, or at all", async () => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    answer = () => promise;
    expect(await rejection(create({ timeout: 50 }).embed("a"))).toContain("within 50 ms");
    resolve(new Response(null));
    const { readable, writable } = new TransformStream();
    answer = () => new Response(readable);
    expect(await rejection(create({ timeout: 50 }).embed("a"))).toContain("within 50 ms");
    await writable.abort();
    const dead = createHttpEmbedder({ url: "http://127.0.0.1:2/", key: undefined, model: "x" });
    expect(await rejection(dead.embed("a"))).toBe("The embedder cannot be reached");
  });
});

describe("an embedder of the edge runtime", () => {
  // Only that runtime has the model; its stand-in has the same interface.
  const install = (run: (input: string, o: unknown) => Promise<unknown>) => {
    class Session {
      constructor(readonly model: string) {
        if (model !== "gte-small") throw new Error("Unknown model");
      }
      run = run;
    }
    Reflect.set(globalThis, "Supabase", { ai: { Session } });
  };
  afterEach(() => {
    Reflect.deleteProperty(globalThis, "Supabase");
  });

  test("fills its vectors up with zeros", async () => {
    const asked: unknown[] = [];
    install((...call) => {
      asked.push(call);
      return Promise.resolve(Array(384).fill(0.5));
    });
    const embedder = createEmbedder({ embedderUrl: "supabase-ai:gte-small" });
    const found = await embedder.embed("red car");
    expect(found).toEqual([...Array(384).fill(0.5), ...Array(768).fill(0)]);
    expect(asked).toEqual([["red car", { mean_pool: true, normalize: true }]]);
  });

  test("fails elsewhere, with an unknown model, with a fault of the model and when it is late", async () => {
    expect(await rejection(createSessionEmbedder("gte-small").embed("a"))).toContain("only in");
    install(() => Promise.reject(new Error("words of the query")));
    expect(await rejection(createSessionEmbedder("other").embed("a"))).toContain('"other"');
    expect(await rejection(createSessionEmbedder("gte-small").embed("a")))
      .toBe('The model "gte-small" of the edge runtime failed');
    install(() => new Promise(() => {}));
    expect(await rejection(createSessionEmbedder("gte-small", 20).embed("a"))).toContain("20 ms");
  });
});

describe("rememberEmbeddings", () => {
  const countCalls = (embed: (text: string) => Promise<number[]>) => {
    const calls: string[] = [];
    const embedder = {
      isConfigured: true,
      embed: (text: string) => {
        calls.push(text);
        return embed(text);
      },
    };
    return { calls, embedder };
  };

  test("asks once for a text, and forgets the one used longest ago", async () => {
    const { calls, embedder } = countCalls(() => Promise.resolve(vector));
    const remembering = rememberEmbeddings(embedder);
    for (let n = 0; n < 200; n++) await remembering.embed(`${n}`);
    await remembering.embed("0");
    await remembering.embed("200");
    expect(calls).toHaveLength(201);
    await remembering.embed("0");
    expect(calls).toHaveLength(201);
    await remembering.embed("1");
    expect(calls).toHaveLength(202);
  });

  test("goes on asking a model that refused the texts of one caller", async () => {
    const { calls, embedder } = countCalls(() =>
      Promise.reject(new EmbedderFailed("Too long", { isRefusal: true }))
    );
    const remembering = rememberEmbeddings(embedder);
    for (let n = 0; n < 5; n++) await rejection(remembering.embed("a"));
    expect(calls).toHaveLength(5);
  });

  test("asks about the first 2,000 characters, none of them cut in two", async () => {
    const { calls, embedder } = countCalls(() => Promise.resolve(vector));
    const remembering = rememberEmbeddings(embedder);
    await remembering.embed("x" + "😀".repeat(5000));
    expect(calls[0]).toHaveLength(2000);
    expect(calls[0]?.isWellFormed()).toBe(true);
    await remembering.embed("x" + "😀".repeat(4000));
    expect(calls).toHaveLength(1);
  });

  test("leaves a model alone that failed three times, for five seconds", async () => {
    let time = 0;
    let works = false;
    const { calls, embedder } = countCalls(() =>
      works ? Promise.resolve(vector) : Promise.reject(new EmbedderFailed("Away"))
    );
    const remembering = rememberEmbeddings(embedder, () => time);
    for (let n = 0; n < 5; n++) await rejection(remembering.embed("a"));
    expect(calls).toHaveLength(3);
    works = true;
    time = 5000;
    expect(await remembering.embed("a")).toEqual(vector);
  });
});

describe("no embedder", () => {
  test("says that it is none", async () => {
    const embedder = createEmbedder({});
    expect(embedder.isConfigured).toBe(false);
    await rejection(embedder.embed("a"));
  });
});

import { beforeAll, describe, expect, test } from "vitest";
import { fuseRanks } from "../../../shared/search/rank-fusion.ts";
import { createApp } from "../../../supabase/functions/search/app.ts";
import {
  type SearchHit,
  searchResponseSchema,
} from "../../../supabase/functions/search/schemas.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import { createIndexedVideo, createUploadedVideo, videosWithout } from "../videos/support.ts";
import { captions, find, getSearch, type Parameters, postSearch, transcripts } from "./support.ts";

let ada: TestUser;
let kitchen: string;
let street: string;

beforeAll(async () => {
  ada = await createUser();
  kitchen = (await createIndexedVideo(ada, {
    title: "Kitchen tour",
    description: "Filmed at noon",
    tags: ["home video"],
    filename: "summer_holiday-2026.mp4",
    captions: captions(
      "Welcome to the kitchen",
      "The red kettle is next to the red car keys",
      "빨간 주전자",
      'Use &lt;b&gt; & "quotes" near the zebra',
    ),
  })).video_id;
  street = (await createIndexedVideo(ada, {
    title: "Street",
    filename: "kitchen.mp4",
    captions: captions(
      "A red car drives by",
      "Another car, not red but blue",
      "The kettle is away",
    ),
  })).video_id;
  const other = await createUser();
  await createIndexedVideo(other, { title: "Red car", captions: captions("A red car of others") });
});

describe("GET /search", () => {
  test("finds scenes with time code, fragment and score", async () => {
    const result = await find(ada, { q: "  Kettle   KEYS " });
    expect(result).toMatchObject({
      query: "Kettle KEYS",
      search_type: "text",
      next_cursor: null,
      has_more: false,
      results: [{
        video_id: kitchen,
        video_title: "Kitchen tour",
        start_s: 10,
        end_s: 11,
        timecode: "00:00:10.000",
        transcript: "The red kettle is next to the red car keys",
        highlights: [{
          text: "The red <mark>kettle</mark> is next to the red car <mark>keys</mark>",
          start_s: 10,
          timecode: "00:00:10.000",
        }],
        score: fuseRanks({ text: 1 }),
      }],
    });
  });

  test("never shows scenes of others", async () => {
    const result = await find(ada, { q: "car", limit: 100 });
    expect(result.results).toHaveLength(3);
    expect(transcripts(result.results)).not.toContain("A red car of others");
  });

  test("understands phrases, or and exclusion", async () => {
    expect(transcripts((await find(ada, { q: '"red car"' })).results).sort()).toEqual([
      "A red car drives by",
      "The red kettle is next to the red car keys",
    ]);
    expect(transcripts((await find(ada, { q: "red -kettle" })).results).sort()).toEqual([
      "A red car drives by",
      "Another car, not red but blue",
    ]);
    expect((await find(ada, { q: "zebra or drives" })).results).toHaveLength(2);
  });

  test("finds Hangul words", async () => {
    const { results } = await find(ada, { q: "주전자" });
    expect(results).toMatchObject([{ highlights: [{ text: "빨간 <mark>주전자</mark>" }] }]);
  });

  test.each([
    ["title", "tour", "<mark>tour</mark>"],
    ["description", "noon", "<mark>noon</mark>"],
    ["tags", "home", "<mark>home</mark>"],
    ["file name", "holiday", "<mark>holiday</mark>"],
  ])("finds the first scene of a video by its %s", async (_, q, mark) => {
    const { results } = await find(ada, { q });
    expect(results).toMatchObject([{ video_id: kitchen, start_s: 0 }]);
    expect(results[0]?.highlights[0]?.text).toContain(mark);
  });

  test("puts a scene that both branches find before one that only one finds", async () => {
    const { results } = await find(ada, { q: "kitchen" });
    expect(results).toMatchObject([
      { video_id: kitchen, score: fuseRanks({ text: 1, metadata: 1 }) },
      { video_id: street, score: fuseRanks({ metadata: 2 }) },
    ]);
    expect(results[0]?.highlights.map((one) => one.text)).toEqual([
      "Welcome to the <mark>kitchen</mark>",
      "<mark>Kitchen</mark> tour · Filmed at noon · home video · summer holiday 2026",
    ]);
  });

  test("finds words that title and transcript hold together, behind those in one place", async () => {
    const { results } = await find(ada, { q: "kettle tour holiday", explain: "true" });
    expect(results).toMatchObject([{
      video_id: kitchen,
      transcript: "The red kettle is next to the red car keys",
      ranks: { text: 2001, metadata: null },
      highlights: [
        { text: "The red <mark>kettle</mark> is next to the red car keys" },
        {
          text:
            "Kitchen <mark>tour</mark> · Filmed at noon · home video · summer <mark>holiday</mark> 2026",
        },
      ],
    }]);
    const both = await find(ada, { q: "the kitchen", explain: "true" });
    expect(both.results.map((hit) => hit.ranks?.text)).toEqual([1, null]);
    for (const q of ["kettle tour -noon", '"kettle tour"', "kettle tour zebra", "car tour blue"]) {
      expect((await find(ada, { q })).results).toEqual([]);
    }
  });

  test("finds a video without scenes by its title", async () => {
    const user = await createUser();
    const { video_id } = await createUploadedVideo(user, { title: "Harbour walk" });
    const { results } = await find(user, { q: "harbour" });
    expect(results).toMatchObject([{
      scene_id: null,
      video_id,
      video_title: "Harbour walk",
      start_s: 0,
      timecode: "00:00:00.000",
      transcript: null,
      highlights: [{ text: "<mark>Harbour</mark> walk · kitchen" }],
    }]);
    const filtered = { q: "harbour", person_id: crypto.randomUUID() };
    expect((await find(user, filtered)).results).toEqual([]);
  });

  test("explains the place of a hit in each branch", async () => {
    const { results } = await find(ada, { q: "kitchen", explain: "true" });
    expect(results.map((hit) => hit.ranks)).toEqual([
      { text: 1, metadata: 1, people: null, vector: null },
      { text: null, metadata: 2, people: null, vector: null },
    ]);
    expect(results.map((hit) => hit.score)).toEqual(
      results.map((hit) => fuseRanks(hit.ranks ?? {})),
    );
    expect((await find(ada, { q: "kitchen" })).results[0]).not.toHaveProperty("ranks");
  });

  test("escapes the transcript before it marks", async () => {
    const { results } = await find(ada, { q: "zebra" });
    expect(results[0]?.transcript).toBe('Use <b> & "quotes" near the zebra');
    const text = results[0]?.highlights[0]?.text ?? "";
    expect(text).toContain("<mark>zebra</mark>");
    expect(text.replaceAll("<mark>", "").replaceAll("</mark>", "")).not.toMatch(/[<>"]/);
  });

  test("keeps to one video when asked", async () => {
    const { results } = await find(ada, { q: "kettle", video_id: street });
    expect(transcripts(results)).toEqual(["The kettle is away"]);
    expect(await find(ada, { q: "kettle", video_id: crypto.randomUUID() }))
      .toMatchObject({ results: [], has_more: false });
  });

  test("pages without gap or repeat while scenes come in", async () => {
    const user = await createUser();
    const words = Array.from({ length: 12 }, (_, n) => "lemon ".repeat(1 + (n % 4)) + n);
    await createIndexedVideo(user, { captions: captions(...words) });
    const all = (await find(user, { q: "lemon", limit: 100 })).results;
    expect(all).toHaveLength(12);
    const seen: SearchHit[] = [];
    let cursor: string | null = null;
    do {
      const page = await find(user, { q: "lemon", limit: 5, ...(cursor ? { cursor } : {}) });
      if (cursor === null) {
        await createIndexedVideo(user, { title: "x", captions: captions("lemon lemon lemon") });
      }
      seen.push(...page.results);
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen).toEqual(all);
    expect((await find(user, { q: "lemon", limit: 100 })).results).toHaveLength(13);
  });

  test.each([
    ["no query", {}],
    ["an empty query", { q: "  \u0000 " }],
    ["a limit of 0", { q: "x", limit: 0 }],
    ["a limit of 101", { q: "x", limit: 101 }],
    ["a video id that is none", { q: "x", video_id: "17" }],
    ["a person id that is none", { q: "x", person_id: ["17"] }],
    ["eleven people", { q: "x", person_id: Array.from({ length: 11 }, () => crypto.randomUUID()) }],
    ["an organisation id that is none", { q: "x", organization_id: "' or 1=1" }],
    ["a negative duration", { q: "x", min_duration: -1 }],
    ["a duration that is no number", { q: "x", max_duration: "NaN" }],
    ["durations the wrong way round", { q: "x", min_duration: 10, max_duration: 5 }],
    ["a time without a zone", { q: "x", created_from: "2026-01-01T00:00:00" }],
    ["times the wrong way round", {
      q: "x",
      created_from: "2026-01-02T00:00:00Z",
      created_to: "2026-01-01T00:00:00Z",
    }],
    ["a language that is none", { q: "x", language: "English!" }],
    ["an explain that is no flag", { q: "x", explain: "yes" }],
    ["a query of 10,001 characters", { q: "x".repeat(10_001) }],
  ])("refuses %s", async (_, parameters) => {
    await expectProblem(await getSearch(ada, parameters as Parameters), "validation_failed", 422);
  });

  test.each([
    "' or 1=1 --",
    "& | ! <-> :* ( )",
    '"unclosed',
    "-",
    "-kettle",
    "%_\\",
    "$1 ${x}",
    "kettle\u0000\ud800",
    "x".repeat(5000),
  ])("takes operators as data: %j", async (q) => {
    expect((await find(ada, { q })).search_type).toBe("text");
  });

  test.each([
    "가".repeat(10_000),
    "가 나 ".repeat(2500),
    '"a b" '.repeat(1600),
    "or -".repeat(2500),
    `${"(".repeat(5000)}${")".repeat(5000)}`,
    "' | !".repeat(2000),
    "a-b@c.d/e ".repeat(1000),
    "İıßǅﬃ①½".repeat(1400),
    `kettle ${"é".repeat(1000)}`,
    "각".repeat(600),
  ])("takes a long text as data: %#", async (q) => {
    expect(await expectJson(await postSearch(ada, { q }), 200)).toMatchObject({ results: [] });
  });

  test.each(["the", "to be or not to be", "and -kettle"])(
    "looks for stop words as they are written: %j",
    async (q) => {
      const user = await createUser();
      await createIndexedVideo(user, {
        title: "x",
        captions: captions("to be or not to be and so on", "the end", "kettle"),
      });
      expect((await find(user, { q })).results).toHaveLength(1);
    },
  );

  test("takes 10,000 characters", async () => {
    const q = "kettle ".repeat(1428).trim().padEnd(10_000, "x");
    expect((await find(ada, { q })).results).toEqual([]);
    const same = "kettle ".repeat(1428).trim();
    expect((await find(ada, { q: same })).results).toHaveLength(2);
  });

  test("marks what a pasted text of 10,000 characters without a space looked for", async () => {
    const user = await createUser();
    const long = String.fromCodePoint(...Array.from({ length: 10_000 }, (_, n) => 0xac00 + n));
    await createIndexedVideo(user, { title: "x", captions: captions(long.slice(0, 200)) });
    const body = await expectJson(await postSearch(user, { q: long }), 200);
    const [hit] = searchResponseSchema.parse(body).results;
    expect(hit?.highlights[0]?.text).toContain(`<mark>${long.slice(0, 65)}</mark>`);
  });

  test("refuses a cursor of another query, another user and a forged one", async () => {
    const { next_cursor } = await find(ada, { q: "car", limit: 1 });
    const cursor = next_cursor ?? "";
    const other = await createUser();
    for (
      const response of [
        getSearch(ada, { q: "kettle", limit: 1, cursor }),
        getSearch(ada, { q: "car", limit: 1, video_id: street, cursor }),
        getSearch(ada, { q: "car", limit: 1, language: "en", cursor }),
        getSearch(ada, { q: "car", limit: 1, person_id: crypto.randomUUID(), cursor }),
        postSearch(ada, { q: "car", limit: 1, weights: { text: 1 }, cursor }),
        postSearch(ada, { q: "car", limit: 1, vector: Array(1152).fill(0.5), cursor }),
        getSearch(ada, { q: "car", limit: 1, cursor: `x${cursor}` }),
        getSearch(other, { q: "car", limit: 1, cursor }),
        getSearch(ada, { q: "car", cursor: "e30.e30" }),
      ]
    ) await expectProblem(await response, "invalid_cursor", 400);
    expect((await find(ada, { q: "car", limit: 2, cursor })).results).toHaveLength(2);
  });

  test("forgets a video that is being deleted", async () => {
    const user = await createUser();
    const { video_id } = await createIndexedVideo(user, { captions: captions("lemon") });
    expect((await find(user, { q: "lemon" })).results).toHaveLength(1);
    const request = toRequestInit({ method: "DELETE", token: user.accessToken });
    const halted = await videosWithout("supabase").request(`/videos/${video_id}`, request);
    await expectProblem(halted, "storage_unavailable", 503);
    expect((await find(user, { q: "lemon" })).results).toEqual([]);
    expect((await find(user, { q: "kitchen" })).results).toEqual([]);
  });

  test("is 503 without the database", async () => {
    const app = createApp(depsWith({ environment: withOutage("database"), log: () => {} }));
    const response = await app.request("/search?q=x", toRequestInit({ token: ada.accessToken }));
    await expectProblem(response, "database_unavailable", 503);
  });
});

describe("POST /search", () => {
  test("answers what GET answers", async () => {
    const asked = { q: "red car", limit: 2 };
    const body = await expectJson(await postSearch(ada, asked), 200);
    const { results, has_more } = await find(ada, asked);
    expect(body).toMatchObject({ results, has_more });
    const { next_cursor: cursor } = searchResponseSchema.parse(
      await expectJson(await postSearch(ada, { q: "car", limit: 1 }), 200),
    );
    const next = await expectJson(await postSearch(ada, { q: "car", limit: 1, cursor }), 200);
    expect(next).toEqual(await find(ada, { q: "car", limit: 1, cursor: cursor ?? "" }));
  });

  test.each([Number.MIN_VALUE, 1e-310, 1e-12])(
    "takes weights and durations as small as %d",
    async (small) => {
      const weights = { text: small, metadata: small, people: small, vector: small };
      const durations = { min_duration: small, max_duration: 9_999_999 };
      await expectJson(await postSearch(ada, { q: "kitchen", weights }), 200);
      await expectJson(await postSearch(ada, { q: "kitchen", ...durations }), 200);
      await expectJson(await getSearch(ada, { q: "kitchen", min_duration: String(small) }), 200);
    },
  );

  test("weighs the branches as asked", async () => {
    const weights = { text: 0.9, metadata: 0.1 };
    const body = await expectJson(await postSearch(ada, { q: "kitchen", weights }), 200);
    const { results } = searchResponseSchema.parse(body);
    const all = { people: 0.3, vector: 0.7, ...weights };
    expect(results.map((hit) => hit.score)).toEqual([
      fuseRanks({ text: 1, metadata: 1 }, all),
      fuseRanks({ metadata: 2 }, all),
    ]);
  });

  test.each([
    ["no query", {}],
    ["an empty query", { q: "" }],
    ["a query that is no text", { q: 7 }],
    ["a limit that is text", { q: "x", limit: "5" }],
    ["an unknown field", { q: "x", person: "Ada" }],
    ["a person that is no list", { q: "x", person_id: crypto.randomUUID() }],
    ["a short vector", { q: "x", vector: [1, 2, 3] }],
    ["a long vector", { vector: Array(1153).fill(1) }],
    ["a vector of null, which NaN becomes in JSON", { vector: Array(1152).fill(NaN) }],
    ["a vector of texts", { vector: Array(1152).fill("1") }],
    ["a vector beyond four bytes a number", { vector: Array(1152).fill(1e39) }],
    ["a vector that is all zero", { vector: Array(1152).fill(0) }],
    ["a vector too small for four bytes a number", { vector: Array(1152).fill(1e-50) }],
    ["a weight above 1", { q: "x", weights: { text: 2 } }],
    ["a weight of an unknown branch", { q: "x", weights: { words: 1 } }],
  ])("refuses %s", async (_, json) => {
    await expectProblem(await postSearch(ada, json), "validation_failed", 422);
  });

  test("refuses a body that is no JSON", async () => {
    const response = await call("/search", {
      token: ada.accessToken,
      body: "q=x",
      headers: { "content-type": "application/json" },
    });
    await expectProblem(response, "invalid_json", 400);
  });

  test("is 503 without the database", async () => {
    const app = createApp(depsWith({ environment: withOutage("database"), log: () => {} }));
    const request = toRequestInit({ token: ada.accessToken, json: { q: "x" } });
    await expectProblem(await app.request("/search", request), "database_unavailable", 503);
  });
});

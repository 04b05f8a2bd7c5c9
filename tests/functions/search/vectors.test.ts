import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../../supabase/functions/search/app.ts";
import { searchResponseSchema } from "../../../supabase/functions/search/schemas.ts";
import { deadPort, depsWith } from "../../support/app.ts";
import { expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { createDeadSession, createUser, type TestUser } from "../../support/users.ts";
import { createIndexedVideo } from "../videos/support.ts";
import { captions, find, postSearch, transcripts } from "./support.ts";

const vector = Array(1152).fill(0.5);
let ada: TestUser;
let stores: boolean;

beforeAll(async () => {
  ada = await createUser();
  await createIndexedVideo(ada, { title: "x", captions: captions("lemon one", "lemon two") });
  const [row] = await adminSql()`select to_regclass('public.scene_vectors') is not null as stores`;
  stores = row?.stores === true;
});

// With pgvector, tests/search-vectors shows what a vector finds.
describe("a vector where pgvector is absent", () => {
  test("beside text leaves a search by text that says so", async (context) => {
    if (stores) context.skip();
    const asked = { q: "lemon", vector, limit: 1 };
    const first = searchResponseSchema.parse(await expectJson(await postSearch(ada, asked), 200));
    expect(first).toMatchObject({ search_type: "text", degraded: "vectors_unavailable" });
    const { next_cursor: cursor } = first;
    const next = await expectJson(await postSearch(ada, { ...asked, cursor }), 200);
    expect(next).toMatchObject({ search_type: "text", degraded: "vectors_unavailable" });
    const hits = [...first.results, ...searchResponseSchema.parse(next).results];
    expect(transcripts(hits).sort()).toEqual(["lemon one", "lemon two"]);
  });

  test("alone is refused", async (context) => {
    if (stores) context.skip();
    await expectProblem(await postSearch(ada, { vector }), "feature_disabled", 403);
    await expectProblem(await postSearch(ada, { q: "-", vector }), "feature_disabled", 403);
  });
});

describe("an embedder that is away", () => {
  test("leaves what a search by text finds", async () => {
    const environment = { HEIMDEX_EMBEDDER_URL: `http://127.0.0.1:${deadPort}/v1/embeddings` };
    const app = createApp(depsWith({ environment }));
    const response = await app.request(
      "/search?q=lemon",
      toRequestInit({ token: ada.accessToken }),
    );
    const plain = await find(ada, { q: "lemon" });
    expect(await expectJson(response, 200)).toEqual({
      ...plain,
      search_type: "text",
      degraded: "embedder_unavailable",
    });
  });
});

describe("an embedding", () => {
  const asked: string[] = [];
  const deps = () =>
    depsWith({
      embedder: {
        isConfigured: true,
        embed: (words) => {
          asked.push(words);
          return Promise.resolve(vector);
        },
      },
    });
  const searchWith = async (token: string) =>
    await createApp(deps()).request("/search?q=lemon", toRequestInit({ token }));

  test("is asked for by a search that may be made, which is counted once", async () => {
    const mina = await createUser();
    const response = await searchWith(mina.accessToken);
    expect(response.headers.get("ratelimit")).toMatch(/^"search";r=59;/);
    await expectJson(response, 200);
    expect(asked.splice(0)).toEqual(["lemon"]);
  });

  test("is not asked for once the limit is used up, nor in a session that has ended", async () => {
    const mina = await createUser();
    await adminSql()`
      insert into public.rate_limits (subject, resource, user_id, count, window_start, expires_at)
      values (${`user:${mina.id}`}, 'search', ${mina.id}, 60, now(), now() + interval '1 minute')`;
    await expectProblem(await searchWith(mina.accessToken), "rate_limited", 429);
    const { accessToken } = await createDeadSession();
    await expectProblem(await searchWith(accessToken), "session_revoked", 401);
    expect(asked).toEqual([]);
  });
});

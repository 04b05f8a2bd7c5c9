import { beforeAll, describe, expect, it } from "vitest";
import type { ApiDocument } from "./document.ts";
import { readDocument } from "./document.ts";
import { createJudge, type Judge } from "./judge.ts";
import type { FuzzRequest, Role } from "./requests.ts";
import { judgeTrail } from "./trail.ts";
import { type FuzzUser, World } from "./world.ts";

const requestId = "2f6f0c0e-5d0a-4f2b-9a9e-3f1c1d7a9b10";
const theirVideo = "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11";

function user(index: number): FuzzUser {
  const name = `fuzz-${index}`;
  return {
    index,
    id: `00000000-0000-4000-8000-00000000000${index}`,
    email: `${name}@example.test`,
    password: `pw-${name}`,
    accessToken: "a.b.c",
    secret: `zqs-${name}`,
    word: `zqw-${name}`,
    things: new Map(),
  };
}

let document: ApiDocument;
let world: World;
let judge: Judge;

beforeAll(async () => {
  document = await readDocument();
  world = new World({
    url: "http://127.0.0.1:1",
    publishableKey: "publishable",
    secretKey: "the-secret-key-of-the-project",
    databaseUrl: "postgresql://postgres@127.0.0.1:1/postgres",
    environment: { HEIMDEX_CRON_SECRET: "the-secret-of-the-scheduler" },
  });
  world.users.push(user(0), user(1), user(2), user(3));
  [world.canary, world.dead, world.erased] = [user(4), user(5), user(6)];
  world.owners.set(theirVideo, 3);
  for (const { id, index } of world.everybody()) world.indexes.set(id, index);
  // Asks no database: nobody shares anything here.
  Object.assign(world, { sql: () => Promise.resolve([]) });
  judge = createJudge(document, world);
});

interface Case {
  status?: number;
  body?: unknown;
  type?: string;
  headers?: Record<string, string>;
  role?: Role;
  method?: string;
  path?: string;
}

const usage = {
  tier: "free",
  uploads_today: 0,
  uploads_per_day: 3,
  can_upload: true,
  uploads_reset_at: "2026-11-23T00:00:00Z",
  videos: 0,
  people: 0,
  scenes: 0,
  storage_bytes: 0,
};

async function rules(given: Case): Promise<string[]> {
  const { status = 200, body = usage, role = "user", method = "GET" } = given;
  const path = given.path ?? "/functions/v1/me/usage";
  const operation = document.operations.find((one) => one.path === path);
  if (!operation) throw new Error(`The document lacks ${path}`);
  const request: FuzzRequest = {
    kind: "valid",
    operation,
    sender: { role, index: 2 },
    method,
    path,
    headers: {},
  };
  const sent = { url: new URL(path, world.target.url), method, headers: {}, body: undefined };
  const type = given.type ?? (status < 400 ? "application/json" : "application/problem+json");
  const headers = new Headers({
    "content-type": type,
    "x-request-id": requestId,
    "x-content-type-options": "nosniff",
    ...given.headers,
  });
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const faults = await judge(request, { ...sent, told: path }, {
    status,
    headers,
    text,
  });
  return faults.map(({ rule }) => rule);
}

const problem = (code: string, status: number, detail = "No") => ({
  type: `urn:heimdex:problem:${code}`,
  title: "No",
  status,
  detail,
  code,
  request_id: requestId,
});

const challenge = { "www-authenticate": "Bearer" };

describe("the judge of the fuzz run", () => {
  it("has nothing against an answer the document describes", async () => {
    expect(await rules({})).toEqual([]);
    const refusal = { status: 401, body: problem("token_missing", 401), headers: challenge };
    expect(await rules(refusal)).toEqual([]);
  });

  it.each<[string, Case, string]>([
    ["a 500", { status: 500, body: problem("internal_error", 500) }, "server error"],
    [
      "a 503 without an outage",
      {
        status: 503,
        body: problem("storage_unavailable", 503),
        headers: { "retry-after": "1" },
      },
      "server error",
    ],
    ["a member that is missing", { body: { ...usage, tier: undefined } }, "outside the schema"],
    ["a member nobody documented", { body: { ...usage, hash: "x" } }, "outside the schema"],
    ["a body that is no JSON", { body: "<html>" }, "outside the schema"],
    ["another content type", { type: "text/html" }, "content type"],
    ["a status nobody documented", { status: 206 }, "undocumented status"],
    [
      "a problem in plain JSON",
      {
        status: 401,
        body: problem("token_missing", 401),
        type: "application/json",
        headers: challenge,
      },
      "content type",
    ],
    ["a problem without a code", { status: 404, body: { status: 404 } }, "outside the schema"],
    [
      "a code under another status",
      { status: 422, body: problem("token_missing", 422) },
      "status of the code",
    ],
    [
      "a 401 without a challenge",
      { status: 401, body: problem("token_missing", 401) },
      "missing header",
    ],
    ["a 429 without a time", { status: 429, body: problem("rate_limited", 429) }, "missing header"],
    ["somebody without a token", { role: "anonymous" }, "let in"],
    ["a session that has ended", { role: "dead" }, "let in"],
    ["a worker at a route of users", { role: "worker" }, "let in"],
    ["a text of another user", { body: { ...usage, tier: "zqs-fuzz-3" } }, "foreign data"],
    ["the address of another user", { body: { x: "fuzz-1@example.test" } }, "foreign data"],
    ["an id of another user", { body: { x: theirVideo } }, "foreign data"],
    [
      "a key of the deployment",
      { body: { x: "the-secret-key-of-the-project" } },
      "secret of the deployment",
    ],
    ["a stack trace", { body: { x: "Error\n    at run (file:///app/x.ts:1:2)" } }, "internal text"],
    ["words of PostgreSQL", { body: { x: 'relation "videos" does not exist' } }, "internal text"],
    [
      "cookies across origins",
      { headers: { "access-control-allow-credentials": "true" } },
      "credentials",
    ],
  ])("refuses %s", async (_what, given, rule) => {
    expect(await rules(given)).toContain(rule);
  });
});

const claim = { role: "worker", method: "POST", path: "/functions/v1/videos/jobs/claim" } as const;

describe("the judge of what a worker is shown", () => {
  const url = (owner: number) => `http://x/videos/${world.user(owner).id}/${theirVideo}.mp4`;
  const shown = async (video: Record<string, unknown>) =>
    (await rules({ ...claim, body: { job: { video } } })).filter((rule) => rule === "foreign data");

  it("has nothing against the ids of one user", async () => {
    expect(await shown({ video_id: theirVideo, download_url: url(3) })).toEqual([]);
  });

  it("refuses ids of two users, and every text of any", async () => {
    expect(await shown({ video_id: theirVideo, download_url: url(2) })).toHaveLength(1);
    expect(await shown({ video_id: theirVideo, filename: "zqs-fuzz-3" })).toHaveLength(1);
    expect(await shown({ owner: "fuzz-2@example.test" })).toHaveLength(1);
  });
});

describe("the judge of the trail", () => {
  it.each([
    ["the owner", 3, 0],
    ["another user", 2, 1],
  ])("of a change made by %s", async (_who, index, faults) => {
    const change = {
      event: "video.changed",
      user_id: world.user(index).id,
      resource_id: theirVideo,
    };
    const sql = (text: readonly string[]) =>
      Promise.resolve(text.join("").includes("audit_events") ? [change] : []);
    expect(await judgeTrail(Object.assign(Object.create(world), { sql }))).toHaveLength(faults);
  });
});

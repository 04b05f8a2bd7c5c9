import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Activity } from "../../shared/audit/activities.ts";
import type { App } from "../../shared/http/base-app.ts";
import type { Deps } from "../../shared/http/deps.ts";
import { depsWith } from "../support/app.ts";
import { createApps } from "../support/apps.ts";
import { type CallOptions, expectJson, toRequestInit } from "../support/call.ts";
import { mailCode, readMail } from "../support/mail.ts";
import { routes } from "../support/routes.ts";
import { adminSql } from "../support/sql.ts";
import { canReadMail, setting } from "../support/stack.ts";
import { createUser, type TestUser, uniqueEmail } from "../support/users.ts";
import { deleted, toSignedRequest } from "./auth-webhook/support.ts";
import { createConsentingUser, png, upload } from "./people/support.ts";
import { kitchenCaptions, kitchenUpload, sendFile } from "./videos/support.ts";
import { toBase64 } from "./videos/worker-support.ts";

let deps: Deps;
let apps: Record<string, App>;
const recorded: Activity[] = [];
/** What each route wrote when it did what it is for, by `METHOD function/path`. */
const written = new Map<string, Activity[]>();

/** One request in this process; keeps what its route wrote. */
async function send<T = Record<string, string>>(
  route: string,
  path: string,
  options: CallOptions,
): Promise<T> {
  const [method = ""] = route.split(" ");
  const [name = ""] = (route.split(" ")[1] ?? "").split("/");
  recorded.length = 0;
  const init = toRequestInit({ ...options, method });
  const response = await (apps[name] as App).request(`/${name}${path}`, init);
  const text = await response.text();
  expect(response.ok, `${route} ${response.status} ${text.slice(0, 300)}`).toBe(true);
  written.set(route, [...recorded]);
  return text === "" ? {} as T : JSON.parse(text);
}

/** A workers' queue of its own: no other test names this stage. */
const stage = "vision_affect_tags";

async function queueJob(videoId: string): Promise<string> {
  const [row] = await adminSql()`
    insert into public.jobs (video_id, stage) values (${videoId}, ${stage}) returning job_id`;
  return row?.job_id;
}

const workerKey = () => setting("HEIMDEX_WORKER_KEYS").split(",")[0] ?? "";

async function actOnSessions(): Promise<void> {
  const email = uniqueEmail("audit");
  const password = `pw-${crypto.randomUUID()}`;
  await send("POST auth-onboarding/register", "/register", { json: { email, password } });
  const token = mailCode(await readMail(email));
  const verified = { json: { type: "signup", email, token } };
  await send("POST auth-onboarding/verify", "/verify", verified);
  const login = await send("POST auth-onboarding/login", "/login", { json: { email, password } });
  const refresh = { json: { refresh_token: login.refresh_token } };
  const fresh = await send("POST auth-onboarding/refresh", "/refresh", refresh);
  await send("POST auth-onboarding/password-reset", "/password-reset", { json: { email } });
  await send("POST auth-onboarding/magic-link", "/magic-link", { json: { email } });
  const own = { token: fresh.access_token ?? "" };
  const changed = { ...own, json: { password: `pw-${crypto.randomUUID()}` } };
  await send("POST auth-onboarding/password-update", "/password-update", changed);
  await send("POST auth-onboarding/logout", "/logout", { ...own, json: { scope: "local" } });
}

async function actOnAccount(user: TestUser): Promise<void> {
  const own = { token: user.accessToken };
  const onboarding = { industry: "Film", job_title: "Editor", email_consent: false };
  await send("POST auth-onboarding/onboarding", "/onboarding", { ...own, json: onboarding });
  await send("PATCH me/", "", { ...own, json: { display_name: "Mina" } });
  await send("POST me/export", "/export", own);
  const effective_at = new Date(Date.now() + 86_400_000).toISOString();
  const json = { password: user.password, effective_at };
  await send("DELETE auth-onboarding/account", "/account", { ...own, json });
  await send("DELETE auth-onboarding/account/erasure", "/account/erasure", own);
}

async function actOnVideos(user: TestUser): Promise<void> {
  const own = { token: user.accessToken };
  const ticket = await send("POST videos/upload/init", "/upload/init", {
    ...own,
    json: kitchenUpload,
  });
  const { video_id = "", bucket = "", path = "", token = "" } = ticket;
  await sendFile({ bucket, path, token });
  await send("POST videos/upload/complete", "/upload/complete", { ...own, json: { video_id } });
  await send("PATCH videos/:id", `/${video_id}`, { ...own, json: { title: "Secret title" } });
  await send("PUT videos/:id/captions", `/${video_id}/captions`, {
    ...own,
    body: kitchenCaptions,
    headers: { "content-type": "text/vtt" },
  });
  await actAsWorker(video_id);
  await send("DELETE videos/:id", `/${video_id}`, own);
}

async function actAsWorker(videoId: string): Promise<void> {
  const own = { token: workerKey() };
  const jobId = await queueJob(videoId);
  const claim = () =>
    send<{ job: { lease_id: string } }>("POST videos/jobs/claim", "/jobs/claim", {
      ...own,
      json: { stages: [stage] },
    });
  let { lease_id } = (await claim()).job;
  const about = (verb: string, json: Record<string, unknown>) =>
    send(`POST videos/jobs/:id/${verb}`, `/jobs/${jobId}/${verb}`, {
      ...own,
      json: { lease_id, ...json },
    });
  await about("progress", { progress: 0.5 });
  await about("uploads", { sidecar: true });
  const part = { revision: crypto.randomUUID(), part: 1, final: true, parts: 1, scenes: [] };
  await send("PUT videos/:id/scenes", `/${videoId}/scenes`, {
    ...own,
    json: { lease_id, ...part },
  });
  await about("fail", { error: "Secret error text", retry: true });
  await adminSql()`update public.jobs set due_at = now() where job_id = ${jobId}`;
  lease_id = (await claim()).job.lease_id;
  await about("complete", {});
}

async function actOnPeople(user: TestUser): Promise<void> {
  const own = { token: user.accessToken };
  const name = async (called: string) =>
    (await send("POST people/", "", { ...own, json: { name: called } })).person_id;
  const [first, second] = [await name("Secret Han"), await name("Secret Lee")];
  await send("PATCH people/:id", `/${first}`, { ...own, json: { name: "Secret Kim" } });
  const ticket = await send("POST people/:id/photos", `/${first}/photos`, {
    ...own,
    json: { content_type: "image/png" },
  });
  const { bucket = "", path = "", token = "" } = ticket;
  await upload(user, { bucket, path, token }, png);
  await send("POST people/:id/photos/complete", `/${first}/photos/complete`, {
    ...own,
    json: { photo_key: path },
  });
  const vector = toBase64(Array.from({ length: 512 }, (_, n) => Math.sin(n)));
  const [table] = await adminSql()`select from pg_tables where tablename = 'face_vectors'`;
  if (table) {
    const request = { token: workerKey(), json: { vector } };
    await send("PUT people/:id/face-vector", `/${first}/face-vector`, request);
  }
  await send("POST people/:id/merge", `/${first}/merge`, { ...own, json: { into: second } });
  await send("DELETE people/:id", `/${second}`, own);
}

async function actAsMachines(): Promise<void> {
  const gone = await createUser();
  await adminSql()`delete from auth.users where id = ${gone.id}`;
  await send("POST auth-webhook/drain", "/drain", { token: setting("HEIMDEX_CRON_SECRET") });
  await send("POST auth-webhook/", "", toSignedRequest(deleted(gone.id)));
}

let user: TestUser;

beforeAll(async () => {
  deps = depsWith({ activities: { record: (activity) => recorded.push(activity) } });
  apps = Object.fromEntries(
    Object.entries(createApps).map(([name, createApp]) => [name, createApp(deps)]),
  );
  user = await createConsentingUser();
  if (canReadMail()) await actOnSessions();
  await actOnVideos(user);
  await actOnPeople(user);
  await actAsMachines();
  await actOnAccount(user);
});
afterAll(() => deps.database.close());

const table = Object.entries(routes).flatMap(([name, all]) => all.map((one) => ({ name, ...one })));
const searches = table.filter(({ name }) => name === "search");
const changing = table.filter((one) => one.method !== "GET" && !searches.includes(one));
const reading = table.filter((one) => !changing.includes(one));

/** Names of the middleware that stands before a route. */
function middlewareOf({ name, method, path }: typeof table[number]): string[] {
  const app = apps[name] as App;
  return app.routes.filter((one) => one.method === method && one.path === path)
    .map(({ handler }) => handler.name);
}

describe("a route that changes state", () => {
  it.each(changing)("$method $name$path is audited, before anything can refuse", (route) => {
    const names = middlewareOf(route);
    expect(names[0]).toBe("audited");
    expect(names.filter((one) => one === "audited")).toHaveLength(1);
  });

  it("writes exactly one event when it has done its work", () => {
    const wrong = changing.map(({ method, name, path }) => `${method} ${name}${path}`)
      .filter((route) => written.has(route) && written.get(route)?.length !== 1);
    expect(wrong).toEqual([]);
    // Without pgvector nothing can be enrolled; without a mail catcher nothing can be verified.
    const least = changing.length - 1 - (canReadMail() ? 0 : 8);
    expect(written.size).toBeGreaterThanOrEqual(least);
  });

  it("says who and what, and nothing that a user wrote", () => {
    for (const [route, [activity]] of written) {
      const forNobody = /register|password-reset|magic-link|jobs|scenes|face-vector|webhook/;
      if (!forNobody.test(route)) {
        expect(activity?.userId, route).toMatch(/^[0-9a-f-]{36}$/);
        expect(activity?.actor, route).toBe("user");
      }
      if (activity?.resourceId) expect(activity.resourceId).toMatch(/^[0-9a-f-]{36}$/);
      expect(activity).toMatchObject({ outcome: "ok", requestId: expect.any(String) });
      expect(JSON.stringify(activity)).not.toMatch(/secret|@|kitchen|pw-/i);
    }
    const named = (route: string) => written.get(route)?.[0]?.resourceId;
    const without = [...written.keys()].filter((route) => named(route) === undefined);
    expect(without.sort()).toEqual(
      [
        ...canReadMail() ? ["register", "password-reset", "magic-link"] : [],
      ].map((one) => `POST auth-onboarding/${one}`)
        .concat("POST auth-webhook/", "POST auth-webhook/drain").sort(),
    );
  });

  it("is about the user of an event, so that an erasure finds it", () => {
    const [activity] = written.get("POST auth-webhook/") ?? [];
    expect(activity).toMatchObject({
      actor: "webhook",
      userId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it("counts what statistics ask for", () => {
    const counted = (route: string) => written.get(route)?.[0]?.counted?.type;
    expect(counted("POST auth-onboarding/onboarding")).toBe("onboarded");
    expect(counted("POST videos/upload/complete")).toBe("uploaded_video");
    if (canReadMail()) expect(counted("POST auth-onboarding/verify")).toBe("registered");
    expect(counted("PATCH videos/:id")).toBeUndefined();
  });
});

describe("a route that changes nothing", () => {
  it.each(reading)("$method $name$path is not audited", (route) => {
    expect(middlewareOf(route)).not.toContain("audited");
  });

  it("counts a search once, without its words", async () => {
    recorded.length = 0;
    const init = toRequestInit({ token: user.accessToken });
    const answer = await (apps.search as App).request("/search?q=kettle", init);
    await expectJson(answer, 200);
    expect(recorded).toMatchObject([
      { type: null, userId: user.id, counted: { type: "searched", data: { search_type: "text" } } },
    ]);
    expect(JSON.stringify(recorded)).not.toContain("kettle");
  });
});

describe("a refusal that matters", () => {
  async function refuse(name: string, path: string, options: CallOptions): Promise<Activity[]> {
    recorded.length = 0;
    const answer = await (apps[name] as App).request(`/${name}${path}`, toRequestInit(options));
    expect(answer.ok).toBe(false);
    await answer.body?.cancel();
    return [...recorded];
  }

  it("is written with its code and the id that was asked for", async () => {
    const id = crypto.randomUUID();
    const token = user.accessToken;
    expect(await refuse("videos", `/${id}`, { method: "DELETE", token })).toMatchObject([
      { type: "video.deleted", outcome: "refused", code: "video_not_found", resourceId: id },
    ]);
    expect(await refuse("people", `/${id}/scenes`, { token })).toMatchObject([{
      type: "request.refused",
      route: "GET people/:id/scenes",
      code: "person_not_found",
      resourceId: id,
    }]);
  });

  it.each(
    [
      ["search", "?q=a", { token: "a.b.c" }, "token_invalid"],
      ["videos", "/jobs/claim", { json: {}, token: "wrong" }, "key_invalid"],
      ["auth-webhook", "", { json: deleted(crypto.randomUUID()) }, "signature_invalid"],
      ["auth-onboarding", "/refresh", { json: { refresh_token: "no" } }, "refresh_token_invalid"],
    ] as const,
  )("of %s%s is written, for nobody who was not proven", async (name, path, options, code) => {
    expect(await refuse(name, path, options))
      .toMatchObject([{ outcome: "refused", code, actor: "anonymous", userId: null }]);
  });

  it("never carries the address or password of a failed login", async () => {
    const json = { email: "someone-unknown@example.test", password: "not-the-password" };
    const [activity, ...others] = await refuse("auth-onboarding", "/login", { json });
    expect(activity).toMatchObject({
      type: "user.signed_in",
      userId: null,
      actor: "anonymous",
      code: "invalid_credentials",
    });
    expect(others).toEqual([]);
    expect(JSON.stringify(activity)).not.toMatch(/someone|not-the-password|@/);
  });

  it.each([
    ["a fault of the request", "", { json: { name: "" }, method: "POST" }],
    ["a path nobody has", "/no/such/route", {}],
  ])("is not %s", async (_, path, options) => {
    expect(await refuse("people", path, { token: user.accessToken, ...options })).toEqual([]);
  });
});

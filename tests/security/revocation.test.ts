import process from "node:process";
import { afterAll, describe, expect, it } from "vitest";
import { call, expectJson, expectProblem } from "../support/call.ts";
import { type Ids, pathOf, type RouteCase, routes } from "../support/routes.ts";
import { isLongRun } from "../support/size.ts";
import { useStack } from "../support/stack.ts";
import { adminClient, createUser, signIn, type TestUser } from "../support/users.ts";

/** Two sessions of one user. The first ends; the second does so where the ending takes all. */
interface Sessions {
  first: TestUser;
  second: TestUser;
}

interface Ending {
  what: string;
  /** Resolves when whoever ended the session was told that it ended. */
  end(sessions: Sessions): Promise<void>;
  secondLives: boolean;
  /** It ends the same rows as another one: a sampled run asks every fourth route only. */
  sampled?: true;
}

async function succeed(answer: PromiseLike<{ error: Error | null }>): Promise<void> {
  const { error } = await answer;
  if (error) throw error;
}

const newPassword = () => `pw-${crypto.randomUUID()}`;
const byAdmin = () => adminClient().auth.admin;

const endings: readonly Ending[] = [
  {
    what: "the deletion of the user",
    end: ({ first }) => succeed(byAdmin().deleteUser(first.id)),
    secondLives: false,
  },
  {
    what: "the soft deletion of the user",
    end: ({ first }) => succeed(byAdmin().deleteUser(first.id, true)),
    secondLives: false,
  },
  {
    what: "a ban",
    end: ({ first }) => succeed(byAdmin().updateUserById(first.id, { ban_duration: "1h" })),
    secondLives: false,
  },
  {
    what: "a local sign-out",
    end: ({ first }) => succeed(first.client.auth.signOut({ scope: "local" })),
    secondLives: true,
  },
  {
    what: "a sign-out of the others by another session",
    end: ({ second }) => succeed(second.client.auth.signOut({ scope: "others" })),
    secondLives: true,
    sampled: true,
  },
  {
    what: "a global sign-out by another session",
    end: ({ second }) => succeed(second.client.auth.signOut({ scope: "global" })),
    secondLives: false,
    sampled: true,
  },
  {
    what: "a logout through our route",
    end: async ({ first }) => {
      const json = {};
      const answer = await call("/auth-onboarding/logout", { token: first.accessToken, json });
      expect(answer.status, await answer.text()).toBeLessThan(300);
    },
    secondLives: false,
    sampled: true,
  },
  {
    what: "a new password set by another session",
    end: ({ second }) => succeed(second.client.auth.updateUser({ password: newPassword() })),
    secondLives: true,
  },
  {
    what: "a new password through our route",
    end: async ({ second }) => {
      const json = { password: newPassword() };
      const token = second.accessToken;
      const answer = await call("/auth-onboarding/password-update", { token, json });
      expect(answer.status, await answer.text()).toBeLessThan(300);
    },
    secondLives: true,
    sampled: true,
  },
  {
    what: "a new password set by the server",
    end: ({ first }) => succeed(byAdmin().updateUserById(first.id, { password: newPassword() })),
    secondLives: false,
    sampled: true,
  },
];

const measured: string[] = [];
afterAll(() => {
  const lines = ["requests begun after a session ended:", ...measured].join("\n  ");
  process.stdout.write(`${lines}\n`);
});

async function createThings({ accessToken: token }: TestUser): Promise<Ids> {
  const upload = { filename: "a.mp4", mime_type: "video/mp4", size_bytes: 1000 };
  const [video, person] = await Promise.all([
    call("/videos/upload/init", { token, json: upload }),
    call("/people", { token, json: { name: "Captain Han" } }),
  ]);
  const { video_id } = await expectJson<{ video_id: string }>(video, 201);
  const { person_id } = await expectJson<{ person_id: string }>(person, 201);
  return { videoId: video_id, personId: person_id, exportId: crypto.randomUUID() };
}

const scenePath = ({ first }: Sessions) => `${first.id}/v/s.jpg`;

async function putObject(sessions: Sessions): Promise<void> {
  const body = new Blob(["x"], { type: "image/jpeg" });
  await succeed(adminClient().storage.from("thumbnails").upload(scenePath(sessions), body));
}

/** What a client reads of its own, and whether it got it. */
type Probe = (sessions: Sessions) => Promise<boolean>;

const asFirst = ({ first }: Sessions) => ({
  headers: { apikey: useStack().publishableKey, authorization: `Bearer ${first.accessToken}` },
});

const probes: Readonly<Record<string, Probe>> = {
  "edge functions": async ({ first }) => {
    const answer = await call("/videos", { token: first.accessToken });
    await answer.body?.cancel();
    return answer.ok;
  },
  "Data API": async (sessions) => {
    const url = `${useStack().url}/rest/v1/videos?select=video_id`;
    const answer = await fetch(url, asFirst(sessions));
    const rows: unknown = await answer.json();
    return Array.isArray(rows) && rows.length > 0;
  },
  "Storage API": async (sessions) => {
    const path = `/storage/v1/object/authenticated/thumbnails/${scenePath(sessions)}`;
    const answer = await fetch(`${useStack().url}${path}`, asFirst(sessions));
    await answer.body?.cancel();
    return answer.ok;
  },
};

interface Tries {
  /** Each request: when it began, and whether it was answered. */
  tries: { begun: number; accepted: boolean }[];
  /** Ends it once a request has begun after this time. */
  stopAfter(time: number): Promise<void>;
}

/** Asks without a pause. Resolves after the first request, which has to succeed. */
async function askOn(probe: Probe, sessions: Sessions): Promise<Tries> {
  const tries: Tries["tries"] = [];
  let last = Infinity;
  const ask = async () => {
    const begun = performance.now();
    tries.push({ begun, accepted: await probe(sessions) });
  };
  await ask();
  expect(tries[0]?.accepted).toBe(true);
  const loop = (async () => {
    while ((tries.at(-1)?.begun ?? 0) <= last) await ask();
  })();
  return {
    tries,
    stopAfter: async (time) => {
      last = time;
      await loop;
    },
  };
}

const guarded = Object.entries(routes).flatMap(([name, cases]) =>
  cases.filter(({ auth }) => auth === "user").map((route) => ({ name, route }))
);

async function expectRefusal(
  { name, route }: { name: string; route: RouteCase },
  ids: Ids,
  token: string,
): Promise<void> {
  const request = { method: route.method, ...route.request?.(ids), token };
  const answer = await call(pathOf(name, route, ids), request);
  const problem = await expectProblem(answer, "session_revoked", 401).catch((cause) => {
    throw new Error(`${route.method} ${name}${route.path} went on`, { cause });
  });
  expect(problem.code).toBe("session_revoked");
}

describe.each(endings)("after $what", ({ what, end, secondLives, sampled }) => {
  const asked = guarded.filter((_, n) => isLongRun || !sampled || n % 4 === 0);

  it("every route but GET /me, the Data API and Storage refuse a token that has not expired", async () => {
    const first = await createUser();
    const sessions = { first, second: await signIn(first.email, first.password) };
    const [ids] = await Promise.all([createThings(first), putObject(sessions)]);
    const asking = await Promise.all(
      Object.entries(probes).map(async ([service, probe]) => ({
        service,
        ...await askOn(probe, sessions),
      })),
    );

    await end(sessions);
    const ended = performance.now();
    await Promise.all(asked.map((route) => expectRefusal(route, ids, first.accessToken)));
    await Promise.all(asking.map(({ stopAfter }) => stopAfter(ended)));

    await expectJson(await call("/me", { token: first.accessToken }), 200);
    const json = { refresh_token: first.refreshToken };
    const refreshed = await call("/auth-onboarding/refresh", { json });
    expect([401, 403], await refreshed.text()).toContain(refreshed.status);
    const other = await call("/videos", { token: sessions.second.accessToken });
    expect(other.status, await other.text()).toBe(secondLives ? 200 : 401);
    const figures = asking.map(({ service, tries }) => {
      const after = tries.filter(({ begun }) => begun > ended);
      const accepted = after.filter((request) => request.accepted).length;
      return { service, begun: after.length, accepted };
    });
    measured.push(
      `${what}: ${asked.length} routes, 0 accepted; ${
        figures.map(({ service, begun, accepted }) => `${service} ${begun}, ${accepted} accepted`)
          .join("; ")
      }`,
    );
    expect(figures.every(({ begun }) => begun > 0)).toBe(true);
    expect(figures.map(({ accepted }) => accepted)).toEqual([0, 0, 0]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashAddress } from "../../shared/limits/subjects.ts";
import { callLimits, type CallResource } from "../../shared/limits/limits.ts";
import { createApp as createAuth } from "../../supabase/functions/auth-onboarding/app.ts";
import { createApp as createMe } from "../../supabase/functions/me/app.ts";
import { depsWith } from "../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../support/call.ts";
import { pathOf, routes } from "../support/routes.ts";
import { adminSql, claimsOf } from "../support/sql.ts";
import { createUser, signIn, type TestUser, uniqueEmail } from "../support/users.ts";

const clientIpHeader = "x-real-ip";
const deps = depsWith({
  environment: {
    HEIMDEX_CLIENT_IP_HEADER: clientIpHeader,
    HEIMDEX_FORWARD_CLIENT_IP: "true",
    HEIMDEX_ANSWER_MS: "50",
  },
});
const app = createAuth(deps);

afterAll(() => deps.database.close());

/** Uses a limit up, but for `left` requests. */
async function useUp(subject: string, resource: string, max: number, left = 0): Promise<void> {
  await adminSql()`
    insert into public.rate_limits (subject, resource, count, window_start, expires_at)
    values (${subject}, ${resource}, ${max - left}, now(), now() + interval '40 seconds')
    on conflict (subject, resource) where subject is not null do update set count = excluded.count`;
}

async function readCount(subject: string, resource: string): Promise<number> {
  const [row] = await adminSql()<{ count: number }[]>`
    select count from public.rate_limits where subject = ${subject} and resource = ${resource}`;
  return row?.count ?? 0;
}

describe("a search", () => {
  let user: TestUser;

  beforeAll(async () => {
    user = await createUser();
  });

  it("is limited to 60 a minute in tier free, and its answers say where that stands", async () => {
    await useUp(`user:${user.id}`, "search", 60, 2);
    const get = await call("/search?q=lantern", {
      token: user.accessToken,
      headers: { origin: "https://app.test" },
    });
    expect(get.status).toBe(200);
    expect(get.headers.get("ratelimit-policy")).toBe('"search";q=60;w=60');
    expect(get.headers.get("ratelimit")).toMatch(/^"search";r=1;t=(40|39)$/);
    expect(get.headers.get("access-control-expose-headers")).toMatch(/ratelimit,ratelimit-policy/);
    await get.body?.cancel();
    const post = await call("/search", { token: user.accessToken, json: { q: "lantern" } });
    expect(post.headers.get("ratelimit")).toMatch(/^"search";r=0;t=(40|39)$/);
    await post.body?.cancel();

    const refused = await call("/search?q=lantern", { token: user.accessToken });
    const seconds = refused.headers.get("retry-after");
    expect(seconds).toMatch(/^(40|39)$/);
    expect(refused.headers.get("ratelimit")).toBe(`"search";r=0;t=${seconds}`);
    expect(refused.headers.get("ratelimit-policy")).toBe('"search";q=60;w=60');
    await expectProblem(refused, "rate_limited", 429);
  });

  it("is not counted when it is not valid", async () => {
    const before = await readCount(`user:${user.id}`, "search");
    const response = await call("/search?q=", { token: user.accessToken });
    await expectProblem(response, "validation_failed");
    expect(await readCount(`user:${user.id}`, "search")).toBe(before);
  });
});

describe("an answer that counts all a user has", () => {
  it("shares one limit with the others, and a page alone takes nothing of it", async () => {
    const { id, accessToken: token } = await createUser();
    const counting = [
      "/auth-onboarding/account/erasure-preview",
      "/me/usage",
      "/videos?count=exact",
      "/people?limit=1&count=exact",
    ];
    await useUp(`user:${id}`, "count", 60, counting.length);
    for (const [at, path] of counting.entries()) {
      const answer = await call(path, { token });
      expect(answer.headers.get("ratelimit"), path)
        .toMatch(new RegExp(`^"count";r=${counting.length - 1 - at};t=\\d+$`));
      await expectJson(answer, 200);
    }
    for (const path of counting) {
      await expectProblem(await call(path, { token }), "rate_limited", 429);
    }
    for (const path of ["/videos", "/people?limit=1"]) {
      const page = await call(path, { token });
      expect(page.headers.has("ratelimit"), path).toBe(false);
      await expectJson(page, 200);
    }
  });
});

describe("every route by which a user changes something", () => {
  const ownLimit = ["/logout", "/password-update"];

  it("counts for the limit of writes, found or not, and says where that stands", async () => {
    const user = await createUser();
    const ids = {
      videoId: crypto.randomUUID(),
      personId: crypto.randomUUID(),
      exportId: crypto.randomUUID(),
    };
    const writes = Object.entries(routes).flatMap(([name, cases]) =>
      cases.filter(({ method, path, auth }) =>
        name !== "search" && method !== "GET" && auth === "user" && !ownLimit.includes(path)
      ).map((route) => ({ name, route }))
    );
    expect(writes.length).toBeGreaterThan(15);
    let expected = 0;
    for (const { name, route } of writes) {
      const label = `${route.method} /${name}${route.path}`;
      const response = await call(pathOf(name, route, ids), {
        method: route.method,
        token: user.accessToken,
        ...route.request?.(ids),
      });
      await response.body?.cancel();
      expect(await readCount(`user:${user.id}`, "write"), `${label} ${response.status}`)
        .toBe(++expected);
      expect(response.status, label).not.toBe(429);
      if (response.status < 400) {
        expect(response.headers.get("ratelimit"), label)
          .toMatch(new RegExp(`^"write";r=${120 - expected};t=\\d+$`));
      }
    }
  });

  it("is refused at the limit, also by routes whose work is elsewhere", async () => {
    const user = await createUser();
    await useUp(`user:${user.id}`, "write", 120);
    const options = { method: "PATCH", token: user.accessToken, json: { display_name: "Mina" } };
    await expectProblem(await call("/me", options), "rate_limited", 429);
    const create = { token: user.accessToken, json: { name: "Mia" } };
    await expectProblem(await call("/people", create), "rate_limited", 429);
    const captions = await call(`/videos/${crypto.randomUUID()}/captions`, {
      method: "PUT",
      token: user.accessToken,
      headers: { "content-type": "text/vtt" },
      body: "not parsed",
    });
    await expectProblem(captions, "rate_limited", 429);
    const read = await call("/people", { token: user.accessToken });
    expect(await expectJson(read, 200)).toMatchObject({ people: [] });
  });
});

describe("ending sessions and setting a password", () => {
  const signOut = (token: string) =>
    call("/auth-onboarding/logout", { token, json: { scope: "others" } });

  it("has a limit for each session, which no other session can use up", async () => {
    const thief = await createUser();
    const owner = await signIn(thief.email, thief.password);
    await useUp(`user:${owner.id}`, "write", 120);
    await useUp(`session:${claimsOf(thief.accessToken)["session_id"]}`, "session", 10);
    await expectProblem(await signOut(thief.accessToken), "rate_limited", 429);
    const json = { password: `pw-${crypto.randomUUID()}` };
    const change = await call("/auth-onboarding/password-update", {
      token: thief.accessToken,
      json,
    });
    await expectProblem(change, "rate_limited", 429);
    const done = await signOut(owner.accessToken);
    expect(done.headers.get("ratelimit")).toMatch(/^"session";r=9;t=\d+$/);
    expect(done.status).toBe(204);
    await expectProblem(await signOut(thief.accessToken), "session_revoked", 401);
  });
});

const bodies: Record<CallResource, (email: string) => Record<string, unknown>> = {
  login: (email) => ({ email, password: "not the password" }),
  register: (email) => ({ email, password: `pw-${crypto.randomUUID()}` }),
  password_reset: (email) => ({ email }),
  magic_link: (email) => ({ email }),
  verify: (email) => ({ type: "email", email, token: "123456" }),
  refresh: () => ({ refresh_token: "unknown" }),
};
const anybodys = Object.keys(bodies) as CallResource[];

function send(resource: CallResource, email: string, headers: Record<string, string> = {}) {
  const path = `/auth-onboarding/${resource.replace("_", "-")}`;
  return app.request(path, toRequestInit({ json: bodies[resource](email), headers }));
}

function newNetwork(): { network: string; newAddress: () => string } {
  const [a = "", b = ""] = crypto.randomUUID().match(/[1-9a-f][0-9a-f]{3}/g) ?? [];
  const network = `2001:db8:${a}:${b}`;
  return {
    network: `${network}::/64`,
    newAddress: () => `${network}:${(1 + Math.floor(Math.random() * 60_000)).toString(16)}::1`,
  };
}

describe("a route that anybody may call", () => {
  it.each(anybodys)("%s is limited by client, whatever else the client makes up", async (name) => {
    const { network, newAddress } = newNetwork();
    await useUp(`ip:${network}`, name, callLimits[name].ip.max, 1);
    const spoofed = () => ({
      [clientIpHeader]: newAddress(),
      "x-forwarded-for": `192.0.2.${Math.floor(Math.random() * 256)}`,
      "forwarded": "for=192.0.2.9",
    });
    const last = await send(name, uniqueEmail(), spoofed());
    expect(last.status).not.toBe(429);
    expect(last.headers.get("ratelimit")).toMatch(new RegExp(`^"${name}-ip";r=0;t=\\d+`));
    await last.body?.cancel();
    const refused = await send(name, uniqueEmail(), spoofed());
    expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
    await expectProblem(refused, "rate_limited", 429);
    const other = await send(name, uniqueEmail(), { [clientIpHeader]: newNetwork().newAddress() });
    expect(other.status).not.toBe(429);
    await other.body?.cancel();
  });

  it.each(anybodys.filter((name) => "address" in callLimits[name]))(
    "%s is limited by e-mail address, known or not, however it is written",
    async (name) => {
      const email = uniqueEmail("limited");
      const subject = `address:${await hashAddress(deps.env, email)}`;
      const limits = callLimits[name];
      await useUp(subject, name, "address" in limits ? limits.address.max : 0);
      const from = () => ({ [clientIpHeader]: newNetwork().newAddress() });
      const refused = await send(name, email.toUpperCase(), from());
      expect(refused.headers.get("ratelimit")).toMatch(
        new RegExp(`^"${name}-ip";r=\\d+;t=\\d+, "${name}-address";r=0;t=\\d+$`),
      );
      await expectProblem(refused, "rate_limited", 429);
      const other = await send(name, uniqueEmail(), from());
      expect(other.status).not.toBe(429);
      await other.body?.cancel();
    },
  );

  it("keeps no e-mail address in the counters", async () => {
    const email = uniqueEmail("nobody-reads-this");
    await (await send("password_reset", email, { [clientIpHeader]: newNetwork().newAddress() }))
      .body?.cancel();
    const rows = await adminSql()`
      select from public.rate_limits as l where l::text like '%nobody-reads-this%'`;
    expect(rows).toHaveLength(0);
    const subject = `address:${await hashAddress(deps.env, email)}`;
    expect(subject).toMatch(/^address:[\w-]{43}$/);
    expect(await readCount(subject, "password_reset")).toBe(1);
  });

  it("puts callers whose address is not told or malformed into one count", async () => {
    const before = await readCount("ip:unknown", "refresh");
    for (const headers of [{}, { [clientIpHeader]: "somewhere" }, { "x-forwarded-for": "::1" }]) {
      await (await send("refresh", "", headers)).body?.cancel();
    }
    expect(await readCount("ip:unknown", "refresh")).toBe(before + 3);
  });

  it("is not limited by client where no header is configured", async () => {
    const plain = createAuth(depsWith());
    const json = bodies.refresh("");
    const response = await plain.request(
      "/auth-onboarding/refresh",
      toRequestInit({ json, headers: { [clientIpHeader]: "192.0.2.1" } }),
    );
    expect(response.headers.get("ratelimit")).toBeNull();
    await expectProblem(response, "refresh_token_invalid", 401);
  });
});

describe("Supabase Auth", () => {
  it("is told whose request it is, with every kind of call", async () => {
    const user = await createUser();
    const { email, password } = user;
    const readIps = async () => {
      const rows = await adminSql()<{ ip: string }[]>`
        select host(ip) as ip from auth.sessions where user_id = ${user.id} and ip is not null`;
      return rows.map(({ ip }) => ip);
    };
    const json = { email, password };
    const headers = { [clientIpHeader]: "198.51.100.77", "x-forwarded-for": "192.0.2.9" };
    const signedIn = await app.request("/auth-onboarding/login", toRequestInit({ json, headers }));
    const session = await expectJson<{ refresh_token: string; access_token: string }>(
      signedIn,
      200,
    );
    expect(await readIps()).toEqual(["198.51.100.77"]);

    const refreshed = await app.request(
      "/auth-onboarding/refresh",
      toRequestInit({
        json: { refresh_token: session.refresh_token },
        headers: { [clientIpHeader]: "198.51.100.78" },
      }),
    );
    await expectJson(refreshed, 200);
    expect(await readIps()).toEqual(["198.51.100.78"]);

    const me = createMe(deps);
    const changed = await me.request(
      "/me",
      toRequestInit({
        method: "PATCH",
        token: session.access_token,
        json: { display_name: "Mina" },
        headers,
      }),
    );
    expect(await expectJson(changed, 200)).toMatchObject({ display_name: "Mina" });
  });

  it("is told nothing where the project does not take it", async () => {
    const user = await createUser();
    const plain = createAuth(
      depsWith({ environment: { HEIMDEX_CLIENT_IP_HEADER: clientIpHeader } }),
    );
    const { email, password } = user;
    const options = { json: { email, password }, headers: { [clientIpHeader]: "198.51.100.77" } };
    await expectJson(await plain.request("/auth-onboarding/login", toRequestInit(options)), 200);
    const rows = await adminSql()`
      select from auth.sessions where user_id = ${user.id} and ip = '198.51.100.77'`;
    expect(rows).toHaveLength(0);
  });
});

import { beforeAll, describe, expect, it } from "vitest";
import { signBody } from "../../shared/events/verify-signature.ts";
import { createApps, registeredRoutes } from "../support/apps.ts";
import { depsWith } from "../support/app.ts";
import { call, type CallOptions, expectJson, expectProblem } from "../support/call.ts";
import { functionNames } from "../house-rules/project.ts";
import { type Ids, pathOf, type RouteCase, routes } from "../support/routes.ts";
import { claimsOf } from "../support/sql.ts";
import { canMintTokens, knowsSetting, setting, useStack } from "../support/stack.ts";
import { type Claims, createForeignKey, mintToken, unsignedToken } from "../support/tokens.ts";
import { createDeadSession, createUser, type TestUser } from "../support/users.ts";

/** Tokens no route may take, by what is wrong with them. Those to be minted need the stack's key. */
const refusedTokens: {
  what: string;
  code: string;
  minted?: boolean;
  token: (claims: Claims) => string | undefined | Promise<string>;
}[] = [
  { what: "no token", code: "token_missing", token: () => undefined },
  { what: "garbage", code: "token_invalid", token: () => "not.a.token" },
  {
    what: "a token signed with a foreign key under our key id",
    code: "token_invalid",
    token: async (claims) => mintToken(claims, { key: await createForeignKey() }),
  },
  { what: "alg none", code: "token_invalid", token: unsignedToken },
  {
    what: "an expired token",
    code: "token_expired",
    minted: true,
    token: (claims) => mintToken({ ...claims, exp: Math.floor(Date.now() / 1000) - 120 }),
  },
  {
    what: "another audience",
    code: "token_invalid",
    minted: true,
    token: (claims) => mintToken({ ...claims, aud: "somebody-else" }),
  },
  {
    what: "another issuer",
    code: "token_invalid",
    minted: true,
    token: (claims) => mintToken({ ...claims, iss: "https://auth.example.test/auth/v1" }),
  },
  {
    what: "the anon role",
    code: "token_invalid",
    minted: true,
    token: (claims) => mintToken({ ...claims, role: "anon" }),
  },
  {
    what: "the service role",
    code: "token_invalid",
    minted: true,
    token: (claims) => mintToken({ ...claims, role: "service_role" }),
  },
  { what: "the publishable key", code: "token_missing", token: () => useStack().publishableKey },
  { what: "the secret key", code: "token_missing", token: () => useStack().secretKey },
];

interface Cast {
  user: TestUser;
  dead: TestUser;
  /** Ids of things that belong to the user. */
  own: Ids;
  /** Ids of things that belong to somebody else. */
  foreign: Ids;
  tokens: Map<string, string | undefined>;
}

let cast: Cast;

beforeAll(async () => {
  const [user, owner, dead] = await Promise.all([createUser(), createUser(), createDeadSession()]);
  const [own, foreign] = await Promise.all([createThings(user), createThings(owner)]);
  const usable = refusedTokens.filter(({ minted }) => !minted || canMintTokens());
  const claims = claimsOf(user.accessToken);
  const tokens = await Promise.all(
    usable.map(async ({ what, token }) => [what, await token(claims)] as const),
  );
  cast = { user, dead, own, foreign, tokens: new Map(tokens) };
});

async function createThings({ accessToken: token }: TestUser): Promise<Ids> {
  const upload = { filename: "a.mp4", mime_type: "video/mp4", size_bytes: 1000 };
  const [video, person, copy] = await Promise.all([
    call("/videos/upload/init", { token, json: upload }),
    call("/people", { token, json: { name: "Captain Han" } }),
    call("/me/export", { method: "POST", token }),
  ]);
  const { video_id } = await expectJson<{ video_id: string }>(video, 201);
  const { person_id } = await expectJson<{ person_id: string }>(person, 201);
  const { export_id } = await expectJson<{ export_id: string }>(copy, 202);
  return { videoId: video_id, personId: person_id, exportId: export_id };
}

/** The request of a route as its rightful caller would send it, with this token instead. */
function callRoute(name: string, route: RouteCase, ids: Ids, token?: string): Promise<Response> {
  const request: CallOptions = { method: route.method, ...route.request?.(ids) };
  return call(pathOf(name, route, ids), token === undefined ? request : { ...request, token });
}

/** The security set: registers every case a route has to pass. */
function refuseStrangers(name: string, route: RouteCase): void {
  for (const { what, code, minted } of refusedTokens) {
    it.runIf(!minted || canMintTokens())(`refuses ${what} with ${code}`, async () => {
      const response = await callRoute(name, route, cast.own, cast.tokens.get(what));
      await expectProblem(response, code, 401);
    });
  }
  if (route.auth === "token") {
    it("answers a signed-out session from the token alone", async () => {
      const response = await callRoute(name, route, cast.own, cast.dead.accessToken);
      await expectJson(response, 200);
    });
  } else {
    it("refuses a signed-out session with session_revoked", async () => {
      const response = await callRoute(name, route, cast.own, cast.dead.accessToken);
      await expectProblem(response, "session_revoked", 401);
    });
  }
  const { foreign } = route;
  if (foreign) {
    it(`answers somebody else's id with ${foreign}, as an id nobody has`, async () => {
      const { accessToken } = cast.user;
      const theirs = await callRoute(name, route, cast.foreign, accessToken);
      const nobody = crypto.randomUUID();
      const unknown = { videoId: nobody, personId: nobody, exportId: nobody };
      const nobodys = await callRoute(name, route, unknown, accessToken);
      const withoutId = ({ detail, title }: { detail?: string; title: string }) => [title, detail];
      expect(withoutId(await expectProblem(theirs, foreign, 404)))
        .toEqual(withoutId(await expectProblem(nobodys, foreign, 404)));
    });
  }
}

/** The set of routes that a webhook's sender calls. */
function refuseUnsigned(name: string, route: RouteCase): void {
  const send = async (headers: Record<string, string>, token?: string) => {
    const request = { method: route.method, ...route.request?.(cast.own) };
    const options = { ...request, headers, ...(token === undefined ? {} : { token }) };
    return await call(pathOf(name, route, cast.own), options);
  };
  const sign = (secret: string, signedAt = new Date(), body?: string) => {
    const id = `msg_${crypto.randomUUID()}`;
    const signed = body ?? JSON.stringify(route.request?.(cast.own).json);
    return {
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(signedAt.getTime() / 1000)),
      "webhook-signature": signBody({ secret, id, signedAt, body: signed }),
    };
  };
  const foreignSecret = `v1,whsec_${crypto.getRandomValues(new Uint8Array(32)).toBase64()}`;

  it("refuses a request without a signature", async () => {
    await expectProblem(await send({}), "signature_invalid", 401);
  });
  it("refuses a user's token instead of a signature", async () => {
    await expectProblem(await send({}, cast.user.accessToken), "signature_invalid", 401);
  });
  it("refuses the secret key instead of a signature", async () => {
    await expectProblem(await send({}, useStack().secretKey), "signature_invalid", 401);
  });
  it("refuses a signature made with another secret", async () => {
    await expectProblem(await send(sign(foreignSecret)), "signature_invalid", 401);
  });
  it.runIf(knowsSetting("HEIMDEX_WEBHOOK_SECRETS"))("refuses another body", async () => {
    const headers = sign(webhookSecret(), new Date(), '{"type":"user.updated"}');
    await expectProblem(await send(headers), "signature_invalid", 401);
  });
  it.runIf(knowsSetting("HEIMDEX_WEBHOOK_SECRETS"))("refuses an old signature", async () => {
    const signedAt = new Date(Date.now() - 10 * 60 * 1000);
    const request = route.request?.(cast.own) ?? {};
    const body = JSON.stringify(request.json);
    const headers = sign(webhookSecret(), signedAt, body);
    const response = await call(pathOf(name, route, cast.own), {
      method: route.method,
      body,
      headers: { ...headers, "content-type": "application/json" },
    });
    await expectProblem(response, "signature_expired", 401);
  });
}

function webhookSecret(): string {
  return setting("HEIMDEX_WEBHOOK_SECRETS").split("|")[0] ?? "";
}

/** The set of routes that only the scheduler or a worker calls. */
function refuseWithoutKey(name: string, route: RouteCase): void {
  const keys: { what: string; key: () => string | undefined }[] = [
    { what: "no key", key: () => undefined },
    { what: "another key", key: () => crypto.randomUUID() },
    { what: "a user's token", key: () => cast.user.accessToken },
    { what: "the publishable key", key: () => useStack().publishableKey },
    { what: "the secret key", key: () => useStack().secretKey },
  ];
  it.each(keys)("refuses $what with key_invalid", async ({ key }) => {
    await expectProblem(await callRoute(name, route, cast.own, key()), "key_invalid", 401);
  });
}

const securitySets: Record<RouteCase["auth"], (name: string, route: RouteCase) => void> = {
  user: refuseStrangers,
  token: refuseStrangers,
  webhook: refuseUnsigned,
  cron: refuseWithoutKey,
  worker: refuseWithoutKey,
  // Nobody is refused here for who they are; what such a route gives away its own tests show.
  public: () => {},
};

const schemeOf: Record<RouteCase["auth"], string | undefined> = {
  user: "bearer",
  token: "bearer",
  webhook: "webhook",
  cron: "cron",
  worker: "worker",
  public: undefined,
};

for (const [name, cases] of Object.entries(routes)) {
  describe(name, () => {
    it("registers exactly the routes of the table", () => {
      const app = createApps[name]?.(depsWith());
      const known = cases.map(({ method, path }) => `${method} ${path}`).sort();
      expect(app ? registeredRoutes(app) : []).toEqual(known);
    });

    it("documents who may call each of them", () => {
      const { contracts = [] } = createApps[name]?.(depsWith()) ?? {};
      const documented = contracts.map(({ method, path, security = [] }) => {
        const [scheme] = security.flatMap(Object.keys);
        return `${method.toUpperCase()} ${path} ${scheme}`;
      });
      const known = cases.map(({ method, path, auth }) =>
        `${method} ${path.replace(/:(\w+)/g, "{$1}")} ${schemeOf[auth]}`
      );
      expect(documented.sort()).toEqual(known.sort());
    });

    for (const route of cases) {
      if (route.auth === "public") continue;
      describe(`${route.method} ${route.path}`, () => securitySets[route.auth](name, route));
    }
  });
}

it("the table knows every function", () => {
  expect(Object.keys(routes).sort()).toEqual(functionNames());
  expect(Object.keys(createApps).sort()).toEqual(functionNames());
});

import { expect } from "vitest";
import { anonymousClient } from "../../support/users.ts";
import { mintToken } from "../../support/tokens.ts";
import {
  adminDelete,
  adminUpdate,
  createSignedIn,
  getUser,
  logIn,
  PASSWORD,
  refresh,
} from "./people.ts";
import { type Answer, fromClient, observed, type Row, send } from "./row.ts";

const scopes = ["local", "others", "global"] as const;
type Scope = (typeof scopes)[number];

async function logOut(token: string, scope: Scope): Promise<Answer> {
  return await send(`/logout?scope=${scope}`, { method: "POST", token });
}

/** How a session fares: its access token at GET /user, and its refresh token. */
async function fateOf(session: { accessToken: string; refreshToken: string }) {
  const read = await getUser(session.accessToken);
  const refreshed = await refresh(session.refreshToken);
  return { read: read.code ?? read.status, refresh: refreshed.code ?? refreshed.status };
}

const ended = { read: "session_not_found", refresh: "refresh_token_not_found" };
const alive = { read: 200, refresh: 200 };

/** Which sessions end: the caller's own, the caller's other one, and that of somebody else. */
const fates: Record<Scope, { own: object; other: object; stranger: object }> = {
  local: { own: ended, other: alive, stranger: alive },
  others: { own: alive, other: ended, stranger: alive },
  global: { own: ended, other: ended, stranger: alive },
};

const scopeRows = scopes.map((scope): Row => ({
  name: `sign-out with scope ${scope} ends what it says and nothing else`,
  facts: "3.6, 3.8",
  run: async () => {
    const [own, stranger] = await Promise.all([createSignedIn(), createSignedIn()]);
    const { body } = await logIn(own.email);
    const other = { accessToken: body.access_token, refreshToken: body.refresh_token };
    const { status } = await logOut(own.accessToken, scope);
    const [mine, elsewhere, theirs] = await Promise.all([own, other, stranger].map(fateOf));
    return observed({ status, own: mine, other: elsewhere, stranger: theirs });
  },
  expected: { status: 200, body: { status: 204, ...fates[scope] } },
}));

const clientRows = scopes.map((scope): Row => ({
  name: `supabase-js signs out with scope ${scope}, and keeps its session only for others`,
  facts: "3.6",
  run: async () => {
    const { email } = await createSignedIn();
    const client = anonymousClient();
    await client.auth.signInWithPassword({ email, password: PASSWORD });
    const { error } = await client.auth.signOut({ scope });
    const { data } = await client.auth.getSession();
    return observed({ error, isSignedIn: data.session !== null });
  },
  expected: { status: 200, body: { error: null, isSignedIn: scope === "others" } },
}));

/** What nobody can be signed out with. */
const refusalRows: Row[] = [
  {
    name: "an ended session signs nobody out",
    facts: "3.6, 3.8",
    run: async () => {
      const { accessToken } = await createSignedIn();
      await logOut(accessToken, "local");
      return await logOut(accessToken, "global");
    },
    expected: { status: 403, code: "session_not_found" },
  },
  {
    name: "a deleted user signs nobody out",
    facts: "3.6, 3.8",
    run: async () => {
      const { id, accessToken } = await createSignedIn();
      await adminDelete(id);
      return await logOut(accessToken, "global");
    },
    expected: { status: 403, code: "user_not_found" },
  },
  {
    name: "a softly deleted user signs nobody out",
    facts: "3.6, 3.8",
    run: async () => {
      const { id, accessToken } = await createSignedIn();
      await adminDelete(id, { should_soft_delete: true });
      return await logOut(accessToken, "global");
    },
    expected: { status: 403, code: "session_not_found" },
  },
  {
    name: "a banned user signs nobody out",
    facts: "3.8",
    run: async () => {
      const { id, accessToken } = await createSignedIn();
      await adminUpdate(id, { ban_duration: "1h" });
      return await logOut(accessToken, "local");
    },
    expected: { status: 403, code: "user_banned" },
  },
  {
    name: "an expired token signs nobody out",
    facts: "3.6",
    needs: ["signing key"],
    run: async () => {
      const past = Math.floor(Date.now() / 1000) - 120;
      return await logOut(await mintToken({ exp: past }), "local");
    },
    expected: { status: 403, code: "bad_jwt" },
  },
  {
    name: "a secret key signs nobody out, since it has no user",
    facts: "3.6",
    run: () => send("/logout", { method: "POST", key: "secret" }),
    expected: { status: 403, code: "bad_jwt" },
  },
  {
    name: "a publishable key signs nobody out, for the same reason",
    facts: "1.4, 3.6",
    run: () => send("/logout", { method: "POST" }),
    expected: { status: 403, code: "bad_jwt" },
  },
  {
    name: "an administrator signs a user out with the user's token",
    facts: "3.6",
    run: async () => {
      const { accessToken } = await createSignedIn();
      const client = anonymousClient();
      const answer = fromClient(await client.auth.admin.signOut(accessToken, "global"));
      const after = await getUser(accessToken);
      return observed({ status: answer.status, after: after.code });
    },
    expected: { status: 200, body: { status: 200, after: "session_not_found" } },
  },
  {
    name: "a new session after a global sign-out lives",
    facts: "3.6",
    run: async () => {
      const { email, accessToken } = await createSignedIn();
      await logOut(accessToken, "global");
      const { body } = await logIn(email);
      return await getUser(body.access_token);
    },
    expected: { status: 200, body: { id: expect.any(String) } },
  },
];

/** Signing out by scope: facts 3.6 and 3.8. */
export const signOutRows: Row[] = [...scopeRows, ...clientRows, ...refusalRows];

import { expect } from "vitest";
import { anonymousClient } from "../../support/users.ts";
import { createPerson, createSignedIn, getUser, logIn, PASSWORD, refresh } from "./people.ts";
import { type Answer, fromClient, observed, type Row, send } from "./row.ts";

async function updateUser(token: string, json: Record<string, unknown>): Promise<Answer> {
  return await send("/user", { method: "PUT", token, json });
}

async function logOut(token: string, scope?: string): Promise<Answer> {
  const query = scope === undefined ? "" : `?scope=${scope}`;
  return await send(`/logout${query}`, { method: "POST", token });
}

/** Two sessions of one user. */
async function createTwice() {
  const first = await createSignedIn();
  const { body } = await logIn(first.email);
  return { first, second: body.access_token };
}

/** The signed-in user's own changes and sign-out: facts 3.6, 3.8 and 4.1. */
export const accountRows: Row[] = [
  {
    name: "GET /user answers fresh metadata",
    facts: "3.8, 4.1",
    run: async () => await getUser((await createSignedIn({ user_metadata: { a: 1 } })).accessToken),
    expected: {
      status: 200,
      body: { user_metadata: { a: 1 }, identities: [{ provider: "email" }] },
    },
  },
  {
    name: "a user's data is merged and null deletes",
    facts: "4.1",
    run: async () => {
      const { accessToken } = await createSignedIn({ user_metadata: { a: 1, b: 2 } });
      const { body } = await updateUser(accessToken, { data: { a: null, c: 3 } });
      return observed(body.user_metadata);
    },
    expected: { status: 200, body: { b: 2, c: 3 }, without: ["a"] },
  },
  {
    name: "a user may not write app_metadata",
    facts: "1.3, 4.1",
    run: async () =>
      await updateUser((await createSignedIn()).accessToken, { app_metadata: { tier: "pro" } }),
    expected: { status: 403, code: "not_admin" },
  },
  {
    name: "a new password keeps the current session",
    facts: "4.1",
    run: async () => {
      const { accessToken } = await createSignedIn();
      await updateUser(accessToken, { password: "another horse 9" });
      return await getUser(accessToken);
    },
    expected: { status: 200 },
  },
  {
    name: "a new password ends the other sessions",
    facts: "4.1",
    run: async () => {
      const { first, second } = await createTwice();
      await updateUser(second, { password: "another horse 9" });
      return await getUser(first.accessToken);
    },
    expected: { status: 403, code: "session_not_found" },
  },
  {
    name: "the old password no longer signs in",
    facts: "4.1",
    run: async () => {
      const { email, accessToken } = await createSignedIn();
      await updateUser(accessToken, { password: "another horse 9" });
      return await logIn(email);
    },
    expected: { status: 400, code: "invalid_credentials" },
  },
  {
    name: "the same password again",
    facts: "4.2",
    run: async () => await updateUser((await createSignedIn()).accessToken, { password: PASSWORD }),
    expected: { status: 422, code: "same_password" },
  },
  {
    name: "a weak password",
    facts: "4.1, 4.2",
    run: async () => await updateUser((await createSignedIn()).accessToken, { password: "12345" }),
    expected: {
      status: 422,
      code: "weak_password",
      body: { weak_password: { reasons: ["length"] } },
    },
  },
  {
    name: "an address another user has",
    facts: "4.2",
    run: async () => {
      const { email } = await createPerson();
      return await updateUser((await createSignedIn()).accessToken, { email });
    },
    expected: { status: 422, code: "email_exists" },
  },
  {
    name: "sign-out answers 204 without a body",
    facts: "3.6",
    run: async () => await logOut((await createSignedIn()).accessToken),
    expected: { status: 204 },
  },
  {
    name: "an unknown scope of sign-out",
    facts: "3.6",
    run: async () => await logOut((await createSignedIn()).accessToken, "everywhere"),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "sign-out without a scope ends every session",
    facts: "3.6",
    run: async () => {
      const { first, second } = await createTwice();
      await logOut(second);
      return await getUser(first.accessToken);
    },
    expected: { status: 403, code: "session_not_found" },
  },
  {
    name: "local sign-out ends its own session",
    facts: "3.6, 3.8",
    run: async () => {
      const { second } = await createTwice();
      await logOut(second, "local");
      return await getUser(second);
    },
    expected: { status: 403, code: "session_not_found" },
  },
  {
    name: "local sign-out leaves the others",
    facts: "3.6",
    run: async () => {
      const { first, second } = await createTwice();
      await logOut(second, "local");
      return await getUser(first.accessToken);
    },
    expected: { status: 200 },
  },
  {
    name: "sign-out of the others ends them",
    facts: "3.6",
    run: async () => {
      const { first, second } = await createTwice();
      await logOut(second, "others");
      return await getUser(first.accessToken);
    },
    expected: { status: 403, code: "session_not_found" },
  },
  {
    name: "sign-out of the others keeps its own session",
    facts: "3.6",
    run: async () => {
      const { second } = await createTwice();
      await logOut(second, "others");
      return await getUser(second);
    },
    expected: { status: 200 },
  },
  {
    name: "a session that was signed out is not refreshed",
    facts: "3.8",
    run: async () => {
      const { accessToken, refreshToken } = await createSignedIn();
      await logOut(accessToken);
      return await refresh(refreshToken);
    },
    expected: { status: 400, code: "refresh_token_not_found" },
  },
  {
    name: "supabase-js reports an ended session as missing",
    facts: "3.8",
    run: async () => {
      const { email, accessToken } = await createSignedIn();
      await logOut(accessToken);
      const { data, error } = await anonymousClient().auth.getUser(accessToken);
      return observed({ email, name: error?.name, user: data.user });
    },
    expected: {
      status: 200,
      body: { email: expect.any(String), name: "AuthSessionMissingError", user: null },
    },
  },
  {
    name: "sign-ins without an address are off",
    facts: "4.1, 4.2",
    run: async () => fromClient(await anonymousClient().auth.signInAnonymously()),
    expected: { status: 422, code: "anonymous_provider_disabled" },
  },
];

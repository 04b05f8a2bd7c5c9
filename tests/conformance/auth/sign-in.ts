import { expect } from "vitest";
import { adminSql } from "../../support/sql.ts";
import { anonymousClient, uniqueEmail } from "../../support/users.ts";
import {
  adminCreate,
  adminUpdate,
  createPerson,
  createSignedIn,
  getUser,
  logIn,
  PASSWORD,
  refresh,
} from "./people.ts";
import { fromClient, observed, type Row, send } from "./row.ts";

/** Password and refresh grants, bans: facts 3.8 and 4.1. */
export const signInRows: Row[] = [
  {
    name: "a password grant answers the session object",
    facts: "4.1",
    run: async () => await logIn((await createPerson()).email),
    expected: {
      status: 200,
      body: {
        access_token: expect.any(String),
        token_type: "bearer",
        expires_in: 3600,
        expires_at: expect.any(Number),
        refresh_token: expect.any(String),
        user: { aud: "authenticated", last_sign_in_at: expect.any(String) },
      },
    },
  },
  {
    name: "supabase-js signs in, whatever the case of the address",
    facts: "4.1",
    run: async () => {
      const email = (await createPerson()).email.toUpperCase();
      const client = anonymousClient();
      return fromClient(await client.auth.signInWithPassword({ email, password: PASSWORD }));
    },
    expected: { status: 200, body: { session: { token_type: "bearer" } } },
  },
  {
    name: "an unknown address",
    facts: "4.1",
    run: () => logIn(uniqueEmail("unknown")),
    expected: { status: 400, code: "invalid_credentials" },
  },
  {
    name: "a wrong password",
    facts: "4.1",
    run: async () => await logIn((await createPerson()).email, "wrong"),
    expected: { status: 400, code: "invalid_credentials" },
  },
  {
    name: "neither e-mail nor phone at login",
    facts: "4.1",
    run: () => send("/token?grant_type=password", { json: { password: PASSWORD } }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a banned user is told so before the password is checked",
    facts: "4.1",
    run: async () => await logIn((await createPerson({ ban_duration: "24h" })).email, "wrong"),
    expected: { status: 400, code: "user_banned" },
  },
  {
    name: "an unconfirmed user with the right password",
    facts: "4.1",
    run: async () => {
      const { body } = await adminCreate({ password: PASSWORD, email_confirm: false });
      return await logIn(body.email);
    },
    expected: { status: 400, code: "email_not_confirmed" },
  },
  {
    name: "an unconfirmed user with a wrong password",
    facts: "4.1",
    run: async () => {
      const { body } = await adminCreate({ password: PASSWORD, email_confirm: false });
      return await logIn(body.email, "wrong");
    },
    expected: { status: 400, code: "invalid_credentials" },
  },
  {
    name: "an unsupported grant",
    facts: "4.1",
    run: () => send("/token?grant_type=magic", { json: {} }),
    expected: {
      status: 400,
      code: "invalid_credentials",
      body: { message: "unsupported_grant_type" },
    },
  },
  {
    name: "an unknown refresh token",
    facts: "3.8, 4.1",
    run: () => refresh("aaaaaaaaaaaa"),
    expected: { status: 400, code: "refresh_token_not_found" },
  },
  {
    name: "an empty refresh token keeps OAuth's error body",
    facts: "4.2",
    run: () => refresh(""),
    expected: {
      status: 400,
      code: "invalid_request",
      body: { error_description: expect.any(String) },
    },
  },
  {
    name: "the parent of the current refresh token answers the current one",
    facts: "4.1",
    run: async () => {
      const { refreshToken } = await createSignedIn();
      const first = await refresh(refreshToken);
      const again = await refresh(refreshToken);
      return observed({ same: first.body.refresh_token === again.body.refresh_token });
    },
    expected: { status: 200, body: { same: true } },
  },
  {
    name: "two refreshes at once end with one token",
    facts: "4.1",
    run: async () => {
      const { refreshToken } = await createSignedIn();
      const [one, two] = await Promise.all([refresh(refreshToken), refresh(refreshToken)]);
      return observed({ same: one.body.refresh_token === two.body.refresh_token });
    },
    expected: { status: 200, body: { same: true } },
  },
  {
    name: "an older refresh token after the reuse interval",
    facts: "4.1",
    needs: ["sql"],
    run: async () => await refresh((await createReused()).oldest),
    expected: { status: 400, code: "refresh_token_already_used" },
  },
  {
    name: "the reuse of an older token revokes the whole family",
    facts: "4.1",
    needs: ["sql"],
    run: async () => {
      const { id, oldest } = await createReused();
      await refresh(oldest);
      const [row] = await adminSql()`
        select count(*) as live from auth.refresh_tokens
        where user_id::text = ${id} and revoked = false`;
      return observed({ live: Number(row?.live) });
    },
    expected: { status: 200, body: { live: 0 } },
  },
  {
    name: "a banned user cannot refresh",
    facts: "3.8",
    run: async () => {
      const { id, refreshToken } = await createSignedIn();
      await adminUpdate(id, { ban_duration: "1h30m" });
      return await refresh(refreshToken);
    },
    expected: { status: 400, code: "user_banned" },
  },
  {
    name: "a banned user's token reads nothing",
    facts: "3.8 (since v2.195.0)",
    run: async () => {
      const { id, accessToken } = await createSignedIn();
      await adminUpdate(id, { ban_duration: "1h" });
      return await getUser(accessToken);
    },
    expected: { status: 403, code: "user_banned" },
  },
  {
    name: "a lifted ban gives the session back",
    facts: "3.4, 3.8",
    run: async () => {
      const { id, accessToken } = await createSignedIn();
      await adminUpdate(id, { ban_duration: "1h" });
      await adminUpdate(id, { ban_duration: "none" });
      return await getUser(accessToken);
    },
    expected: { status: 200, without: ["banned_until"] },
  },
];

/** A session refreshed twice, whose tokens are all older than any reuse interval. */
async function createReused(): Promise<{ id: string; oldest: string }> {
  const { id, refreshToken } = await createSignedIn();
  const { body } = await refresh(refreshToken);
  await refresh(body.refresh_token);
  await adminSql()`
    update auth.refresh_tokens set updated_at = updated_at - interval '1 hour'
    where user_id::text = ${id}`;
  return { id, oldest: refreshToken };
}

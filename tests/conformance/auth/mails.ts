import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { expect } from "vitest";
import { adminSql, claimsOf } from "../../support/sql.ts";
import { listMails, mailCode, readMail, verifyLink } from "../../support/mail.ts";
import { useStack } from "../../support/stack.ts";
import { anonymousClient, uniqueEmail } from "../../support/users.ts";
import { adminClient } from "../../support/users.ts";
import { createPerson, createSignedIn, getUser, logIn, PASSWORD } from "./people.ts";
import { type Answer, fromClient, observed, type Row, send } from "./row.ts";

async function signUp(email: string, more: Record<string, unknown> = {}): Promise<Answer> {
  return await send("/signup", { json: { email, password: PASSWORD, ...more } });
}

async function verifyCode(email: string, type: string): Promise<Answer> {
  const token = mailCode(await readMail(email));
  return await send("/verify", { json: { type, email, token } });
}

function createPkceClient(): SupabaseClient {
  const { url, publishableKey } = useStack();
  return createClient(url, publishableKey, {
    auth: { flowType: "pkce", persistSession: false, autoRefreshToken: false },
  });
}

/** Follows the newest link mailed to this address and reads the code of the redirect. */
async function followForCode(email: string): Promise<string> {
  const answer = await fetch(verifyLink(await readMail(email)), { redirect: "manual" });
  await answer.body?.cancel();
  return new URL(answer.headers.get("location") ?? "about:blank").searchParams.get("code") ?? "";
}

/** Mails to one user keep a pause of a second. */
async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1100));
}

/** What sends mail: facts 1.1, 4.1 and 4.3. A stack that really sends them skips these rows. */
export const mailRows: Row[] = [
  {
    name: "sign-up answers the user without a session",
    facts: "1.1, 4.1",
    needs: ["mail"],
    run: () => signUp(uniqueEmail("new"), { data: { display_name: "Ada", sub: "forged" } }),
    expected: {
      status: 200,
      body: {
        id: expect.any(String),
        role: "authenticated",
        confirmation_sent_at: expect.any(String),
        identities: [{ provider: "email", identity_data: { email_verified: false } }],
        user_metadata: {
          display_name: "Ada",
          sub: expect.stringMatching(/^[0-9a-f-]{36}$/),
          email: expect.stringMatching(/^new-/),
          email_verified: false,
          phone_verified: false,
        },
      },
      without: ["access_token", "email_confirmed_at"],
    },
  },
  {
    name: "metadata is stored as an object, for triggers to read",
    facts: "5",
    needs: ["mail", "sql"],
    run: async () => {
      const { body } = await signUp(uniqueEmail("new"), { data: { display_name: "Ada" } });
      const [row] = await adminSql()`
        select raw_user_meta_data->>'display_name' as name,
          raw_app_meta_data->>'provider' as provider
        from auth.users where id = ${body.id}`;
      return observed({ ...row });
    },
    expected: { status: 200, body: { name: "Ada", provider: "email" } },
  },
  {
    name: "the mailed code confirms and signs in, by type email",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const email = uniqueEmail("new");
      await signUp(email);
      return await verifyCode(email, "email");
    },
    expected: {
      status: 200,
      body: {
        token_type: "bearer",
        user: {
          email_confirmed_at: expect.any(String),
          user_metadata: { email_verified: true },
          identities: [{ identity_data: { email_verified: true } }],
        },
      },
    },
  },
  {
    name: "supabase-js confirms by type signup",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const email = uniqueEmail("new");
      const client = anonymousClient();
      await client.auth.signUp({ email, password: PASSWORD });
      const token = mailCode(await readMail(email));
      return fromClient(await client.auth.verifyOtp({ email, token, type: "signup" }));
    },
    expected: { status: 200, body: { session: { token_type: "bearer" } } },
  },
  {
    name: "the mailed link leads to the asked-for target with a session",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const email = uniqueEmail("new");
      const target = "http://localhost:3000/welcome";
      await send(`/signup?redirect_to=${encodeURIComponent(target)}`, {
        json: { email, password: PASSWORD },
      });
      const answer = await fetch(verifyLink(await readMail(email)), { redirect: "manual" });
      await answer.body?.cancel();
      const location = new URL(answer.headers.get("location") ?? "about:blank");
      const fragment = new URLSearchParams(location.hash.slice(1));
      return {
        ...observed({
          target: location.origin + location.pathname,
          type: fragment.get("type"),
          role: claimsOf(fragment.get("access_token") ?? "").role,
        }),
        status: answer.status,
      };
    },
    expected: {
      status: 303,
      body: { target: "http://localhost:3000/welcome", type: "signup", role: "authenticated" },
    },
  },
  {
    name: "supabase-js signs up by PKCE: the link gives a code, the code a session",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const email = uniqueEmail("pkce");
      const client = createPkceClient();
      await client.auth.signUp({ email, password: PASSWORD });
      const code = await followForCode(email);
      return fromClient(await client.auth.exchangeCodeForSession(code));
    },
    expected: { status: 200, body: { session: { token_type: "bearer" } } },
  },
  {
    name: "supabase-js recovers by PKCE, and amr says so",
    facts: "1.1, 4.1",
    needs: ["mail"],
    run: async () => {
      const { email } = await createPerson();
      const client = createPkceClient();
      await client.auth.resetPasswordForEmail(email);
      const { data } = await client.auth.exchangeCodeForSession(await followForCode(email));
      return observed(claimsOf(data.session?.access_token ?? ""));
    },
    expected: { status: 200, body: { amr: [{ method: "recovery" }] } },
  },
  {
    name: "a code with another verifier",
    facts: "4.1, 4.2",
    needs: ["mail"],
    run: async () => {
      const { email } = await createPerson();
      await createPkceClient().auth.signInWithOtp({ email });
      const auth_code = await followForCode(email);
      const json = { auth_code, code_verifier: "another verifier" };
      return await send("/token?grant_type=pkce", { json });
    },
    expected: { status: 400, code: "bad_code_verifier" },
  },
  {
    name: "a code nobody issued",
    facts: "4.1, 4.2",
    run: () =>
      send("/token?grant_type=pkce", {
        json: { auth_code: crypto.randomUUID(), code_verifier: "x" },
      }),
    expected: { status: 404, code: "flow_state_not_found" },
  },
  {
    name: "an unconfirmed sign-up cannot sign in",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const email = uniqueEmail("new");
      await signUp(email);
      return await logIn(email);
    },
    expected: { status: 400, code: "email_not_confirmed" },
  },
  {
    name: "sign-up with the address of a confirmed user answers a decoy",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const { id, email } = await createPerson();
      const answer = await signUp(email);
      const mails = (await listMails(email)).length;
      return { ...answer, body: { ...answer.body, sameId: answer.body.id === id, mails } };
    },
    expected: { status: 200, body: { identities: [], sameId: false, mails: 0 } },
  },
  {
    name: "sign-up again before confirming changes nothing and mails again",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const email = uniqueEmail("twice");
      const first = await signUp(email, { data: { name: "first" } });
      await pause();
      const second = await signUp(email, { data: { name: "second" } });
      return observed({
        sameId: first.body.id === second.body.id,
        name: second.body.user_metadata.name,
        mails: (await listMails(email)).length,
      });
    },
    expected: { status: 200, body: { sameId: true, name: "first", mails: 2 } },
  },
  {
    name: "two mails within a second",
    facts: "4.3",
    needs: ["mail", "embedded"],
    run: async () => {
      const email = uniqueEmail("hasty");
      await signUp(email);
      return await signUp(email);
    },
    expected: { status: 429, code: "over_email_send_rate_limit" },
  },
  {
    name: "a weak password at sign-up",
    facts: "4.1, 4.2",
    run: () => signUp(uniqueEmail("weak"), { password: "12345" }),
    expected: {
      status: 422,
      code: "weak_password",
      body: { weak_password: { reasons: ["length"] } },
    },
  },
  {
    name: "a malformed address at sign-up",
    facts: "4.2",
    run: () => signUp("not an address"),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "resend mails a new code and the old one is dead",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const email = uniqueEmail("again");
      await signUp(email);
      const token = mailCode(await readMail(email));
      await pause();
      await send("/resend", { json: { type: "signup", email } });
      return await send("/verify", { json: { type: "signup", email, token } });
    },
    expected: { status: 403, code: "otp_expired" },
  },
  {
    name: "resend for an unknown address",
    facts: "4.1",
    needs: ["mail"],
    run: () => send("/resend", { json: { type: "signup", email: uniqueEmail("unknown") } }),
    expected: { status: 200, without: ["code"] },
  },
  {
    name: "recovery for an unknown address answers as for a known one",
    facts: "4.1, 6 (recover_test.go:133)",
    needs: ["mail"],
    run: () => send("/recover", { json: { email: uniqueEmail("unknown") } }),
    expected: { status: 200, without: ["code"] },
  },
  {
    name: "the code of a recovery mail signs in",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const { email } = await createPerson();
      await send("/recover", { json: { email } });
      return await verifyCode(email, "recovery");
    },
    expected: { status: 200, body: { token_type: "bearer" } },
  },
  {
    name: "a one-time code for a known address signs in",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const { email } = await createPerson();
      await send("/otp", { json: { email, create_user: false } });
      return await verifyCode(email, "email");
    },
    expected: { status: 200, body: { token_type: "bearer" } },
  },
  {
    name: "a one-time code for an unknown address without creation",
    facts: "4.1",
    run: () => send("/otp", { json: { email: uniqueEmail("unknown"), create_user: false } }),
    expected: { status: 422, code: "otp_disabled" },
  },
  {
    name: "a one-time code for a new address does not confirm it before it is used",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const email = uniqueEmail("otp");
      await send("/otp", { json: { email, data: { a: 1 } } });
      const { body } = await send(`/admin/users?filter=${email}`, { key: "secret" });
      return observed(body.users[0]);
    },
    expected: {
      status: 200,
      body: { user_metadata: { a: 1 } },
      without: ["email_confirmed_at", "last_sign_in_at"],
    },
  },
  {
    name: "the mailed code of a new address signs in",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const email = uniqueEmail("otp");
      await send("/otp", { json: { email } });
      return await verifyCode(email, "email");
    },
    expected: { status: 200, body: { user: { email_confirmed_at: expect.any(String) } } },
  },
  {
    name: "an address change waits for both mailboxes",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const { email, accessToken } = await createSignedIn();
      const moved = uniqueEmail("moved");
      await send("/user", { method: "PUT", token: accessToken, json: { email: moved } });
      const first = await verifyCode(email, "email_change");
      const between = await getUser(accessToken);
      const second = await verifyCode(moved, "email_change");
      return observed({
        first: first.body.code,
        between: between.body.email === email && between.body.new_email === moved,
        after: second.body.user?.email === moved,
      });
    },
    expected: { status: 200, body: { first: "200", between: true, after: true } },
  },
  {
    name: "supabase-js invites by mail",
    facts: "3.1",
    needs: ["mail"],
    run: async () => {
      const email = uniqueEmail("invited");
      await adminClient().auth.admin.inviteUserByEmail(email);
      return await verifyCode(email, "invite");
    },
    expected: { status: 200, body: { user: { invited_at: expect.any(String) } } },
  },
  {
    name: "a reauthentication code is mailed",
    facts: "4.1",
    needs: ["mail"],
    run: async () => {
      const { email, accessToken } = await createSignedIn();
      const answer = await send("/reauthenticate", { token: accessToken });
      return { ...answer, body: { ...answer.body, code: mailCode(await readMail(email)) } };
    },
    expected: { status: 200, body: { code: expect.stringMatching(/^\d{6}$/) } },
  },
  {
    name: "a new password in a session older than 24 hours",
    facts: "4.1, 4.2",
    needs: ["sql"],
    run: async () => await setPassword(await createLongSignedIn()),
    expected: { status: 400, code: "reauthentication_needed" },
  },
  {
    name: "a new password in such a session with a code that is wrong",
    facts: "4.1, 4.2",
    needs: ["sql"],
    run: async () => await setPassword(await createLongSignedIn(), "000000"),
    expected: { status: 422, code: "reauthentication_not_valid" },
  },
  {
    name: "a new password in such a session with the mailed code",
    facts: "4.1, 4.2",
    needs: ["sql", "mail"],
    run: async () => {
      const person = await createLongSignedIn();
      const nonce = await mailNonce(person);
      const changed = await setPassword(person, nonce);
      const again = await setPassword(person, nonce);
      return observed({ changed: changed.status, again: again.code });
    },
    expected: { status: 200, body: { changed: 200, again: "reauthentication_not_valid" } },
  },
  {
    name: "a mailed code of another user",
    facts: "4.1, 4.2",
    needs: ["sql", "mail"],
    run: async () => {
      const [one, other] = [await createLongSignedIn(), await createLongSignedIn()];
      await mailNonce(one);
      return await setPassword(one, await mailNonce(other));
    },
    expected: { status: 422, code: "reauthentication_not_valid" },
  },
];

type SignedIn = Awaited<ReturnType<typeof createSignedIn>>;

async function createLongSignedIn(): Promise<SignedIn> {
  const person = await createSignedIn();
  await adminSql()`
    update auth.sessions set created_at = now() - interval '25 hours' where user_id = ${person.id}`;
  return person;
}

async function mailNonce({ email, accessToken }: SignedIn): Promise<string> {
  await send("/reauthenticate", { token: accessToken });
  return mailCode(await readMail(email));
}

async function setPassword({ accessToken }: SignedIn, nonce?: string): Promise<Answer> {
  const json = { password: `another horse ${crypto.randomUUID()}`, nonce };
  return await send("/user", { method: "PUT", token: accessToken, json });
}

import { expect } from "vitest";
import { claimsOf } from "../../support/sql.ts";
import { uniqueEmail } from "../../support/users.ts";
import { adminCreate, adminUpdate, createPerson, PASSWORD } from "./people.ts";
import { type Answer, observed, type Row, send } from "./row.ts";

async function generateLink(json: Record<string, unknown>): Promise<Answer> {
  return await send("/admin/generate_link", { key: "secret", json });
}

async function verify(json: Record<string, unknown>): Promise<Answer> {
  return await send("/verify", { json });
}

/** Follows a link as a browser would, up to the redirect. */
async function follow(link: string): Promise<Answer> {
  const { pathname, search } = new URL(link);
  const answer = await send(pathname.replace("/auth/v1", "") + search, { key: null });
  const target = new URL(answer.headers.get("location") ?? "about:blank");
  const fragment = Object.fromEntries(new URLSearchParams(target.hash.slice(1)));
  return { ...answer, body: { ...answer.body, ...fragment } };
}

function tokenOf(link: Answer): string | null {
  return new URL(link.body.action_link).searchParams.get("token");
}

/** Links and codes: facts 3.7 and 4.1. Links are generated, so no mail has to be read. */
export const linkRows: Row[] = [
  {
    name: "a generated link comes with user, code and hash",
    facts: "3.7",
    run: async () => await generateLink({ type: "magiclink", email: (await createPerson()).email }),
    expected: {
      status: 200,
      body: {
        id: expect.any(String),
        action_link: expect.stringMatching(/\/verify\?.*token=/),
        email_otp: expect.stringMatching(/^\d{6,}$/),
        hashed_token: expect.stringMatching(/^[0-9a-f]{56,64}$/),
        verification_type: "magiclink",
        redirect_to: expect.any(String),
      },
    },
  },
  {
    name: "the hash of a magic link signs in",
    facts: "3.7",
    run: async () => {
      const { email } = await createPerson();
      const { body } = await generateLink({ type: "magiclink", email });
      return await verify({ type: "magiclink", token_hash: body.hashed_token });
    },
    expected: { status: 200, body: { token_type: "bearer" } },
  },
  {
    name: "the hash works for type email too",
    facts: "4.1",
    run: async () => {
      const { email } = await createPerson();
      const { body } = await generateLink({ type: "magiclink", email });
      return await verify({ type: "email", token_hash: body.hashed_token });
    },
    expected: { status: 200, body: { token_type: "bearer" } },
  },
  {
    name: "the code with its address signs in, by otp",
    facts: "1.1, 4.1",
    run: async () => {
      const { email } = await createPerson();
      const { body } = await generateLink({ type: "magiclink", email });
      const answer = await verify({ type: "email", email, token: body.email_otp });
      return observed(claimsOf(answer.body.access_token));
    },
    expected: { status: 200, body: { amr: [{ method: "otp" }] } },
  },
  {
    name: "a code is good for once",
    facts: "4.1",
    run: async () => {
      const { email } = await createPerson();
      const { body } = await generateLink({ type: "magiclink", email });
      await verify({ type: "email", email, token: body.email_otp });
      return await verify({ type: "email", email, token: body.email_otp });
    },
    expected: { status: 403, code: "otp_expired" },
  },
  {
    name: "a wrong code",
    facts: "4.1, 6 (verify_test.go:328)",
    run: async () => {
      const { email } = await createPerson();
      const { body } = await generateLink({ type: "magiclink", email });
      const token = body.email_otp === "000000" ? "111111" : "000000";
      return await verify({ type: "email", email, token });
    },
    expected: { status: 403, code: "otp_expired" },
  },
  {
    name: "a code without a type",
    facts: "4.1",
    run: () => verify({ token: "123456", email: uniqueEmail() }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a type without a code",
    facts: "4.1",
    run: () => verify({ type: "email", email: uniqueEmail() }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a banned user's code",
    facts: "3.8, 6 (verify_test.go:793)",
    run: async () => {
      const { id, email } = await createPerson();
      const { body } = await generateLink({ type: "magiclink", email });
      await adminUpdate(id, { ban_duration: "1h" });
      return await verify({ type: "magiclink", token_hash: body.hashed_token });
    },
    expected: { status: 403, code: "user_banned" },
  },
  {
    name: "following a link redirects with the session in the fragment",
    facts: "4.1",
    run: async () => {
      const { email } = await createPerson();
      const { body } = await generateLink({ type: "magiclink", email });
      return await follow(body.action_link);
    },
    expected: {
      status: 303,
      body: {
        access_token: expect.any(String),
        expires_at: expect.stringMatching(/^\d+$/),
        expires_in: "3600",
        refresh_token: expect.any(String),
        token_type: "bearer",
        type: "magiclink",
      },
    },
  },
  {
    name: "following a used link redirects with the reason",
    facts: "4.1",
    run: async () => {
      const { email } = await createPerson();
      const { body } = await generateLink({ type: "magiclink", email });
      await follow(body.action_link);
      return await follow(body.action_link);
    },
    expected: { status: 303, body: { error: "access_denied", error_code: "otp_expired" } },
  },
  {
    name: "a redirect target that is not allowed falls back to the site",
    facts: "3.7",
    run: async () => {
      const { email } = await createPerson();
      const redirect_to = "https://elsewhere.example.com/steal";
      const { body } = await generateLink({ type: "magiclink", email, redirect_to });
      return observed({ kept: body.redirect_to === redirect_to });
    },
    expected: { status: 200, body: { kept: false } },
  },
  {
    name: "a magic link for an unknown address becomes a sign-up",
    facts: "3.7",
    run: () => generateLink({ type: "magiclink", email: uniqueEmail("new") }),
    expected: { status: 200, body: { verification_type: "signup" } },
  },
  {
    name: "a recovery link for an unknown address",
    facts: "3.7",
    run: () => generateLink({ type: "recovery", email: uniqueEmail("unknown") }),
    expected: { status: 404, code: "user_not_found" },
  },
  {
    name: "a recovery link signs in",
    facts: "3.7",
    run: async () => {
      const { email } = await createPerson();
      const { body } = await generateLink({ type: "recovery", email });
      return await verify({ type: "recovery", token_hash: body.hashed_token });
    },
    expected: { status: 200, body: { token_type: "bearer" } },
  },
  {
    name: "a sign-up link creates a user with metadata and confirms it",
    facts: "1.1, 3.7",
    run: async () => {
      const email = uniqueEmail("signup");
      const data = { display_name: "Ada", email: "forged@example.test" };
      const { body } = await generateLink({ type: "signup", email, password: PASSWORD, data });
      return await verify({ type: "signup", token_hash: body.hashed_token });
    },
    expected: {
      status: 200,
      body: {
        user: {
          email_confirmed_at: expect.any(String),
          user_metadata: {
            display_name: "Ada",
            sub: expect.any(String),
            email: expect.stringMatching(/^signup-/),
            email_verified: true,
            phone_verified: false,
          },
        },
      },
    },
  },
  {
    name: "a sign-up link for a confirmed user",
    facts: "3.7",
    run: async () =>
      await generateLink({
        type: "signup",
        email: (await createPerson()).email,
        password: PASSWORD,
      }),
    expected: { status: 422, code: "email_exists" },
  },
  {
    name: "an invitation for a confirmed user",
    facts: "3.7",
    run: async () => await generateLink({ type: "invite", email: (await createPerson()).email }),
    expected: { status: 422, code: "email_exists" },
  },
  {
    name: "an invitation signs its user in and confirms the address",
    facts: "3.7",
    run: async () => {
      const { body } = await generateLink({ type: "invite", email: uniqueEmail("invited") });
      return await verify({ type: "invite", token_hash: body.hashed_token });
    },
    expected: { status: 200, body: { user: { email_confirmed_at: expect.any(String) } } },
  },
  {
    name: "both halves of an address change, the second signs in",
    facts: "4.1",
    run: async () => {
      const { email } = await createPerson();
      const new_email = uniqueEmail("moved");
      const change = { email, new_email };
      const current = await generateLink({ type: "email_change_current", ...change });
      const next = await generateLink({ type: "email_change_new", ...change });
      const first = await verify({ type: "email_change", token_hash: tokenOf(current) });
      const second = await verify({ type: "email_change", token_hash: tokenOf(next) });
      return observed({ first: first.body.code, moved: second.body.user?.email === new_email });
    },
    expected: { status: 200, body: { first: "200", moved: true } },
  },
  {
    name: "an unknown type of link",
    facts: "3.7",
    run: async () => await generateLink({ type: "teleport", email: (await createPerson()).email }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a magic link confirms an unconfirmed user",
    facts: "4.1",
    run: async () => {
      const { body: user } = await adminCreate({ password: PASSWORD, email_confirm: false });
      const { body } = await generateLink({ type: "magiclink", email: user.email });
      return await verify({ type: "magiclink", token_hash: body.hashed_token });
    },
    expected: { status: 200, body: { user: { email_confirmed_at: expect.any(String) } } },
  },
];

import { expect } from "vitest";
import { claimsOf } from "../../support/sql.ts";
import { anonymousClient, uniqueEmail } from "../../support/users.ts";
import { adminCreate, adminGet, createSignedIn, PASSWORD } from "./people.ts";
import { fromClient, observed, type Row, send } from "./row.ts";

const phone = () => `+4915${Math.floor(1e8 + Math.random() * 9e8)}`;
const disabled = { status: 400, code: "phone_provider_disabled" } as const;

/** A project without an SMS provider: facts 1.1, 3.2, 4.1 and 4.2. */
export const withoutPhoneRows: Row[] = [
  {
    name: "settings tell that phones are off",
    facts: "4.1",
    needs: ["embedded"],
    run: () => send("/settings"),
    expected: { status: 200, body: { external: { phone: false, email: true } } },
  },
  {
    name: "sign-up by phone",
    facts: "4.2",
    run: () => send("/signup", { json: { phone: phone(), password: PASSWORD } }),
    expected: disabled,
  },
  {
    name: "sign-up by e-mail and phone at once",
    facts: "4.1",
    run: () =>
      send("/signup", { json: { email: uniqueEmail(), phone: phone(), password: PASSWORD } }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a code by SMS",
    facts: "4.1, 4.2",
    run: () => send("/otp", { json: { phone: phone() } }),
    expected: disabled,
  },
  {
    name: "a code by SMS through supabase-js",
    facts: "4.1, 4.2",
    run: async () => fromClient(await anonymousClient().auth.signInWithOtp({ phone: phone() })),
    expected: disabled,
  },
  {
    name: "a code for both at once",
    facts: "4.1",
    run: () => send("/otp", { json: { email: uniqueEmail(), phone: phone() } }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "an SMS once more",
    facts: "4.1, 4.2",
    run: () => send("/resend", { json: { type: "sms", phone: phone() } }),
    expected: disabled,
  },
  {
    name: "the code of an SMS nobody was sent",
    facts: "4.1",
    run: () => send("/verify", { json: { type: "sms", phone: phone(), token: "123456" } }),
    expected: { status: 403, code: "otp_expired" },
  },
  {
    name: "the code of a phone change nobody asked for",
    facts: "4.1",
    run: () => send("/verify", { json: { type: "phone_change", phone: phone(), token: "123456" } }),
    expected: { status: 403, code: "otp_expired" },
  },
  {
    name: "a code for a number that is none",
    facts: "4.1",
    run: () => send("/verify", { json: { type: "sms", phone: "call me", token: "123456" } }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a code for both, verified at once",
    facts: "4.1",
    run: () =>
      send("/verify", {
        json: { type: "email", email: uniqueEmail(), phone: phone(), token: "123456" },
      }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a code for an address that is none",
    facts: "4.1",
    run: () => send("/verify", { json: { type: "email", email: "nobody", token: "123456" } }),
    expected: { status: 422, code: "validation_failed" },
  },
  {
    name: "a hash with a redirect beside it",
    facts: "4.1",
    run: () =>
      send("/verify", {
        json: { type: "email", token_hash: "00", redirect_to: "https://app.example.test" },
      }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a user's own phone cannot be set",
    facts: "4.1, 4.2",
    run: async () => {
      const { accessToken } = await createSignedIn();
      return await send("/user", { method: "PUT", token: accessToken, json: { phone: phone() } });
    },
    expected: disabled,
  },
  {
    name: "an administrator may still create a user by phone alone",
    facts: "3.1, 3.9",
    run: async () => {
      const { body } = await adminCreate({ email: undefined, phone: phone(), phone_confirm: true });
      return await adminGet(body.id);
    },
    expected: {
      status: 200,
      body: {
        email: "",
        phone: expect.stringMatching(/^4915\d+$/),
        phone_confirmed_at: expect.any(String),
        app_metadata: { provider: "phone", providers: ["phone"] },
      },
    },
  },
  {
    name: "that user cannot sign in by phone",
    facts: "4.1, 4.2",
    run: async () => {
      const number = phone();
      await adminCreate({
        email: undefined,
        phone: number,
        phone_confirm: true,
        password: PASSWORD,
      });
      return await send("/token?grant_type=password", {
        json: { phone: number, password: PASSWORD },
      });
    },
    expected: disabled,
  },
  {
    name: "a token of a user without a phone has the claim all the same, empty",
    facts: "1.1",
    run: async () => {
      const { accessToken } = await createSignedIn();
      const { phone: claim, user_metadata: metadata } = claimsOf(accessToken);
      return observed({ claim, metadata });
    },
    expected: { status: 200, body: { claim: "" } },
  },
];

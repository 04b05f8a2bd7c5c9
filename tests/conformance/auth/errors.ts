import { expect } from "vitest";
import { uniqueEmail } from "../../support/users.ts";
import { createPerson, PASSWORD } from "./people.ts";
import { type Row, send } from "./row.ts";

/** Error bodies and what is switched off: facts 4.2 and 4.1. */
export const errorRows: Row[] = [
  {
    name: "without an API version the body has error_code and msg",
    facts: "4.2",
    run: () =>
      send("/token?grant_type=password", { json: { email: "x@example.test" }, isOld: true }),
    expected: {
      status: 400,
      code: "invalid_credentials",
      body: { code: 400, error_code: "invalid_credentials", msg: expect.any(String) },
      headers: { "x-sb-error-code": "invalid_credentials" },
    },
  },
  {
    name: "with an API version the body has code and message",
    facts: "4.2",
    run: () =>
      send("/token?grant_type=password", {
        json: { email: "x@example.test" },
      }),
    expected: {
      status: 400,
      code: "invalid_credentials",
      body: { code: "invalid_credentials", message: expect.any(String) },
      headers: { "x-supabase-api-version": "2024-01-01" },
      without: ["error_code", "msg"],
    },
  },
  {
    name: "a 5xx carries an error id",
    facts: "4.2",
    run: () =>
      send("/admin/users", {
        key: "secret",
        isOld: true,
        json: { email: `e-${crypto.randomUUID()}@example.test`, password_hash: "nonsense" },
      }),
    expected: { status: 500, code: "unexpected_failure", body: { error_id: expect.any(String) } },
  },
  {
    name: "an old client is shown a violated constraint",
    facts: "4.2",
    run: async () => {
      const { id } = await createPerson();
      const json = { id, email: uniqueEmail("same-id") };
      return await send("/admin/users", { key: "secret", isOld: true, json });
    },
    expected: {
      status: 500,
      code: "23505",
      body: { message: expect.stringContaining("users_pkey") },
    },
  },
  {
    name: "a body that is not JSON",
    facts: "4.2",
    run: () => send("/token?grant_type=password", { text: "{" }),
    expected: { status: 400, code: "bad_json" },
  },
  {
    name: "a field of the wrong type",
    facts: "4.2",
    run: () => send("/signup", { json: { email: 7, password: PASSWORD } }),
    expected: { status: 400, code: "bad_json" },
  },
  {
    name: "a wrong method",
    facts: "4.1",
    run: () => send("/signup", { method: "GET" }),
    expected: { status: 405 },
  },
  {
    name: "a path that Auth does not have",
    facts: "4.1",
    // Supabase Auth answers plain text here; ours has a code besides.
    run: async () => ({ ...await send("/nowhere"), code: undefined }),
    expected: { status: 404 },
  },
  {
    name: "a body of more than 1 MiB",
    facts: "3",
    run: () => send("/signup", { json: { email: "x".repeat(1024 * 1024) } }),
    expected: { status: 413, code: "request_entity_too_large" },
  },
  {
    name: "sign-in by phone is off",
    facts: "4.2",
    run: () => send("/token?grant_type=password", { json: { phone: "+491", password: PASSWORD } }),
    expected: { status: 400, code: "phone_provider_disabled" },
  },
  {
    name: "an unknown provider",
    facts: "4.2",
    run: () => send("/authorize?provider=nowhere", { key: null }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "settings tell that mails are confirmed",
    facts: "4.1",
    needs: ["embedded"],
    run: () => send("/settings"),
    expected: { status: 200, body: { mailer_autoconfirm: false, disable_signup: false } },
  },
  {
    name: "health answers",
    facts: "4.1",
    run: () => send("/health"),
    expected: { status: 200, body: { name: "GoTrue" } },
  },
];

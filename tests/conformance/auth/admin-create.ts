import { argon2i, argon2id, bcrypt } from "hash-wasm";
import { expect } from "vitest";
import { claimsOf } from "../../support/sql.ts";
import { adminClient, uniqueEmail } from "../../support/users.ts";
import { adminCreate, createPerson, logIn, PASSWORD } from "./people.ts";
import { fromClient, type Row, send } from "./row.ts";

const anyText = expect.any(String);

function argon2Options() {
  return {
    password: PASSWORD,
    salt: crypto.getRandomValues(new Uint8Array(16)),
    parallelism: 1,
    iterations: 2,
    memorySize: 1024,
    hashLength: 32,
    outputType: "encoded" as const,
  };
}

/** Creates a user with an imported hash and signs in with the password it was made of. */
async function logInWithHash(password_hash: string) {
  const { body } = await adminCreate({ password_hash });
  return await logIn(body.email);
}

/** POST /admin/users: facts 3.2, with the order of its checks. */
export const adminCreateRows: Row[] = [
  {
    name: "create answers 200 with the user",
    facts: "3.1, 3.2",
    run: () => adminCreate({ user_metadata: { display_name: "Ada" } }),
    expected: {
      status: 200,
      body: {
        id: anyText,
        aud: "authenticated",
        role: "authenticated",
        email_confirmed_at: anyText,
        user_metadata: { display_name: "Ada", email_verified: true },
        app_metadata: { provider: "email", providers: ["email"] },
        is_anonymous: false,
      },
    },
  },
  {
    name: "the identity stays unverified even with email_confirm",
    facts: "3.2",
    run: async () => {
      const answer = await adminCreate();
      return { ...answer, body: { ...answer.body, ...answer.body.identities[0] } };
    },
    expected: {
      status: 200,
      body: { provider: "email", identity_data: { email_verified: false, phone_verified: false } },
    },
  },
  {
    name: "supabase-js creates a user",
    facts: "3.1",
    run: async () => {
      const email = uniqueEmail("client");
      return fromClient(await adminClient().auth.admin.createUser({ email, email_confirm: true }));
    },
    expected: { status: 200, body: { user: { id: anyText } } },
  },
  {
    name: "the caller chooses the id, of any UUID version",
    facts: "3.2",
    run: () => adminCreate({ id: crypto.randomUUID().replace(/^(.{14})4/, "$17") }),
    expected: { status: 200, body: { id: expect.stringMatching(/^.{14}7/) } },
  },
  {
    name: "an id that is no UUID",
    facts: "3.2",
    run: () => adminCreate({ id: "42" }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "the nil UUID as id",
    facts: "3.2",
    run: () => adminCreate({ id: "00000000-0000-0000-0000-000000000000" }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "an id that is taken",
    facts: "3.2",
    run: async () => await adminCreate({ id: (await createPerson()).id }),
    expected: { status: 500, code: "unexpected_failure" },
  },
  {
    name: "an address that is taken, whatever its case",
    facts: "3.2, 3.9",
    run: async () => await adminCreate({ email: (await createPerson()).email.toUpperCase() }),
    expected: { status: 422, code: "email_exists" },
  },
  {
    name: "an address is stored in lower case",
    facts: "3.2",
    run: () => adminCreate({ email: uniqueEmail("UPPER").toUpperCase() }),
    expected: { status: 200, body: { email: expect.stringMatching(/^[^A-Z]+$/) } },
  },
  {
    name: "neither e-mail nor phone",
    facts: "3.2",
    run: () => send("/admin/users", { key: "secret", json: { password: PASSWORD } }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a malformed address",
    facts: "3.2",
    run: () => adminCreate({ email: "not an address" }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "an address of more than 255 characters",
    facts: "3.2",
    run: () => adminCreate({ email: `${"a".repeat(250)}@example.test` }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "password and password_hash together",
    facts: "3.2",
    run: () => adminCreate({ password: PASSWORD, password_hash: "$2a$10$x" }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "an unreadable ban duration on create",
    facts: "3.2",
    run: () => adminCreate({ ban_duration: "1 day" }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "unknown keys are ignored",
    facts: "3.2",
    run: () => adminCreate({ created_at: "2001-01-01T00:00:00Z", colour: "red" }),
    expected: { status: 200, body: { created_at: expect.stringMatching(/^20[2-9]/) } },
  },
  {
    name: "app_metadata is merged over the provider",
    facts: "3.2",
    run: () => adminCreate({ app_metadata: { tier: "pro" } }),
    expected: {
      status: 200,
      body: { app_metadata: { tier: "pro", provider: "email", providers: ["email"] } },
    },
  },
  {
    name: "e-mail and phone make two providers",
    facts: "3.2, 6 (admin_test.go:370)",
    run: () => adminCreate({ phone: `+4915${Math.floor(1e8 + Math.random() * 9e8)}` }),
    expected: {
      status: 200,
      body: {
        phone: expect.stringMatching(/^4915\d+$/),
        app_metadata: { provider: "email", providers: ["email", "phone"] },
      },
    },
  },
  {
    name: "a phone number that is none",
    facts: "3.2, 3.9",
    run: () => adminCreate({ phone: "call me" }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a password on create is not checked for strength",
    facts: "3.2",
    run: async () => {
      const { email } = await createPerson({ password: "five5" });
      return await logIn(email, "five5");
    },
    expected: { status: 200 },
  },
  {
    name: "without a password nobody can sign in",
    facts: "3.2",
    run: async () => await logIn((await adminCreate()).body.email, ""),
    expected: { status: 400, code: "invalid_credentials" },
  },
  {
    name: "a role of one's own is in the token",
    facts: "3.2, 1.1",
    run: async () => {
      const { email } = await createPerson({ role: "service_role" });
      const answer = await logIn(email);
      return { ...answer, body: { ...answer.body, ...claimsOf(answer.body.access_token) } };
    },
    expected: { status: 200, body: { role: "service_role" } },
  },
  {
    name: "a bcrypt hash signs in",
    facts: "3.2",
    run: async () => {
      const salt = crypto.getRandomValues(new Uint8Array(16));
      return await logInWithHash(
        await bcrypt({ password: PASSWORD, salt, costFactor: 6, outputType: "encoded" }),
      );
    },
    expected: { status: 200, body: { token_type: "bearer" } },
  },
  {
    name: "a bcrypt hash of the prefix $2b$ signs in",
    facts: "3.2",
    run: async () => {
      const salt = crypto.getRandomValues(new Uint8Array(16));
      const hash = await bcrypt({
        password: PASSWORD,
        salt,
        costFactor: 6,
        outputType: "encoded",
      });
      return await logInWithHash(hash.replace(/^\$2a/, "$2b"));
    },
    expected: { status: 200, body: { token_type: "bearer" } },
  },
  {
    name: "an argon2id hash signs in",
    facts: "3.2",
    run: async () => await logInWithHash(await argon2id(argon2Options())),
    expected: { status: 200, body: { token_type: "bearer" } },
  },
  {
    name: "an argon2i hash signs in",
    facts: "3.2",
    run: async () => await logInWithHash(await argon2i(argon2Options())),
    expected: { status: 200, body: { token_type: "bearer" } },
  },
  {
    name: "a wrong password against an argon2id hash",
    facts: "3.2, 4.1",
    run: async () => {
      const password_hash = await argon2id(argon2Options());
      return await logIn((await adminCreate({ password_hash })).body.email, "wrong");
    },
    expected: { status: 400, code: "invalid_credentials" },
  },
  ...[
    ["of no known kind", "5f4dcc3b5aa765d61d8327deb882cf99"],
    ["argon2d", "$argon2d$v=19$m=1024,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2g"],
    ["of argon2 version 16", "$argon2id$v=16$m=1024,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2g"],
    ["with too much memory", "$argon2id$v=19$m=2097152,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2g"],
    ["with too many passes", "$argon2id$v=19$m=1024,t=21,p=1$c29tZXNhbHQ$aGFzaGhhc2g"],
    ["with padded base64", "$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHQ=$aGFzaGhhc2g="],
  ].map(([what, password_hash]): Row => ({
    name: `a password hash ${what}`,
    facts: "3.2",
    run: () => adminCreate({ password_hash }),
    expected: { status: 500, code: "unexpected_failure" },
  })),
];

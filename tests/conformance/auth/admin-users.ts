import { expect } from "vitest";
import { adminSql } from "../../support/sql.ts";
import { adminClient, uniqueEmail } from "../../support/users.ts";
import {
  adminCreate,
  adminDelete,
  adminGet,
  adminUpdate,
  createPerson,
  createSignedIn,
  getUser,
  logIn,
  PASSWORD,
  refresh,
} from "./people.ts";
import { fromClient, observed, type Row, send } from "./row.ts";

const anyText = expect.any(String);
const nobody = "6f3f1f52-52a4-4c41-9f0c-000000000000";

/** Reading, changing and deleting users as an administrator: facts 3.3 to 3.5 and 3.8. */
export const adminUserRows: Row[] = [
  {
    name: "a user id that is no UUID",
    facts: "3",
    run: () => adminGet("not-a-uuid"),
    expected: { status: 404, code: "validation_failed" },
  },
  {
    name: "an unknown user id",
    facts: "3",
    run: () => adminGet(nobody),
    expected: { status: 404, code: "user_not_found" },
  },
  {
    name: "get answers identities",
    facts: "3.1, 5",
    run: async () => await adminGet((await createPerson()).id),
    expected: {
      status: 200,
      body: { identities: [{ provider: "email", identity_id: anyText, id: anyText }] },
    },
  },
  {
    name: "the list has its count, its links and no identities",
    facts: "3.3",
    run: async () => {
      await createPerson();
      await createPerson();
      const answer = await send("/admin/users?page=1&per_page=1", { key: "secret" });
      return { ...answer, body: { ...answer.body, first: answer.body.users[0] } };
    },
    expected: {
      status: 200,
      body: { aud: "authenticated", first: { id: anyText, identities: null } },
      headers: {
        "x-total-count": /^\d+$/,
        link:
          /^<\/admin\/users\?page=2&per_page=1>; rel="next", <\/admin\/users\?page=\d+&per_page=1>; rel="last"$/,
      },
    },
  },
  {
    name: "the newest user comes first",
    facts: "3.3",
    run: async () => {
      const mark = crypto.randomUUID().slice(0, 8);
      const older = await createPerson({ email: `older-${mark}@example.test` });
      const newer = await createPerson({ email: `newer-${mark}@example.test` });
      const list = async (sort: string) => {
        const path = `/admin/users?filter=${mark}${sort}`;
        return (await send(path, { key: "secret" })).body.users.map((user) => user.id);
      };
      return observed({
        newestFirst: (await list("")).join() === [newer.id, older.id].join(),
        oldestFirst: (await list("&sort=created_at%20asc")).join() === [older.id, newer.id].join(),
      });
    },
    expected: { status: 200, body: { newestFirst: true, oldestFirst: true } },
  },
  {
    name: "the filter finds a part of the address and of the full name",
    facts: "3.3",
    run: async () => {
      const mark = crypto.randomUUID().slice(0, 8);
      await createPerson({ email: `${mark}@example.test` });
      await createPerson({ user_metadata: { full_name: `Name ${mark.toUpperCase()}` } });
      const { body } = await send(`/admin/users?filter=${mark}`, { key: "secret" });
      return observed({ found: body.users.length });
    },
    expected: { status: 200, body: { found: 2 } },
  },
  {
    name: "a page that is no number",
    facts: "3.3",
    run: () => send("/admin/users?page=first", { key: "secret" }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "metadata is merged by top-level key and null deletes",
    facts: "3.4",
    run: async () => {
      const { id } = await createPerson({ user_metadata: { a: { x: 1 }, b: 2, c: 3 } });
      return await adminUpdate(id, { user_metadata: { a: { y: 2 }, b: null } });
    },
    expected: {
      status: 200,
      body: { user_metadata: { a: { y: 2 }, c: 3, email_verified: true } },
    },
  },
  {
    name: "a deleted metadata key is gone",
    facts: "3.4",
    run: async () => {
      const { id } = await createPerson({ app_metadata: { tier: "pro" } });
      const { body } = await adminUpdate(id, { app_metadata: { tier: null } });
      return observed(body.app_metadata);
    },
    expected: { status: 200, body: { provider: "email" }, without: ["tier"] },
  },
  {
    name: "an app_metadata patch may overwrite the provider",
    facts: "3.4",
    run: async () => {
      const { id } = await createPerson();
      return await adminUpdate(id, { app_metadata: { provider: "other" } });
    },
    expected: { status: 200, body: { app_metadata: { provider: "other" } } },
  },
  {
    name: "email_confirm false does not unconfirm",
    facts: "3.4",
    run: async () => await adminUpdate((await createPerson()).id, { email_confirm: false }),
    expected: { status: 200, body: { email_confirmed_at: anyText } },
  },
  {
    name: "email_confirm true confirms",
    facts: "3.4",
    run: async () => {
      const { body } = await adminCreate({ email_confirm: false });
      return await adminUpdate(body.id, { email_confirm: true });
    },
    expected: {
      status: 200,
      body: { email_confirmed_at: anyText, user_metadata: { email_verified: true } },
    },
  },
  {
    name: "a new address applies at once, to the identity too",
    facts: "3.4",
    run: async () => {
      const { id } = await createPerson();
      const email = `renamed-${id}@example.test`;
      const { body } = await adminUpdate(id, { email: email.toUpperCase() });
      return observed({
        lowered: body.email === email,
        identity: body.identities.every((identity) => identity.email === email),
      });
    },
    expected: { status: 200, body: { lowered: true, identity: true } },
  },
  {
    name: "another user's address on update",
    facts: "3.4",
    run: async () => {
      const taken = await createPerson();
      return await adminUpdate((await createPerson()).id, { email: taken.email });
    },
    expected: { status: 500, code: "unexpected_failure" },
  },
  {
    name: "id and password_hash are ignored on update",
    facts: "3.4",
    run: async () => {
      const { id, email } = await createPerson();
      await adminUpdate(id, { id: crypto.randomUUID(), password_hash: "nonsense" });
      return await logIn(email);
    },
    expected: { status: 200, body: { token_type: "bearer" } },
  },
  {
    name: "a short password on update",
    facts: "3.4",
    run: async () => await adminUpdate((await createPerson()).id, { password: "short" }),
    expected: {
      status: 422,
      code: "weak_password",
      body: { weak_password: { reasons: ["length"] } },
    },
  },
  {
    name: "more than 72 bytes of password on update",
    facts: "3.4",
    run: async () => await adminUpdate((await createPerson()).id, { password: "x".repeat(73) }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a password on update ends all sessions",
    facts: "3.4",
    run: async () => {
      const { id, accessToken } = await createSignedIn();
      await adminUpdate(id, { password: "another horse 9" });
      return await getUser(accessToken);
    },
    expected: { status: 403, code: "session_not_found" },
  },
  {
    name: "a role set by an administrator is in the next token, the address too",
    facts: "3.4, 3.8",
    run: async () => {
      const { id, refreshToken } = await createSignedIn();
      await adminUpdate(id, { app_metadata: { tier: "enterprise" } });
      const { body } = await refresh(refreshToken);
      return observed(body.user.app_metadata);
    },
    expected: { status: 200, body: { tier: "enterprise" } },
  },
  {
    name: "an unreadable ban duration",
    facts: "3.2, 6 (admin_test.go:659)",
    run: async () => await adminUpdate((await createPerson()).id, { ban_duration: "forever" }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a hard delete answers an empty object",
    facts: "3.5",
    run: async () => {
      const answer = await adminDelete((await createPerson()).id);
      return { ...answer, body: { ...answer.body, keys: Object.keys(answer.body).length } };
    },
    expected: { status: 200, body: { keys: 0 } },
  },
  {
    name: "a second delete",
    facts: "3.5",
    run: async () => {
      const { id } = await createPerson();
      await adminDelete(id);
      return await adminDelete(id);
    },
    expected: { status: 404, code: "user_not_found" },
  },
  {
    name: "supabase-js deletes a user",
    facts: "3.5",
    run: async () => {
      const { id } = await createPerson();
      await adminClient().auth.admin.deleteUser(id);
      return fromClient(await adminClient().auth.admin.getUserById(id));
    },
    expected: { status: 404, code: "user_not_found" },
  },
  {
    name: "after a hard delete the token's user is unknown",
    facts: "3.8",
    run: async () => {
      const { id, accessToken } = await createSignedIn();
      await adminDelete(id);
      return await getUser(accessToken);
    },
    expected: { status: 403, code: "user_not_found" },
  },
  {
    name: "after a hard delete nothing is refreshed",
    facts: "3.8",
    run: async () => {
      const { id, refreshToken } = await createSignedIn();
      await adminDelete(id);
      return await refresh(refreshToken);
    },
    expected: { status: 400, code: "refresh_token_not_found" },
  },
  {
    name: "a hard delete takes identities, sessions and refresh tokens along",
    facts: "5",
    needs: ["sql"],
    run: async () => {
      const { id } = await createSignedIn();
      await adminDelete(id);
      const [left] = await adminSql()`
        select (select count(*) from auth.identities where user_id = ${id})
          + (select count(*) from auth.sessions where user_id = ${id})
          + (select count(*) from auth.refresh_tokens where user_id::text = ${id}) as rows`;
      return observed({ rows: Number(left?.rows) });
    },
    expected: { status: 200, body: { rows: 0 } },
  },
  {
    name: "a soft delete wipes the row and keeps it readable",
    facts: "3.5",
    run: async () => {
      const { id, email } = await createPerson({ user_metadata: { a: 1 } });
      await adminDelete(id, { should_soft_delete: true });
      const answer = await adminGet(id);
      const { body } = answer;
      return {
        ...answer,
        body: {
          ...body,
          wiped: body.email !== email && body.email !== "",
          empty: JSON.stringify([body.user_metadata, body.app_metadata]) === "[{},{}]",
        },
      };
    },
    expected: { status: 200, body: { deleted_at: anyText, wiped: true, empty: true } },
  },
  {
    name: "after a soft delete the address is free again",
    facts: "3.5",
    run: async () => {
      const { id, email } = await createPerson();
      await adminDelete(id, { should_soft_delete: true });
      return await adminCreate({ email });
    },
    expected: { status: 200, body: { id: anyText } },
  },
  {
    name: "after a soft delete the session is gone",
    facts: "3.8",
    run: async () => {
      const { id, accessToken } = await createSignedIn();
      await adminDelete(id, { should_soft_delete: true });
      return await getUser(accessToken);
    },
    expected: { status: 403, code: "session_not_found" },
  },
  {
    name: "after a soft delete the password is gone",
    facts: "3.5",
    run: async () => {
      const { id, email } = await createPerson();
      await adminDelete(id, { should_soft_delete: true });
      return await logIn(email);
    },
    expected: { status: 400, code: "invalid_credentials" },
  },
  {
    name: "soft-deleted users are listed",
    facts: "3.3",
    run: async () => {
      const { id } = await createPerson({ email: uniqueEmail("gone"), password: PASSWORD });
      await adminDelete(id, { should_soft_delete: true });
      const { body } = await send("/admin/users?per_page=200", { key: "secret" });
      return observed({ listed: body.users.some((user) => user.id === id) });
    },
    expected: { status: 200, body: { listed: true } },
  },
];

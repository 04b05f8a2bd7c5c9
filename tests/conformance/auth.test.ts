import { describe, expect, test } from "vitest";
import { accountRows } from "./auth/account.ts";
import { adminCreateRows } from "./auth/admin-create.ts";
import { adminUserRows } from "./auth/admin-users.ts";
import { errorRows } from "./auth/errors.ts";
import { generatedLinkRows } from "./auth/generated-links.ts";
import { linkRows } from "./auth/links.ts";
import { mailRows } from "./auth/mails.ts";
import { type Answer, type Expected, reasonToSkip, type Row } from "./auth/row.ts";
import { signInRows } from "./auth/sign-in.ts";
import { signOutRows } from "./auth/sign-out.ts";
import { tokenRows } from "./auth/tokens.ts";
import { withoutPhoneRows } from "./auth/without-phone.ts";

// One table of facts about Supabase Auth. It runs against the embedded stack, and against a real
// one when SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY(S) and SUPABASE_SECRET_KEY(S) name it.
const tables: [subject: string, rows: Row[]][] = [
  ["access tokens and keys", tokenRows],
  ["signing in and bans", signInRows],
  ["the user's own account", accountRows],
  ["signing out", signOutRows],
  ["codes and links", linkRows],
  ["links of every type", generatedLinkRows],
  ["a project without phones", withoutPhoneRows],
  ["mails", mailRows],
  ["creating users as an administrator", adminCreateRows],
  ["administering users", adminUserRows],
  ["error bodies", errorRows],
];

describe.each(tables)("Supabase Auth: %s", (_subject, rows) => {
  for (const row of rows) {
    test(`${row.name} (facts ${row.facts})`, async (context) => {
      const reason = reasonToSkip(row);
      if (reason !== undefined) return context.skip(reason);
      compare(await row.run(), row.expected);
    });
  }
});

function compare(answer: Answer, expected: Expected): void {
  const { status, code } = answer;
  expect({ status, code, body: answer.body }).toMatchObject({
    status: expected.status,
    ...(expected.body ? { body: expected.body } : {}),
  });
  expect(code).toBe(expected.code);
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    expect(answer.headers.get(name) ?? "").toMatch(value);
  }
  for (const key of expected.without ?? []) expect(answer.body).not.toHaveProperty(key);
}

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Decision,
  decisionActions,
  isEmail,
  loadDecisions,
  mergeDecisions,
  openDecisions,
  readDecisions,
  storeDecisions,
} from "../../../shared/legacy/decisions.ts";
import { LegacyError } from "../../../shared/legacy/errors.ts";
import { startDatabase, type TestDatabase } from "../../migrations/support/database.ts";

const ann = "aaaaaaaa-0000-4000-8000-000000000001";
const bob = "bbbbbbbb-0000-4000-8000-000000000002";

const file = (...decisions: unknown[]) => JSON.stringify({ decisions });

function refusalOf(text: string): string {
  try {
    readDecisions(text);
  } catch (error) {
    if (error instanceof LegacyError && error.kind === "usage") return error.message;
    throw error;
  }
  return "";
}

describe("readDecisions", () => {
  it("reads every kind with each of its actions", () => {
    const all = Object.entries(decisionActions).flatMap(([kind, actions]) =>
      actions.map((action, n) => ({
        kind,
        subject: n === 0 ? ann : bob,
        action,
        ...(action === "use_email" ? { value: `${kind}@Example.test` } : {}),
        ...(action === "link" ? { value: bob } : {}),
      }))
    );
    const read = readDecisions(file(...all));
    expect(read.map(({ kind, action }) => [kind, action]))
      .toEqual(all.map(({ kind, action }) => [kind, action]));
    expect(read.find((entry) => entry.kind === "email_case")?.value).toBe(
      "email_case@example.test",
    );
  });

  it("takes a null value for none, and ids in capitals", () => {
    const [decision] = readDecisions(
      file({ kind: "id_taken", subject: ann.toUpperCase(), action: "new_id", value: null }),
    );
    expect(decision).toEqual({ kind: "id_taken", subject: ann, action: "new_id" });
  });

  const link = { kind: "email_taken", subject: ann, action: "link", value: bob };
  const useEmail = { kind: "email_case", subject: ann, action: "use_email", value: "a@b.test" };
  it.each([
    ["no JSON", "{", /no JSON document/],
    ["a list", "[]", /no JSON document/],
    ["unknown keys", JSON.stringify({ decisions: [], more: 1 }), /no JSON document/],
    [
      "an entry without an action",
      file(link, { kind: "id_taken", subject: ann }),
      /^Entry 2 .*needs/,
    ],
    ["an unknown key", file({ ...link, note: "x" }), /^Entry 1 .*nothing unknown/],
    [
      "an unknown kind",
      file({ ...link, kind: "toString" }),
      /unknown kind "toString": it is one of/,
    ],
    [
      "an action not offered",
      file({ ...link, action: "trim" }),
      /email_taken is answered by link or use_/,
    ],
    ["a subject that is no id", file({ ...link, subject: "ann" }), /legacy id of a user, or "\*"/],
    ["a link for all", file({ ...link, subject: "*" }), /link cannot be for all/],
    ["an address for all", file({ ...useEmail, subject: "*" }), /use_email cannot be for all/],
    ["a link to no id", file({ ...link, value: "ann" }), /id of the Supabase user/],
    ["a link to nobody", file({ ...link, value: undefined }), /id of the Supabase user/],
    ["no address", file({ ...useEmail, value: undefined }), /needs as "value" an e-mail/],
    ["a bad address", file({ ...useEmail, value: "a@b" }), /needs as "value" an e-mail/],
    [
      "a value where none belongs",
      file({ kind: "id_taken", subject: ann, action: "new_id", value: "x" }),
      /new_id takes none/,
    ],
    ["one thing twice", file(link, link), /^Entry 2 .* says again what entry 1 says/],
    [
      "one address for two",
      file(useEmail, { ...useEmail, subject: bob, value: "A@B.test" }),
      /^Entry 2 .* has the value of entry 1/,
    ],
    ["one account for two", file(link, { ...link, subject: bob }), /^Entry 2 .* has the value of/],
  ])("refuses %s", (_what, text, message) => {
    expect(refusalOf(text)).toMatch(message);
  });
});

describe("isEmail", () => {
  it.each(["a@b.test", "A.b+c@sub.example.test", "o'neil@x-y.test"])("takes %s", (email) => {
    expect(isEmail(email)).toBe(true);
  });
  it.each(
    [
      "",
      "a",
      "a@b",
      "a@b@c.test",
      "müller@b.test",
      "\u212aim@b.test",
      "a@exämple.test",
      "a b@c.test",
      " a@b.test",
      "a@b.test\n",
      "a@-b.test",
      `${"a".repeat(250)}@b.test`,
    ],
  )("refuses %s", (email) => {
    expect(isEmail(email)).toBe(false);
  });
});

describe("a book of decisions", () => {
  it("puts one for a user before one for all", () => {
    const all: Decision = { kind: "no_password", subject: "*", action: "reset" };
    const useEmail: Decision = { kind: "email_invalid", subject: ann, action: "use_email" };
    const own: Decision = { kind: "no_password", subject: ann, action: "reset" };
    const book = openDecisions([all, useEmail, own]);
    expect(book.of(ann.toUpperCase())).toEqual({ no_password: own, email_invalid: useEmail });
    expect(book.of(bob)).toEqual({ no_password: all });
  });

  it("lets later ones replace earlier ones of the same kind and subject", () => {
    const first: Decision = {
      kind: "email_case",
      subject: ann,
      action: "use_email",
      value: "a@x.io",
    };
    const later = { ...first, value: "b@x.io" };
    const other = { ...first, subject: bob };
    expect(mergeDecisions([first, other], [later])).toEqual([later, other]);
  });
});

describe("stored decisions", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await startDatabase(17, { migrated: false });
  });
  afterAll(() => db.stop());

  it("are none before the first push, and come back as they were, the last word counting", async () => {
    expect(await loadDecisions(db.sql)).toEqual([]);
    await db.sql`create schema private`;
    await db.sql`create table private.legacy_decisions (kind text, subject text, action text,
      value text, decided_at timestamptz not null default now(), primary key (kind, subject))`;
    const reset: Decision = { kind: "no_password", subject: "*", action: "reset" };
    const useEmail: Decision = {
      kind: "email_case",
      subject: ann,
      action: "use_email",
      value: "a@x.io",
    };
    await storeDecisions(db.sql, []);
    await storeDecisions(db.sql, [reset, useEmail]);
    await storeDecisions(db.sql, [{ ...useEmail, value: "b@x.io" }]);
    expect(await loadDecisions(db.sql)).toEqual([{ ...useEmail, value: "b@x.io" }, reset]);
  });
});

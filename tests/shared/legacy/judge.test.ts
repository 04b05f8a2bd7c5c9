import { describe, expect, it } from "vitest";
import { type Decision, openDecisions } from "../../../shared/legacy/decisions.ts";
import { judgeUser, type UserFacts } from "../../../shared/legacy/plan/judge-user.ts";
import { type AuthRecord, deriveId, type LegacyUser } from "../../../shared/legacy/target.ts";
import { ann, legacyUser, supabaseAnn } from "./people.ts";

const holderId = "77777777-0000-4000-8000-000000000007";

function account(changes: Partial<AuthRecord> = {}): AuthRecord {
  return {
    id: supabaseAnn,
    email: "ann@example.test",
    emailConfirmed: true,
    passwordHash: "$2a$04$something",
    userMetadata: {},
    appMetadata: { provider: "email", providers: ["email"] },
    deleted: false,
    ...changes,
  };
}

function factsWith(accounts: AuthRecord[], facts: Partial<UserFacts> = {}): UserFacts {
  return {
    accounts: {
      byId: (id) => accounts.find((record) => record.id === id),
      holderOf: (email) => accounts.find((record) => record.email === email),
    },
    erased: new Set(),
    isOthers: () => false,
    ...facts,
  };
}

function judge(
  changes: Partial<LegacyUser>,
  facts: UserFacts,
  ...decisions: Decision[]
) {
  const user = legacyUser(changes);
  const { open, target, ...rest } = judgeUser(user, openDecisions(decisions).of(ann), facts);
  return { ...rest, open, kinds: open.map(({ kind }) => kind), target };
}

const forAll = (kind: Decision["kind"], action: Decision["action"]): Decision => ({
  kind,
  subject: "*",
  action,
});
const linkTo = (value: string): Decision => ({
  kind: "email_taken",
  subject: ann,
  action: "link",
  value,
});
const useEmail = (kind: Decision["kind"], value: string): Decision => ({
  kind,
  subject: ann,
  action: "use_email",
  value,
});

describe("a user about whom nothing is odd", () => {
  it("is created under the legacy id", () => {
    const { kinds, target, current } = judge({}, factsWith([]));
    expect({ kinds, current }).toEqual({ kinds: [], current: undefined });
    expect(target).toMatchObject({ supabaseUserId: ann, origin: "created" });
  });

  it("keeps the linked account, whatever its e-mail and hash", () => {
    const linked = account({ email: "moved@example.test" });
    const { kinds, target, current } = judge(
      { supabaseUserId: supabaseAnn, passwordHash: "md5", email: "no address" },
      factsWith([linked]),
    );
    expect({ kinds, current }).toEqual({ kinds: [], current: linked });
    expect(target).toMatchObject({ supabaseUserId: supabaseAnn, origin: "kept" });
  });

  it("is untouched by decisions for all that others need", () => {
    const { kinds, target, decided } = judge(
      {},
      factsWith([]),
      forAll("id_taken", "new_id"),
      forAll("missing_account", "create"),
      forAll("unsupported_hash", "reset"),
      forAll("metadata_over_budget", "trim"),
    );
    expect({ kinds, decided }).toEqual({ kinds: [], decided: [] });
    expect(target).toMatchObject({ supabaseUserId: ann, passwordHash: expect.any(String) });
  });

  it("is found again when a run created the account and ended before it could say so", () => {
    const made = account({ id: ann });
    const { kinds, target, current } = judge({}, factsWith([made]));
    expect({ kinds, current }).toEqual({ kinds: [], current: made });
    expect(target).toMatchObject({ supabaseUserId: ann, origin: "created" });
  });

  it("is found again although its address changed meanwhile, by the mark of the export", () => {
    const mark = { legacy_created_at: legacyUser().createdAt.toISOString() };
    const made = account({ id: ann, email: "before@example.test", appMetadata: mark });
    expect(judge({}, factsWith([made]), forAll("id_taken", "new_id")))
      .toMatchObject({ kinds: [], decided: [], current: made, target: { supabaseUserId: ann } });
    const another = { ...made, appMetadata: { legacy_created_at: "2020-01-01T00:00:00.000Z" } };
    expect(judge({}, factsWith([another])).kinds).toEqual(["id_taken"]);
  });

  it("stays where the map says", () => {
    const exported = { supabaseUserId: supabaseAnn, origin: "linked" } as const;
    const { kinds, target } = judge({}, factsWith([account()], { exported }));
    expect(kinds).toEqual([]);
    expect(target).toMatchObject({ ...exported, passwordHash: null });
  });
});

describe("an account that is gone", () => {
  const linked = { supabaseUserId: supabaseAnn };

  it("is made anew under its id when that was decided", () => {
    expect(judge(linked, factsWith([])).kinds).toEqual(["missing_account"]);
    const { kinds, target, decided } = judge(
      linked,
      factsWith([]),
      forAll("missing_account", "create"),
    );
    expect({ kinds, decided: decided.length }).toEqual({ kinds: [], decided: 1 });
    expect(target).toMatchObject({
      supabaseUserId: supabaseAnn,
      origin: "created",
      passwordHash: legacyUser().passwordHash,
    });
  });

  it("is known as made by us when the run that made it was killed", () => {
    const made = account({ passwordHash: legacyUser().passwordHash });
    const { target } = judge(linked, factsWith([made]), forAll("missing_account", "create"));
    expect(target).toMatchObject({ origin: "created", passwordHash: made.passwordHash });
  });

  it("stays away when its user was erased, exported or not", () => {
    const erased = new Set([supabaseAnn]);
    const create = forAll("missing_account", "create");
    expect(judge(linked, factsWith([], { erased }), create))
      .toMatchObject({ gone: true, kinds: [], target: { origin: "kept" } });
    const exported = { supabaseUserId: supabaseAnn, origin: "created" } as const;
    expect(judge({}, factsWith([], { erased, exported }), create))
      .toMatchObject({ gone: true, kinds: [], target: exported });
    expect(judge(linked, factsWith([account({ deleted: true })]))).toMatchObject({ gone: true });
  });

  it("does not count as gone while its erasure is only scheduled", () => {
    const facts = factsWith([account()], { erased: new Set([supabaseAnn]) });
    expect(judge(linked, facts)).toMatchObject({ gone: false, kinds: [] });
  });

  it("asks again after the export", () => {
    const exported = { supabaseUserId: ann, origin: "created" } as const;
    expect(judge({}, factsWith([], { exported })).kinds).toEqual(["missing_account"]);
  });
});

describe("an e-mail that somebody else holds", () => {
  const holder = account({ id: holderId });

  it("may be linked only where it is confirmed and nobody else's", () => {
    const [confirmed] = judge({}, factsWith([holder])).open;
    expect(confirmed).toMatchObject({
      kind: "email_taken",
      account: holderId,
      actions: ["link", "use_email"],
      suggested: { action: "link", value: holderId },
    });
    const offered = (record: AuthRecord, facts: Partial<UserFacts> = {}) =>
      judge({}, factsWith([record], facts)).open[0]?.actions;
    expect(offered({ ...holder, emailConfirmed: false })).toEqual(["use_email"]);
    expect(offered(holder, { isOthers: (id) => id === holderId })).toEqual(["use_email"]);
    expect(judge({ supabaseUserId: supabaseAnn }, factsWith([holder])).open.at(-1)?.actions)
      .toEqual(["use_email"]);
  });

  it("is not suggested to be linked when nobody confirmed it in the legacy system", () => {
    const [matter] = judge({ emailVerified: false }, factsWith([holder])).open;
    expect(matter?.actions).toContain("link");
    expect(matter?.suggested.action).toBe("use_email");
  });

  it("leads to that account when that was decided", () => {
    const { kinds, target, current } = judge(
      { passwordHash: "md5" },
      factsWith([holder]),
      linkTo(holderId),
    );
    expect({ kinds, current }).toEqual({ kinds: [], current: holder });
    expect(target).toMatchObject({
      supabaseUserId: holderId,
      origin: "linked",
      passwordHash: null,
    });
  });

  it("is met by an account that we made and whose address changed since", () => {
    const exported = { supabaseUserId: ann, origin: "created" } as const;
    const made = account({ id: ann, email: "before@example.test" });
    const [matter] = judge({}, factsWith([made, holder], { exported })).open;
    expect(matter).toMatchObject({ kind: "email_taken", actions: ["use_email"] });
    expect(judge({}, factsWith([made], { exported })).kinds).toEqual([]);
    expect(judge({ email: "no at" }, factsWith([made], { exported })).kinds)
      .toEqual(["email_invalid"]);
    const linked = { supabaseUserId: ann, origin: "linked" } as const;
    expect(judge({}, factsWith([made, holder], { exported: linked })).kinds).toEqual([]);
  });

  it("refuses a link that is not offered or leads elsewhere", () => {
    const unconfirmed = factsWith([{ ...holder, emailConfirmed: false }]);
    expect(judge({}, unconfirmed, linkTo(holderId)).open[0]?.rejected)
      .toBe("link is not offered, only use_email");
    expect(judge({}, factsWith([holder, account()]), linkTo(ann)).open[0]?.rejected)
      .toBe(`only ${holderId} can be linked`);
  });

  it("leads to another address when that was decided and is free", () => {
    const decided = useEmail("email_taken", "ann.2@example.test");
    const { kinds, target } = judge({}, factsWith([holder]), decided);
    expect(kinds).toEqual([]);
    expect(target).toMatchObject({ email: "ann.2@example.test", origin: "created" });
    const both = factsWith([holder, account({ email: "ann.2@example.test" })]);
    expect(judge({}, both, decided).open[0]?.rejected).toBe("another user has that e-mail");
  });
});

describe("an e-mail that Supabase Auth cannot give", () => {
  it("is another legacy user's but for case", () => {
    const facts = factsWith([], { keeper: holderId });
    const [matter] = judge({ email: "Ann@Example.test" }, facts).open;
    expect(matter).toMatchObject({ kind: "email_case", actions: ["use_email"] });
    expect(matter?.what).toContain(holderId);
    const { kinds, target } = judge({}, facts, useEmail("email_case", "ann.2@example.test"));
    expect(kinds).toEqual([]);
    expect(target.email).toBe("ann.2@example.test");
  });

  it.each(["no at", "müller@example.test", "\u212aim@example.test"])("is none: %s", (email) => {
    const { open } = judge({ email }, factsWith([]));
    expect(open).toMatchObject([{ kind: "email_invalid", actions: ["use_email"] }]);
    const { kinds } = judge({ email }, factsWith([]), { ...open[0]?.suggested } as Decision);
    expect(kinds).toEqual([]);
  });

  it("gets a suggestion of its own that Supabase Auth takes, and no name of another", () => {
    const facts = factsWith([account({ id: holderId })]);
    const { value } = judge({ emailVerified: false }, facts).open[0]?.suggested ?? {};
    expect(value).toBe("ann+heimdex-aaaaaaaa0000@example.test");
    expect(judge({}, facts).open[0]?.what).not.toContain("@");
  });
});

describe("what else stands in the way", () => {
  it("is the id of another user: a derived one, found again after a kill", () => {
    const other = account({ id: ann, email: "somebody@example.test" });
    expect(judge({}, factsWith([other])).kinds).toEqual(["id_taken"]);
    const newId = forAll("id_taken", "new_id");
    expect(judge({}, factsWith([other]), newId))
      .toMatchObject({ kinds: [], target: { supabaseUserId: deriveId(ann), origin: "created" } });
    const made = account({ id: deriveId(ann) });
    expect(judge({}, factsWith([other, made]), newId))
      .toMatchObject({ kinds: [], current: made, target: { supabaseUserId: deriveId(ann) } });
  });

  it("is the id that another legacy user is linked to, even where the address is the same", () => {
    const isOthers = (id: string) => id === ann;
    const newId = forAll("id_taken", "new_id");
    for (const accounts of [[account({ id: ann })], []]) {
      const { kinds } = judge({}, factsWith(accounts, { isOthers }));
      expect(kinds).toContain("id_taken");
    }
    expect(judge({}, factsWith([], { isOthers }), newId))
      .toMatchObject({ kinds: [], target: { supabaseUserId: deriveId(ann) } });
  });

  it("is the nil id, which Supabase Auth refuses", () => {
    const userId = "00000000-0000-0000-0000-000000000000";
    expect(judge({ userId }, factsWith([])).kinds).toEqual(["id_taken"]);
  });

  it("is a hash that cannot be read, or none", () => {
    expect(judge({ passwordHash: "md5" }, factsWith([])).kinds).toEqual(["unsupported_hash"]);
    expect(judge({ passwordHash: null }, factsWith([])).kinds).toEqual(["no_password"]);
    const { kinds, target } = judge(
      { passwordHash: "md5" },
      factsWith([]),
      forAll("unsupported_hash", "reset"),
    );
    expect({ kinds, hash: target.passwordHash }).toEqual({ kinds: [], hash: null });
  });

  it("is a profile that tokens do not hold, preferences counted", () => {
    const long = { displayName: "🎬".repeat(255) };
    const [matter] = judge(long, factsWith([])).open;
    expect(matter).toMatchObject({ kind: "metadata_over_budget", actions: ["trim"] });
    expect(matter?.what).toMatch(/takes 1\d\d\d of 1024 bytes/);
    const trimmed = judge(long, factsWith([]), forAll("metadata_over_budget", "trim"));
    expect(trimmed.kinds).toEqual([]);
    expect(trimmed.target.userMetadata).not.toHaveProperty("display_name");
    const full = account({
      userMetadata: Object.fromEntries("abcde".split("").map((n) => [`pref_${n}`, n.repeat(190)])),
    });
    const linked = judge({ supabaseUserId: supabaseAnn }, factsWith([full]));
    expect(linked.kinds).toEqual(["metadata_over_budget"]);
  });
});

import { beforeAll, describe, expect, it } from "vitest";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectProblem } from "../../support/call.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { canMintTokens, canReadMail } from "../../support/stack.ts";
import {
  adminClient,
  createDeadSession,
  createUser,
  signIn as openSession,
  type TestUser,
  uniqueEmail,
} from "../../support/users.ts";
import {
  accountExists,
  createOrganization,
  deleteAccount,
  deleteAccountWith,
  getErasure,
  inDays,
  makeAnonymous,
  readStatus,
  readTicket,
  signIn,
  signInByMail,
  withClaims,
} from "./account-support.ts";
import { expectRefusedFields } from "./support.ts";

/** A time off, so that nothing is erased and the user can be asked again. */
const later = () => ({ effective_at: inDays(3) });

async function countSessions({ id }: TestUser): Promise<number> {
  const [row] = await adminSql()<{ count: number }[]>`
    select count(*)::int as count from auth.sessions where user_id = ${id}`;
  return row?.count ?? 0;
}

describe("DELETE /auth-onboarding/account with a password", () => {
  it("deletes the account at once and tells of the erasure by a token", async () => {
    const user = await createUser();
    const { accessToken, password } = user;
    const ticket = await readTicket(await deleteAccount(accessToken, { password }));
    expect(["pending", "held", "running", "provisional"]).toContain(ticket.state);
    expect(Date.now() - Date.parse(ticket.effective_at)).toBeLessThan(60_000);
    expect(await accountExists(user.id)).toBe(false);
    const usage = await call("/me/usage", { token: accessToken });
    await expectProblem(usage, "session_revoked", 401);
    const status = await readStatus(await getErasure(ticket.status_token));
    expect(status.erasure_id).toBe(ticket.erasure_id);
    await expectProblem(await deleteAccount(accessToken, { password }), "session_revoked", 401);
  });

  it("takes immediate as the word for no time", async () => {
    const { id, accessToken, password } = await createUser();
    await readTicket(await deleteAccount(accessToken, { password, immediate: true }));
    expect(await accountExists(id)).toBe(false);
  });

  it("refuses a wrong password and leaves the account as it is", async () => {
    const user = await createUser();
    const response = await deleteAccount(user.accessToken, { password: "not the password" });
    await expectProblem(response, "invalid_password", 401);
    expect(await accountExists(user.id)).toBe(true);
    await expectProblem(await getErasure(user.accessToken), "erasure_not_found", 404);
  });

  it("refuses the password of another user", async () => {
    const [user, other] = await Promise.all([createUser(), createUser()]);
    const response = await deleteAccount(user.accessToken, { password: other.password });
    await expectProblem(response, "invalid_password", 401);
  });

  it("asks a session that was opened with the password for it, however fresh", async () => {
    const { accessToken } = await createUser();
    const response = await deleteAccount(accessToken);
    expect(response.headers.get("www-authenticate")).toContain("insufficient_user_authentication");
    const problem = await expectProblem(response, "reauthentication_required", 401);
    expect(problem.detail).toContain("Send the password");
  });

  it.runIf(hasAdminSql())("leaves no session of the confirmation behind", async () => {
    const user = await createUser();
    expect(await countSessions(user)).toBe(1);
    await readTicket(
      await deleteAccount(user.accessToken, { password: user.password, ...later() }),
    );
    expect(await countSessions(user)).toBe(1);
    expect((await call("/me/usage", { token: user.accessToken })).status).toBe(200);
  });

  it("knows the address the user has now, not the one in the token", async () => {
    const user = await createUser();
    const { error } = await adminClient().auth.admin.updateUserById(user.id, {
      email: uniqueEmail("moved"),
      email_confirm: true,
    });
    expect(error).toBeNull();
    await readTicket(
      await deleteAccount(user.accessToken, { password: user.password, ...later() }),
    );
  });
});

describe("the limit on wrong passwords", () => {
  const guess = (user: TestUser, n: number) =>
    deleteAccount(user.accessToken, { password: `guess ${n}` });

  it("lets exactly five of twenty parallel guesses through, and then not the right one", async () => {
    const user = await createUser();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => guess(user, n)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(5).fill(401), ...Array(15).fill(429)]);
    const right = await deleteAccount(user.accessToken, { password: user.password });
    const wait = Number(right.headers.get("retry-after"));
    expect(wait).toBeGreaterThan(3500);
    expect(wait).toBeLessThanOrEqual(3600);
    await expectProblem(right, "rate_limited", 429);
    expect(await accountExists(user.id)).toBe(true);
  });

  it("counts each user by itself", async () => {
    const [user, other] = await Promise.all([createUser(), createUser()]);
    for (let n = 0; n < 6; n++) await (await guess(user, n)).body?.cancel();
    await expectProblem(await guess(user, 6), "rate_limited", 429);
    await expectProblem(await guess(other, 0), "invalid_password", 401);
  });

  it.runIf(hasAdminSql())("ends an hour after the last guess that was let through", async () => {
    const user = await createUser();
    for (let n = 0; n < 5; n++) await expectProblem(await guess(user, n), "invalid_password", 401);
    await expectProblem(await guess(user, 5), "rate_limited", 429);
    await adminSql()`
      update public.rate_limits set expires_at = now() - interval '1 second'
      where user_id = ${user.id} and resource = 'account_deletion_password'`;
    await expectProblem(await guess(user, 6), "invalid_password", 401);
    await readTicket(
      await deleteAccount(user.accessToken, { password: user.password, ...later() }),
    );
  });

  it("begins anew after the right password", async () => {
    const user = await createUser();
    const right = { password: user.password, ...later() };
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 4; n++) await (await guess(user, n)).body?.cancel();
      await readTicket(await deleteAccount(user.accessToken, right));
    }
  });

  it("does not count a try that Supabase Auth could not judge", async () => {
    const user = await createUser();
    const deps = depsWith({ environment: withOutage("supabase") });
    const { password, accessToken } = user;
    for (let n = 0; n < 6; n++) {
      const response = await deleteAccountWith(deps, accessToken, { password });
      expect(response.headers.get("retry-after")).toBe("5");
      await expectProblem(response, "auth_unavailable", 503);
    }
    await readTicket(await deleteAccount(accessToken, { password, ...later() }));
  });

  it("tries no password while the count cannot be kept", async () => {
    const { accessToken, password } = await createUser();
    const deps = depsWith({ environment: withOutage("database") });
    const response = await deleteAccountWith(deps, accessToken, { password });
    await expectProblem(response, "database_unavailable", 503);
  });
});

describe("DELETE /auth-onboarding/account without a password", () => {
  it.runIf(canReadMail())("takes a sign-in by mail of this moment", async () => {
    const user = await createUser();
    await readTicket(await deleteAccount(await signInByMail(user)));
    expect(await accountExists(user.id)).toBe(false);
  });

  it.runIf(canReadMail())("refuses it six minutes later", async () => {
    const token = await signInByMail(await createUser());
    const deps = depsWith({ now: () => new Date(Date.now() + 6 * 60_000) });
    const response = await deleteAccountWith(deps, token);
    const problem = await expectProblem(response, "reauthentication_required", 401);
    expect(problem.detail).toContain("older than 5 minutes");
  });

  describe.runIf(canMintTokens())("reads how the session was opened", () => {
    let user: TestUser;
    beforeAll(async () => {
      user = await createUser();
    });

    it.each([
      ["a provider, 4 minutes ago", [signIn("oauth", 240)]],
      ["a passkey, just now, refreshed since", [signIn("token_refresh", 0), signIn("passkey", 9)]],
      ["a mail, with a second factor", [signIn("totp", 0), signIn("otp", 60)]],
    ])("and takes %s", async (_what, amr) => {
      await readTicket(await deleteAccount(await withClaims(user, { amr }), later()));
    });

    it.each([
      ["a provider, 6 minutes ago", [signIn("oauth", 360)]],
      ["a mail long ago, refreshed now", [signIn("token_refresh", 0), signIn("otp", 4000)]],
      ["a mail long ago, second factor now", [signIn("totp", 0), signIn("otp", 4000)]],
      ["an app's grant", [signIn("oauth_provider/authorization_code", 0)]],
      ["a time to come", [signIn("otp", -600)]],
      ["nothing", undefined],
      ["words alone", ["otp"]],
      ["a mixture with a password", [signIn("otp", 0), signIn("password", 0)]],
    ])("and refuses %s", async (_what, amr) => {
      const response = await deleteAccount(await withClaims(user, { amr }), later());
      await expectProblem(response, "reauthentication_required", 401);
    });

    it.runIf(hasAdminSql())(
      "and asks an anonymous user for nothing, but not by the word of an older token",
      async () => {
        const user = await createUser();
        const amr = [signIn("anonymous", 9000)];
        const token = await withClaims(user, { is_anonymous: true, amr });
        const response = await deleteAccount(token, later());
        await expectProblem(response, "reauthentication_required", 401);
        await makeAnonymous(user);
        await readTicket(await deleteAccount(token, later()));
      },
    );
  });

  it("refuses a session that has ended", async () => {
    const dead = await createDeadSession();
    const response = await deleteAccount(dead.accessToken, { password: dead.password });
    await expectProblem(response, "session_revoked", 401);
  });
});

describe.runIf(hasAdminSql() && canMintTokens())("a second factor", () => {
  async function addFactor({ id }: TestUser, status: "verified" | "unverified"): Promise<void> {
    await adminSql()`
      insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
      values (${crypto.randomUUID()}, ${id}, 'totp', ${status}, now(), now())`;
  }

  it("is asked for where the user has one, also with the right password", async () => {
    const user = await createUser();
    await addFactor(user, "verified");
    const { accessToken, password } = user;
    const response = await deleteAccount(accessToken, { password, ...later() });
    await expectProblem(response, "insufficient_aal", 403);
    const stronger = await withClaims(user, { aal: "aal2" });
    await readTicket(await deleteAccount(stronger, { password, ...later() }));
  });

  it("is not asked for while it is not verified", async () => {
    const user = await createUser();
    await addFactor(user, "unverified");
    await readTicket(
      await deleteAccount(user.accessToken, { password: user.password, ...later() }),
    );
  });
});

describe.runIf(hasAdminSql())("the last admin of an organization", () => {
  const remove = ({ accessToken, password }: TestUser) =>
    deleteAccount(accessToken, { password, ...later() });

  it("is refused while others are members, and told what to do", async () => {
    const [admin, member] = await Promise.all([createUser(), createUser()]);
    const id = await createOrganization("Harbour Watch", [
      { user: admin, role: "admin" },
      { user: member, role: "member" },
    ]);
    const problem = await expectProblem(await remove(admin), "last_admin", 409);
    expect(problem.detail).toBe(
      "You are the last admin of Harbour Watch. Make another member an admin, or remove the " +
        "other members, then try again",
    );
    await adminSql()`
      update public.organization_members set role = 'admin'
      where organization_id = ${id} and user_id = ${member.id}`;
    await readTicket(await remove(admin));
  });

  it("may go when nobody else is a member, and so may a member", async () => {
    const [alone, admin, member] = await Promise.all([createUser(), createUser(), createUser()]);
    await createOrganization("Solo", [{ user: alone, role: "admin" }]);
    await createOrganization("Pair", [
      { user: admin, role: "admin" },
      { user: member, role: "member" },
    ]);
    await readTicket(await remove(alone));
    await readTicket(await remove(member));
  });

  it("is only one of two who leave at the same time", async () => {
    const [one, two, member] = await Promise.all([createUser(), createUser(), createUser()]);
    await createOrganization("Twins", [
      { user: one, role: "admin" },
      { user: two, role: "admin" },
      { user: member, role: "member" },
    ]);
    const answers = await Promise.all([remove(one), remove(two)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
  });
});

describe("the time of a deletion", () => {
  let user: TestUser;
  beforeAll(async () => {
    user = await createUser();
  });
  const remove = (json: Record<string, unknown>) =>
    deleteAccount(user.accessToken, { password: user.password, ...json });

  it("may lie 30 days ahead; the account works until then", async () => {
    const ticket = await readTicket(await remove({ effective_at: inDays(30) }));
    expect(ticket.state).toBe("scheduled");
    expect((await call("/me/usage", { token: user.accessToken })).status).toBe(200);
    expect(await accountExists(user.id)).toBe(true);
  });

  it("is read with its offset", async () => {
    const ticket = await readTicket(
      await remove({ effective_at: `${inDays(5).slice(0, 10)}T23:30:00+09:00` }),
    );
    expect(ticket.effective_at).toBe(`${inDays(5).slice(0, 10)}T14:30:00.000Z`);
  });

  it.each([
    ["past", { effective_at: inDays(-1) }, "effective_at"],
    ["a minute past", { effective_at: inDays(-1 / 1440) }, "effective_at"],
    ["too far", { effective_at: inDays(31) }, "effective_at"],
    ["a day without a time", { effective_at: "2026-12-24" }, "effective_at"],
    ["a time without an offset", { effective_at: "2026-12-24T10:00:00" }, "effective_at"],
    ["no time", { effective_at: "tomorrow" }, "effective_at"],
    ["both words", { effective_at: inDays(2), immediate: true }, "immediate"],
    ["neither word", { immediate: false }, "effective_at"],
    ["an unknown word", { when: "now" }, "when"],
    ["no password", { password: "" }, "password"],
  ])("is refused: %s", async (_what, body, field) => {
    await expectRefusedFields(await remove(body), field);
  });

  it.runIf(canMintTokens()).each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonp",
    "application/vnd.v1+json",
  ])("is not passed over when the body is sent as %s", async (type) => {
    const response = await call("/auth-onboarding/account", {
      method: "DELETE",
      token: await withClaims(user, { amr: [signIn("oauth", 10)] }),
      body: JSON.stringify({ effective_at: inDays(2) }),
      headers: { "content-type": type },
    });
    await expectProblem(response, "unsupported_media_type", 415);
    expect(await accountExists(user.id)).toBe(true);
  });

  it("is read from JSON with a character set", async () => {
    const { accessToken: token, password } = user;
    const ticket = await readTicket(
      await call("/auth-onboarding/account", {
        method: "DELETE",
        token,
        json: { password, ...later() },
        headers: { "content-type": "application/json; charset=utf-8" },
      }),
    );
    expect(ticket.state).toBe("scheduled");
  });

  it("follows the newest request, which joins the same erasure under a new token", async () => {
    const first = await readTicket(await remove({ effective_at: inDays(9) }));
    const second = await readTicket(await remove({ effective_at: inDays(4) }));
    expect(second.erasure_id).toBe(first.erasure_id);
    expect(second.effective_at < first.effective_at).toBe(true);
    expect(second.status_token).not.toBe(first.status_token);
    await expectProblem(await getErasure(first.status_token), "erasure_not_found", 404);
    await readStatus(await getErasure(second.status_token));
  });

  it("is one erasure for requests sent at the same time", async () => {
    const answers = await Promise.all([1, 2, 3].map(() => remove(later())));
    const tickets = await Promise.all(answers.map(readTicket));
    expect(new Set(tickets.map(({ erasure_id }) => erasure_id)).size).toBe(1);
    expect(new Set(tickets.map(({ status_token }) => status_token)).size).toBe(3);
  });

  it.runIf(hasAdminSql())("stores the token hashed only", async () => {
    const { erasure_id, status_token } = await readTicket(await remove(later()));
    const [row] = await adminSql()<{ hash: string; text: string }[]>`
      select status_token_hash as hash, to_jsonb(e)::text as text
      from private.erasures as e where erasure_id = ${erasure_id}`;
    expect(row?.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(row?.text).not.toContain(status_token);
  });
});

describe("while Supabase Auth is down", () => {
  it("after it has confirmed the password, the deletion waits for the drain", async () => {
    const user = await createUser();
    const down = depsWith({ environment: withOutage("supabase") }).auth;
    const deps = depsWith();
    const lines: Record<string, unknown>[] = [];
    const ticket = await readTicket(
      await deleteAccountWith(
        { ...deps, auth: { ...deps.auth, admin: down.admin }, log: (line) => lines.push(line) },
        user.accessToken,
        { password: user.password },
      ),
    );
    expect(ticket.state).toBe("scheduled");
    expect(lines).toContainEqual(expect.objectContaining({
      event: "account_deletion_postponed",
      erasure_id: ticket.erasure_id,
      error_code: "auth_unavailable",
    }));
    await expect.poll(() => accountExists(user.id), { timeout: 20_000, interval: 250 }).toBe(false);
  });
});

describe.runIf(canMintTokens() && hasAdminSql())("a sign-in while Supabase Auth is down", () => {
  it("a deletion is scheduled, not lost, and the drain does it", async () => {
    const user = await createUser();
    const token = await withClaims(user, { amr: [signIn("oauth", 10)] });
    const deps = depsWith({ environment: withOutage("supabase") });
    const ticket = await readTicket(await deleteAccountWith(deps, token));
    expect(ticket.state).toBe("scheduled");
    await expect.poll(() => accountExists(user.id), { timeout: 20_000, interval: 250 }).toBe(false);
    const state = async () => (await readStatus(await getErasure(ticket.status_token))).state;
    await expect.poll(state, { timeout: 20_000, interval: 250 }).toBe("provisional");
  });
});

it("a second session of the user is no way around", async () => {
  const user = await createUser();
  const second = await openSession(user.email, user.password);
  for (let n = 0; n < 5; n++) {
    await (await deleteAccount(user.accessToken, { password: `guess ${n}` })).body?.cancel();
  }
  const response = await deleteAccount(second.accessToken, { password: user.password });
  await expectProblem(response, "rate_limited", 429);
});

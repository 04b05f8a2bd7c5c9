import { beforeAll, describe, expect, it } from "vitest";
import type { Activity } from "../../../shared/audit/mod.ts";
import { createStatusToken } from "../../../shared/erasure/account/status-token.ts";
import { createApp } from "../../../supabase/functions/auth-onboarding/app.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { adminClient, createDeadSession, createUser, type TestUser } from "../../support/users.ts";
import { createIndexedVideo } from "../videos/support.ts";
import {
  accountExists,
  cancelErasure,
  deleteAccount,
  getErasure,
  inDays,
  readStatus,
  readTicket,
} from "./account-support.ts";

const schedule = async ({ accessToken, password }: TestUser, days = 3) =>
  await readTicket(await deleteAccount(accessToken, { password, effective_at: inDays(days) }));

const patience = { timeout: 30_000, interval: 250 };

const isGone = async (userId: string) => !(await accountExists(userId));

const stateOf = async (token: string) => (await readStatus(await getErasure(token))).state;

describe("GET /auth-onboarding/account/erasure", () => {
  let user: TestUser;
  beforeAll(async () => {
    user = await createUser();
  });

  it("tells the same to the user and to the holder of the status token", async () => {
    const ticket = await schedule(user);
    const byUser = await readStatus(await getErasure(user.accessToken));
    expect(await readStatus(await getErasure(ticket.status_token))).toEqual(byUser);
    expect(byUser).toEqual({
      erasure_id: ticket.erasure_id,
      state: "scheduled",
      requested_at: expect.any(String),
      effective_at: ticket.effective_at,
      provisional_at: null,
      late_sweep_at: null,
      finished_at: null,
    });
  });

  it("tells another user nothing of it", async () => {
    await schedule(user);
    const other = await createUser();
    await expectProblem(await getErasure(other.accessToken), "erasure_not_found", 404);
  });

  it("does not know a status token that nobody was given", async () => {
    await expectProblem(await getErasure(createStatusToken()), "erasure_not_found", 404);
  });

  it.each(["erasure_short", `erasure_${"!".repeat(43)}`, "not.a.token"])(
    "takes %s for an access token, and for none that is valid",
    async (token) => {
      await expectProblem(await getErasure(token), "token_invalid", 401);
    },
  );

  it("refuses a session that has ended", async () => {
    const { accessToken } = await createDeadSession();
    await expectProblem(await getErasure(accessToken), "session_revoked", 401);
  });

  it("answers 503 while the database is down", async () => {
    const app = createApp(depsWith({ environment: withOutage("database") }));
    for (const token of [createStatusToken(), user.accessToken]) {
      const request = toRequestInit({ token });
      const response = await app.request("/auth-onboarding/account/erasure", request);
      expect(response.headers.get("retry-after")).toBe("5");
      await expectProblem(response, "database_unavailable", 503);
    }
  });

  it("follows the erasure to its receipt after the account is gone", async () => {
    const leaving = await createUser();
    await createIndexedVideo(leaving);
    const { accessToken, password } = leaving;
    const ticket = await readTicket(await deleteAccount(accessToken, { password }));
    await expect.poll(() => stateOf(ticket.status_token), patience).toBe("provisional");
    const status = await readStatus(await getErasure(ticket.status_token));
    expect(status.counts?.before.tables).toMatchObject({
      "public.videos": 1,
      "public.scenes": 3,
    });
    expect(status.counts?.before.buckets["uploads"]).toMatchObject({ objects: 1 });
    expect(status.counts?.after?.tables["public.videos"]).toBe(0);
    expect(status.counts?.after?.buckets["uploads"]).toEqual({ objects: 0, bytes: 0 });
    expect(status.late_sweep_at).not.toBeNull();
    expect(status.receipt).toContain(ticket.erasure_id);
    expect(status.receipt).not.toContain(leaving.id);
  });
});

describe("DELETE /auth-onboarding/account/erasure", () => {
  it.each([
    ["by the user", ({ accessToken }: TestUser) => accessToken],
    [
      "by the status token",
      (_: TestUser, { status_token }: { status_token: string }) => status_token,
    ],
  ])("cancels %s, once and for all", async (_how, choose) => {
    const user = await createUser();
    const ticket = await schedule(user);
    for (let time = 0; time < 2; time++) {
      const cancelled = await readStatus(await cancelErasure(choose(user, ticket)));
      expect(cancelled).toMatchObject({ erasure_id: ticket.erasure_id, state: "cancelled" });
      expect(cancelled.finished_at).not.toBeNull();
    }
    expect(await stateOf(ticket.status_token)).toBe("cancelled");
    expect((await call("/me/usage", { token: user.accessToken })).status).toBe(200);
  });

  it("stands in the audit trail once, however often the holder asks for it", async () => {
    const recorded: Activity[] = [];
    const app = createApp(depsWith({ activities: { record: (one) => recorded.push(one) } }));
    const { erasure_id, status_token } = await schedule(await createUser());
    for (let time = 0; time < 2; time++) {
      const request = toRequestInit({ method: "DELETE", token: status_token });
      await readStatus(await app.request("/auth-onboarding/account/erasure", request));
    }
    const written = { type: "user.deletion_cancelled", eventId: erasure_id };
    expect(recorded).toMatchObject([written, written]);
  });

  it("makes room for another deletion", async () => {
    const user = await createUser();
    const first = await schedule(user);
    await readStatus(await cancelErasure(first.status_token));
    const second = await schedule(user);
    expect(second.erasure_id).not.toBe(first.erasure_id);
    expect(await stateOf(first.status_token)).toBe("cancelled");
    expect(await stateOf(user.accessToken)).toBe("scheduled");
    expect(await stateOf(second.status_token)).toBe("scheduled");
  });

  it("knows no erasure of a user who asked for none, nor of an unknown token", async () => {
    const { accessToken } = await createUser();
    await expectProblem(await cancelErasure(accessToken), "erasure_not_found", 404);
    await expectProblem(await cancelErasure(createStatusToken()), "erasure_not_found", 404);
  });

  it("comes too late once the account is gone", async () => {
    const { accessToken, password } = await createUser();
    const ticket = await readTicket(await deleteAccount(accessToken, { password }));
    const response = await cancelErasure(ticket.status_token);
    await expectProblem(response, "erasure_not_cancellable", 409);
  });

  it.runIf(hasAdminSql())("comes too late while the account is being deleted", async () => {
    const user = await createUser();
    const ticket = await schedule(user);
    await adminSql()`
      update private.erasures set leased_until = now() + interval '1 minute'
      where erasure_id = ${ticket.erasure_id}`;
    const response = await cancelErasure(ticket.status_token);
    await expectProblem(response, "erasure_not_cancellable", 409);
    const again = await deleteAccount(user.accessToken, {
      password: user.password,
      effective_at: inDays(20),
    });
    expect((await readTicket(again)).effective_at).toBe(ticket.effective_at);
    await adminSql()`
      update private.erasures set leased_until = null where erasure_id = ${ticket.erasure_id}`;
  });
});

describe.runIf(hasAdminSql())("a scheduled deletion", () => {
  const makeDue = (erasureId: string) =>
    adminSql()`
      update private.erasures set effective_at = now(), next_attempt_at = now()
      where erasure_id = ${erasureId}`;

  it("is done by the drain when its time has come", async () => {
    const user = await createUser();
    const ticket = await schedule(user);
    await makeDue(ticket.erasure_id);
    await expect.poll(() => isGone(user.id), patience).toBe(true);
    await expect.poll(() => stateOf(ticket.status_token), patience).toBe("provisional");
    const session = await call("/me/usage", { token: user.accessToken });
    await expectProblem(session, "session_revoked", 401);
  });

  it("is not done after it was cancelled", async () => {
    const [user, other] = await Promise.all([createUser(), createUser()]);
    const [ticket, next] = [await schedule(user), await schedule(other)];
    await readStatus(await cancelErasure(ticket.status_token));
    await makeDue(ticket.erasure_id);
    await makeDue(next.erasure_id);
    await expect.poll(() => isGone(other.id), patience).toBe(true);
    expect(await accountExists(user.id)).toBe(true);
  });

  it("is done at once when the account is deleted in another way", async () => {
    const user = await createUser();
    const ticket = await schedule(user, 20);
    const { error } = await adminClient().auth.admin.deleteUser(user.id);
    expect(error).toBeNull();
    await expect.poll(() => stateOf(ticket.status_token), patience).toBe("provisional");
  });

  it("that gave up is taken up again by the next request", async () => {
    const user = await createUser();
    const ticket = await schedule(user);
    await adminSql()`
      update private.erasures set state = 'dead', attempts = 9
      where erasure_id = ${ticket.erasure_id}`;
    const again = await schedule(user, 5);
    expect(again).toMatchObject({ erasure_id: ticket.erasure_id, state: "scheduled" });
    expect(again.effective_at > ticket.effective_at).toBe(true);
  });
});

import { beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../../supabase/functions/auth-webhook/app.ts";
import {
  type EventAnswer,
  eventAnswerSchema,
} from "../../../supabase/functions/auth-webhook/schemas.ts";
import { requestErasure, runErasure } from "../../../shared/erasure/engine.ts";
import { keyedSubject } from "../../../shared/erasure/receipts/subject.ts";
import {
  createDeadObjects,
  deleteUserSilently,
  expectNothingLeft,
  expectUntouched,
  later,
  openErasures,
  seedUser,
} from "../../shared/erasure/support.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { knowsSetting, setting } from "../../support/stack.ts";
import { createUser } from "../../support/users.ts";
import { deleted, sendEvent, toSignedRequest } from "./support.ts";

const makeSecret = () => `v1,whsec_${crypto.getRandomValues(new Uint8Array(32)).toBase64()}`;

async function createSeededUser(): Promise<string> {
  const { id } = await createUser();
  await seedUser(id);
  return id;
}

async function createDeletedUser(): Promise<string> {
  const id = await createSeededUser();
  await deleteUserSilently(id);
  return id;
}

/** The erasure goes on in the drain where the request did not bring it to its end. */
async function waitUntilErased({ erasure_id }: EventAnswer): Promise<void> {
  await expect.poll(
    async () => {
      const [row] = await adminSql()`
        select state from private.erasures where erasure_id = ${erasure_id}`;
      return row?.state;
    },
    { timeout: 20_000 },
  ).toBe("provisional");
}

async function countReceipts({ erasure_id }: EventAnswer): Promise<number> {
  return (await adminSql()`
    select from private.erasure_receipts where erasure_id = ${erasure_id}`).length;
}

async function countErasures(userId: string): Promise<number> {
  return (await adminSql()`select from private.erasures where user_id = ${userId}`).length;
}

describe.runIf(hasAdminSql() && knowsSetting("HEIMDEX_WEBHOOK_SECRETS"))(
  "POST /auth-webhook",
  () => {
    /** Deleted, so that any of the refused requests below would erase everything if it got through. */
    let target: string;

    beforeAll(async () => {
      target = await createDeletedUser();
    });

    it("erases everything of a deleted user and nothing of another", async () => {
      const userId = await createDeletedUser();
      const bystander = await createSeededUser();
      const id = `msg_${crypto.randomUUID()}`;
      const answer = eventAnswerSchema.parse(
        await expectJson(await sendEvent(deleted(userId), { id }), 200),
      );
      expect(answer).toMatchObject({ status: "ok", event_id: id, type: "user.deleted" });
      await waitUntilErased(answer);
      await expectNothingLeft(userId);
      await expectUntouched(bystander);
    });

    it("takes the body of the first integration", async () => {
      const userId = await createDeletedUser();
      const response = await sendEvent({ type: "user.deleted", user: { id: userId } });
      await waitUntilErased(eventAnswerSchema.parse(await expectJson(response, 200)));
      await expectNothingLeft(userId);
    });

    it("answers a replay of the same delivery like the first one and runs nothing", async () => {
      const userId = await createDeletedUser();
      const request = toSignedRequest(deleted(userId));
      const first = eventAnswerSchema.parse(
        await expectJson(await call("/auth-webhook", request), 200),
      );
      await waitUntilErased(first);
      const receipts = await countReceipts(first);
      expect(await expectJson(await call("/auth-webhook", request), 200)).toEqual(first);
      const signedAgain = toSignedRequest(deleted(userId), {
        id: first.event_id,
        at: new Date(Date.now() + 60_000),
      });
      expect(await expectJson(await call("/auth-webhook", signedAgain), 200)).toEqual(first);
      expect(await countReceipts(first)).toBe(receipts);
      expect(await countErasures(userId)).toBe(1);
    });

    it("answers duplicates that come at the same time alike and runs one", async () => {
      const userId = await createDeletedUser();
      const request = toSignedRequest(deleted(userId));
      const answers = await Promise.all(
        Array.from(
          { length: 6 },
          async () =>
            eventAnswerSchema.parse(await expectJson(await call("/auth-webhook", request), 200)),
        ),
      );
      const [first, ...others] = answers;
      for (const answer of others) expect(answer).toEqual(first);
      if (first) await waitUntilErased(first);
      expect(await countErasures(userId)).toBe(1);
    });

    it("joins the erasure that is under way when a second event comes", async () => {
      const userId = await createDeletedUser();
      const [first, second] = await Promise.all(
        [1, 2].map(async () =>
          eventAnswerSchema.parse(await expectJson(await sendEvent(deleted(userId)), 200))
        ),
      );
      expect(second?.erasure_id).toBe(first?.erasure_id);
      expect(await countErasures(userId)).toBe(1);
    });

    it("refuses a webhook-id that was used for somebody else", async () => {
      const [first, second] = [await createDeletedUser(), await createDeletedUser()];
      const id = `msg_${crypto.randomUUID()}`;
      await expectJson(await sendEvent(deleted(first), { id }), 200);
      await expectProblem(await sendEvent(deleted(second), { id }), "idempotency_conflict", 409);
      await expectProblem(
        await sendEvent({ type: "user.updated", data: { user_id: first } }, { id }),
        "idempotency_conflict",
        409,
      );
      await expectUntouched(second);
    });

    it("forgets a refused request, so that the sender's retry runs", async () => {
      const userId = await createSeededUser();
      const id = `msg_${crypto.randomUUID()}`;
      await expectProblem(await sendEvent(deleted(userId), { id }), "user_still_exists", 409);
      await expectUntouched(userId);
      await deleteUserSilently(userId);
      const answer = eventAnswerSchema.parse(
        await expectJson(await sendEvent(deleted(userId), { id }), 200),
      );
      await waitUntilErased(answer);
      await expectNothingLeft(userId);
    });

    it("takes over a delivery whose process has ended", async () => {
      const userId = await createDeletedUser();
      const id = `msg_${crypto.randomUUID()}`;
      const subject = await keyedSubject(setting("HEIMDEX_PSEUDONYM_KEY"), "user", userId);
      await adminSql()`
        insert into private.webhook_deliveries (webhook_id, type, subject, lease_id, leased_until)
        values (${id}, 'user.deleted', ${subject}, gen_random_uuid(), now() - interval '1 second')`;
      const answer = await expectJson(await sendEvent(deleted(userId), { id }), 200);
      await waitUntilErased(eventAnswerSchema.parse(answer));
    });

    it("answers with the last erasure once the user is erased for good", async () => {
      const userId = await createDeletedUser();
      const erasures = openErasures();
      try {
        const asked = { kind: "user", userId, origin: "reapply" } as const;
        const { erasureId } = await requestErasure(erasures, asked);
        await runErasure(erasures, erasureId, later(erasures));
        erasures.moveClock(erasures.lateSweepSeconds + 60);
        expect(await runErasure(erasures, erasureId, later(erasures)))
          .toMatchObject({ state: "final" });
        expect(await expectJson(await sendEvent(deleted(userId)), 200))
          .toMatchObject({ erasure_id: erasureId, state: "final" });
      } finally {
        await erasures.close();
      }
    });

    it("writes one audit entry for user.updated, with the changed keys, and onboarded once", async () => {
      const { id: userId } = await createUser();
      const data = {
        user_id: userId,
        changed: ["user_metadata.industry", "user_metadata.onboarding_completed"],
        onboarded: true,
      };
      const request = toSignedRequest({ type: "user.updated", data });
      for (let i = 0; i < 3; i++) {
        expect(await expectJson(await call("/auth-webhook", request), 200))
          .toMatchObject({ status: "ok", type: "user.updated", erasure_id: null, state: null });
      }
      await expectJson(await sendEvent({ type: "user.updated", data }), 200);
      const audits = await adminSql()`
        select metadata -> 'changed' as changed from public.audit_events
        where user_id = ${userId} and event_type = 'user.updated'
          and metadata ->> 'webhook_id' = ${request.headers?.["webhook-id"] ?? ""}`;
      expect([...audits]).toEqual([{ changed: data.changed }]);
      const onboarded = await adminSql()`
        select from public.user_analytics where user_id = ${userId} and event_type = 'onboarded'`;
      expect(onboarded).toHaveLength(1);
    });

    it("writes nothing for user.updated of a user who is gone", async () => {
      const userId = await createDeletedUser();
      const event = { type: "user.updated", data: { user_id: userId, onboarded: true } };
      const id = `msg_${crypto.randomUUID()}`;
      await expectProblem(await sendEvent(event, { id }), "user_not_found", 404);
      await expectProblem(
        await sendEvent({ type: "user.updated", user: { id: crypto.randomUUID() } }),
        "user_not_found",
        404,
      );
      const rows = await adminSql()`
        select from public.audit_events
        where user_id = ${userId} and metadata ->> 'webhook_id' = ${id}`;
      expect(rows).toHaveLength(0);
    });

    it("takes a list of signatures during a rotation", async () => {
      const userId = await createDeletedUser();
      const id = `msg_${crypto.randomUUID()}`;
      const old = toSignedRequest(deleted(userId), { secret: makeSecret(), id });
      const current = toSignedRequest(deleted(userId), { id });
      const list = [old, current].map((request) => request.headers?.["webhook-signature"]);
      const headers = { ...current.headers, "webhook-signature": list.join(", ") };
      await expectJson(await call("/auth-webhook", { ...current, headers }), 200);
    });

    it("takes either of two secrets while they rotate", async () => {
      const [old, current] = [makeSecret(), makeSecret()];
      const deps = depsWith({ environment: { HEIMDEX_WEBHOOK_SECRETS: `${current}|${old}` } });
      const app = createApp(deps);
      for (const secret of [old, current]) {
        const request = toSignedRequest(deleted(await createDeletedUser()), { secret });
        await expectJson(await app.request("/auth-webhook", toRequestInit(request)), 200);
      }
      const stranger = toSignedRequest(deleted(target), { secret: makeSecret() });
      const refused = await app.request("/auth-webhook", toRequestInit(stranger));
      await expectProblem(refused, "signature_invalid", 401);
      await deps.database.close();
    });

    it("refuses a user who still exists and erases nothing", async () => {
      const userId = await createSeededUser();
      await expectProblem(await sendEvent(deleted(userId)), "user_still_exists", 409);
      await expectUntouched(userId);
    });

    it("answers 404 for a user nobody ever heard of", async () => {
      const response = await sendEvent(deleted(crypto.randomUUID()));
      await expectProblem(response, "user_not_found", 404);
    });

    describe("refuses, with nothing erased,", () => {
      it.each(["webhook-id", "webhook-timestamp", "webhook-signature"])(
        "a request without %s",
        async (name) => {
          const response = await sendEvent(deleted(target), { headers: { [name]: undefined } });
          await expectProblem(response, "signature_invalid", 401);
          await expectUntouched(target);
        },
      );

      it("a webhook-id that is too long or not printable", async () => {
        for (const id of ["x".repeat(256), "msg with blanks"]) {
          await expectProblem(await sendEvent(deleted(target), { id }), "signature_invalid", 401);
        }
        await expectUntouched(target);
      });

      it("a request signed with another secret", async () => {
        const response = await sendEvent(deleted(target), { secret: makeSecret() });
        await expectProblem(response, "signature_invalid", 401);
        await expectUntouched(target);
      });

      it("a body that was changed after signing", async () => {
        const request = toSignedRequest(deleted(crypto.randomUUID()));
        const body = JSON.stringify(deleted(target));
        const response = await call("/auth-webhook", { ...request, body });
        await expectProblem(response, "signature_invalid", 401);
        await expectUntouched(target);
      });

      it("a delivery from before the last five minutes, and one from the future", async () => {
        for (const minutes of [-6, 6]) {
          const at = new Date(Date.now() + minutes * 60_000);
          await expectProblem(await sendEvent(deleted(target), { at }), "signature_expired", 401);
        }
        await expectUntouched(target);
      });

      it("a bearer token in place of a signature", async () => {
        const { accessToken } = await createUser();
        const response = await call("/auth-webhook", { token: accessToken, json: deleted(target) });
        await expectProblem(response, "signature_invalid", 401);
      });

      it.each([
        ["no JSON", "user.deleted", "invalid_json", 400],
        ["half a document", '{"type":"user.deleted",', "invalid_json", 400],
        ["an empty body", "", "invalid_json", 400],
        ["null", "null", "validation_failed", 422],
        ["a list", "[]", "validation_failed", 422],
        [
          "no type",
          '{"data":{"user_id":"7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a"}}',
          "validation_failed",
          422,
        ],
        ["no user", '{"type":"user.deleted"}', "validation_failed", 422],
        [
          "a value among the changed keys",
          '{"type":"user.updated","data":{"user_id":"7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a",' +
          '"changed":["ann@example.test"]}}',
          "validation_failed",
          422,
        ],
        [
          "a user id that is none",
          '{"type":"user.deleted","user":{"id":"*"}}',
          "validation_failed",
          422,
        ],
      ])("a signed body with %s", async (_name, text, code, status) => {
        await expectProblem(await sendEvent(undefined, { text }), code, status);
      });

      it("a signed event of a type that does not exist", async () => {
        const event = { type: "user.created", data: { user_id: target } };
        await expectProblem(await sendEvent(event), "event_unknown", 422);
        await expectUntouched(target);
      });

      it("a body of 200 KB and more, signed or not", async () => {
        const event = { ...deleted(target), padding: "x".repeat(200_000) };
        await expectProblem(await sendEvent(event), "payload_too_large", 413);
        const unsigned = await call("/auth-webhook", { json: event });
        await expectProblem(unsigned, "payload_too_large", 413);
        await expectUntouched(target);
      });
    });

    it("answers that the erasure runs while Storage is away; it goes on by itself", async () => {
      const userId = await createDeletedUser();
      // A clock of its own: the stack's drain finds the job due only when Storage is back.
      const at = new Date(Date.now() + 86_400_000);
      const deps = depsWith({ log: () => {}, now: () => at });
      const app = createApp({ ...deps, objects: createDeadObjects() });
      const request = toSignedRequest(deleted(userId), { at });
      const response = await app.request("/auth-webhook", toRequestInit(request));
      const answer = eventAnswerSchema.parse(await expectJson(response, 200));
      expect(answer.state).toBe("running");
      const erasures = openErasures();
      erasures.moveClock(3600);
      await runErasure(erasures, answer.erasure_id ?? "", later(erasures));
      await erasures.close();
      await expectNothingLeft(userId);
      await deps.database.close();
    });

    it("answers 503 while the database is away", async () => {
      const deps = depsWith({ environment: withOutage("database"), log: () => {} });
      const response = await createApp(deps).request(
        "/auth-webhook",
        toRequestInit(toSignedRequest(deleted(target))),
      );
      await expectProblem(response, "database_unavailable", 503);
      await deps.database.close();
    });

    it("answers 500 without a word of why where no secret is configured", async () => {
      const lines: Record<string, unknown>[] = [];
      const deps = depsWith({
        environment: { HEIMDEX_WEBHOOK_SECRETS: undefined },
        log: (line) => lines.push(line),
      });
      const response = await createApp(deps).request(
        "/auth-webhook",
        toRequestInit(toSignedRequest(deleted(target))),
      );
      const problem = await expectProblem(response, "internal_error", 500);
      expect(JSON.stringify(problem)).not.toContain("HEIMDEX");
      expect(JSON.stringify(lines)).toContain("HEIMDEX_WEBHOOK_SECRETS is not set");
    });

    it("answers 405 for other methods", async () => {
      await expectProblem(await call("/auth-webhook"), "method_not_allowed", 405);
    });
  },
);

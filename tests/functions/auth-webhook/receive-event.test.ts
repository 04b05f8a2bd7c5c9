import { beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../../supabase/functions/auth-webhook/app.ts";
import { eventReceiptSchema } from "../../../supabase/functions/auth-webhook/schemas.ts";
import {
  createDeadObjects,
  deleteUserSilently,
  expectNothingLeft,
  expectUntouched,
  seedUser,
} from "../../shared/erasure/support.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { hasAdminSql } from "../../support/sql.ts";
import { knowsSetting } from "../../support/stack.ts";
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
      const response = await sendEvent(deleted(userId), { id: "msg_1" });
      expect(eventReceiptSchema.parse(await expectJson(response, 200))).toEqual({
        event_id: "msg_1",
        type: "user.deleted",
        user_id: userId,
        outcome: "erased",
      });
      await expectNothingLeft(userId);
      await expectUntouched(bystander);
    });

    it("takes the body of the first integration", async () => {
      const userId = await createDeletedUser();
      const response = await sendEvent({ type: "user.deleted", user: { id: userId } });
      expect(await expectJson(response, 200)).toMatchObject({ user_id: userId, outcome: "erased" });
      await expectNothingLeft(userId);
    });

    it("answers a replay of the same delivery like the first one", async () => {
      const userId = await createDeletedUser();
      const request = toSignedRequest(deleted(userId));
      const first = await expectJson(await call("/auth-webhook", request), 200);
      expect(await expectJson(await call("/auth-webhook", request), 200)).toEqual(first);
      await expectNothingLeft(userId);
    });

    it("acknowledges user.updated and changes nothing", async () => {
      const userId = await createSeededUser();
      const response = await sendEvent({ type: "user.updated", data: { user_id: userId } });
      expect(await expectJson(response, 200)).toMatchObject({ outcome: "acknowledged" });
      await expectUntouched(userId);
    });

    it("takes a list of signatures during a rotation", async () => {
      const userId = await createDeletedUser();
      const old = toSignedRequest(deleted(userId), { secret: makeSecret(), id: "msg_r" });
      const current = toSignedRequest(deleted(userId), { id: "msg_r" });
      const list = [old, current].map((request) => request.headers?.["webhook-signature"]);
      const headers = { ...current.headers, "webhook-signature": list.join(", ") };
      await expectJson(await call("/auth-webhook", { ...current, headers }), 200);
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

      it("a body of 201 KB, signed or not", async () => {
        const event = { ...deleted(target), padding: "x".repeat(201_000) };
        await expectProblem(await sendEvent(event), "payload_too_large", 413);
        const unsigned = await call("/auth-webhook", { json: event });
        await expectProblem(unsigned, "payload_too_large", 413);
        await expectUntouched(target);
      });
    });

    it("answers 503 while Storage is away and completes on the next delivery", async () => {
      const userId = await createDeletedUser();
      const request = toSignedRequest(deleted(userId));
      const deps = depsWith({ log: () => {} });
      const app = createApp({ ...deps, objects: createDeadObjects() });
      const response = await app.request("/auth-webhook", toRequestInit(request));
      await expectProblem(response, "storage_unavailable", 503);
      expect(response.headers.get("retry-after")).toBeTruthy();
      await expectJson(await call("/auth-webhook", request), 200);
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

import { describe, expect, it } from "vitest";
import { AppError } from "../../../shared/errors/app-error.ts";
import { eventBodySchema, toUserEvent } from "../../../shared/events/schemas.ts";

const userId = "7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a";
const parse = (body: unknown) => toUserEvent("msg_1", eventBodySchema.parse(body));

describe("eventBodySchema and toUserEvent", () => {
  it("read the canonical form", () => {
    const body = {
      type: "user.deleted",
      timestamp: "2026-03-04T05:06:07Z",
      data: { user_id: userId },
    };
    expect(parse(body)).toEqual({
      id: "msg_1",
      type: "user.deleted",
      userId,
      changed: [],
      onboarded: false,
    });
  });

  it("read the form of the first integration", () => {
    expect(parse({ type: "user.updated", user: { id: userId, email: "a@example.test" } }))
      .toEqual({ id: "msg_1", type: "user.updated", userId, changed: [], onboarded: false });
  });

  it("read which keys changed", () => {
    const data = { user_id: userId, changed: ["email", "user_metadata.industry"], onboarded: true };
    expect(parse({ type: "user.updated", data })).toMatchObject({
      changed: ["email", "user_metadata.industry"],
      onboarded: true,
    });
  });

  it("write the user id in lower case", () => {
    expect(parse({ type: "user.deleted", data: { user_id: userId.toUpperCase() } }).userId)
      .toBe(userId);
  });

  it("call a well-formed event of another type event_unknown", () => {
    const body = eventBodySchema.parse({ type: "user.created", data: { user_id: userId } });
    expect(() => toUserEvent("msg_1", body)).toThrow(AppError);
    expect(() => toUserEvent("msg_1", body)).toThrow(
      expect.objectContaining({ code: "event_unknown" }),
    );
  });

  it.each([
    ["nothing", undefined],
    ["a list", []],
    ["no type", { data: { user_id: userId } }],
    ["an empty type", { type: "", data: { user_id: userId } }],
    ["a type that is no text", { type: 7, data: { user_id: userId } }],
    ["no user", { type: "user.deleted" }],
    ["a user id that is no UUID", { type: "user.deleted", data: { user_id: "all" } }],
    ["a user id with a wildcard", { type: "user.deleted", user: { id: "%" } }],
    ["two users", { type: "user.deleted", data: { user_id: userId }, user: { id: userId } }],
    ["a value in place of a changed key", {
      type: "user.updated",
      data: { user_id: userId, changed: ["ann@example.test"] },
    }],
    ["51 changed keys", {
      type: "user.updated",
      data: { user_id: userId, changed: Array.from({ length: 51 }, () => "email") },
    }],
    ["a timestamp that is none", {
      type: "user.deleted",
      timestamp: "now",
      data: { user_id: userId },
    }],
  ])("refuse %s", (_name, body) => {
    expect(eventBodySchema.safeParse(body).success).toBe(false);
  });
});

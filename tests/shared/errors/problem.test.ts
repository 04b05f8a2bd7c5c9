import { describe, expect, it } from "vitest";
import { AppError } from "../../../shared/errors/app-error.ts";
import { type ErrorCode, errorStatus, errorTitle } from "../../../shared/errors/codes.ts";
import { toProblem } from "../../../shared/errors/problem.ts";
import { problemSchema } from "../../../shared/http/schemas.ts";

const codes = Object.keys(errorStatus) as ErrorCode[];

describe("toProblem()", () => {
  it.each(codes)("renders %s as a problem document with the status of its code", (code) => {
    const { status, headers, body } = toProblem(new AppError(code), "r-1");
    expect(problemSchema.parse(body)).toEqual(body);
    expect([status, body.status, body.title]).toEqual([
      errorStatus[code],
      errorStatus[code],
      errorTitle[code],
    ]);
    expect(headers["content-type"]).toBe("application/problem+json");
    expect("www-authenticate" in headers).toBe(status === 401);
    expect("retry-after" in headers).toBe(status === 503 || status === 429);
  });

  it("keeps detail, field errors and headers of an AppError", () => {
    const errors = [{ path: "title", message: "Expected text" }];
    const error = new AppError("validation_failed", "The body is not valid, check title", {
      errors,
      headers: { "x-extra": "1" },
    });
    const { headers, body } = toProblem(error, "r-2");
    expect(body).toMatchObject({
      detail: "The body is not valid, check title",
      errors,
      request_id: "r-2",
    });
    expect(headers["x-extra"]).toBe("1");
  });

  it("tells nothing of an unknown error", () => {
    const { status, body } = toProblem(new Error("password=hunter2 at db.internal"), "r-3");
    expect(status).toBe(500);
    expect(body.code).toBe("internal_error");
    expect(JSON.stringify(body)).not.toMatch(/hunter2|db\.internal/);
  });

  it("names the error of a bad token in WWW-Authenticate and none for an absent one", () => {
    const challenge = (code: ErrorCode) =>
      toProblem(new AppError(code, 'Say "again"'), "r").headers["www-authenticate"];
    expect(challenge("token_missing")).toBe('Bearer realm="heimdex"');
    expect(challenge("token_expired")).toBe(
      `Bearer realm="heimdex", error="invalid_token", error_description="Say 'again'"`,
    );
  });

  it("lets an upload be retried when the UTC day is over", () => {
    const now = new Date("2026-11-22T23:58:30.000Z");
    const { headers } = toProblem(new AppError("upload_quota_exceeded"), "r", now);
    expect(headers["retry-after"]).toBe("90");
  });
});

describe("errorTitle", () => {
  it("is a sentence without full stop and without contraction", () => {
    for (const title of Object.values(errorTitle)) {
      expect(title).toMatch(/^[A-Z].*[^.]$/);
      expect(title).not.toContain("'");
    }
  });
});

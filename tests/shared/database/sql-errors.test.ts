import { describe, expect, it } from "vitest";
import { isPooler } from "../../../shared/database/connection.ts";
import { toDatabaseError } from "../../../shared/database/sql-errors.ts";
import { AppError } from "../../../shared/errors/app-error.ts";

function failure(code: string, message = "text of the driver", detail?: string): Error {
  return Object.assign(new Error(message), { code, detail });
}

describe("toDatabaseError()", () => {
  it("keeps code and detail of a refusal of our functions", () => {
    expect(toDatabaseError(failure("HD000", "video_not_found", "The video is gone"))).toMatchObject(
      { name: "AppError", code: "video_not_found", status: 404, detail: "The video is gone" },
    );
  });

  it("trusts no unknown code", () => {
    const error = failure("HD000", "drop_everything");
    expect(toDatabaseError(error)).toBe(error);
  });

  it.each([
    "08006",
    "57P01",
    "57P03",
    "53300",
    "57014",
    "40001",
    "40P01",
    "55P03",
    "ECONNREFUSED",
    "ECONNRESET",
    "CONNECT_TIMEOUT",
    "CONNECTION_CLOSED",
    "CONNECTION_ENDED",
    "ENOTFOUND",
  ])("calls %s an outage", (code) => {
    const error = toDatabaseError(failure(code));
    expect(error).toMatchObject({ code: "database_unavailable", status: 503 });
    expect((error as AppError).detail).not.toContain("driver");
  });

  it.each(["23505", "42501", "42P01", "22P02"])("leaves %s an internal error", (code) => {
    const error = failure(code);
    expect(toDatabaseError(error)).toBe(error);
  });

  it("passes an AppError and what is no error", () => {
    const error = new AppError("forbidden");
    expect(toDatabaseError(error)).toBe(error);
    expect(toDatabaseError("text")).toBe("text");
  });
});

describe("isPooler()", () => {
  it.each([
    ["postgresql://postgres.ref:pw@aws-0-eu-central-1.pooler.supabase.com:6543/postgres", true],
    ["postgresql://postgres.ref:pw@aws-0-eu-central-1.pooler.supabase.com:5432/postgres", true],
    ["postgresql://postgres:pw@db.ref.supabase.co:6543/postgres", true],
    ["postgresql://postgres:pw@db.internal:5432/postgres?pgbouncer=true", true],
    ["postgresql://postgres:pw@db.ref.supabase.co:5432/postgres", false],
    ["postgresql://postgres:pw@127.0.0.1:54322/postgres", false],
  ])("tells for %s: %s", (url, expected) => {
    expect(isPooler(url)).toBe(expected);
  });
});

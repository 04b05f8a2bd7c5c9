import { afterEach, describe, expect, it, vi } from "vitest";
import { readEnv } from "../../../shared/env.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { createDeps, describeError } from "../../../shared/http/deps.ts";

const env = readEnv({
  SUPABASE_URL: "http://127.0.0.1:2",
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
  SUPABASE_DB_URL: "postgresql://127.0.0.1:2/postgres",
});

afterEach(() => {
  vi.restoreAllMocks();
  Reflect.deleteProperty(globalThis, "EdgeRuntime");
});

describe("createDeps()", () => {
  it("connects to nothing before its first use", () => {
    expect(() => createDeps(env)).not.toThrow();
  });

  it("tells the hosted runtime of work that outlives the answer", () => {
    const kept: Promise<unknown>[] = [];
    Reflect.set(globalThis, "EdgeRuntime", {
      waitUntil: (work: Promise<unknown>) => kept.push(work),
    });
    createDeps(env).waitUntil(Promise.resolve(1));
    expect(kept).toHaveLength(1);
  });

  it("logs background work that failed and lets nothing escape", async () => {
    const print = vi.spyOn(console, "log").mockImplementation(() => {});
    createDeps(env).waitUntil(Promise.reject(new Error("the audit row is lost")));
    await vi.waitFor(() => expect(print).toHaveBeenCalledOnce(), 10_000);
    expect(JSON.parse(String(print.mock.calls[0]?.[0]))).toEqual({
      level: "error",
      event: "background_work_failed",
      error_name: "Error",
      error_message: "the audit row is lost",
    });
  });
});

describe("describeError()", () => {
  it("follows causes and keeps codes", () => {
    const cause = Object.assign(new Error("connect refused"), { code: "ECONNREFUSED" });
    expect(describeError(new AppError("database_unavailable", "Try again", { cause }))).toEqual({
      error_name: "AppError",
      error_code: "database_unavailable",
      error_message: "Try again",
      error_cause: {
        error_name: "Error",
        error_code: "ECONNREFUSED",
        error_message: "connect refused",
      },
    });
  });

  it("leaves out messages in which PostgreSQL quotes the caller's input", () => {
    const error = Object.assign(new Error('invalid input syntax for type uuid: "geheim"'), {
      code: "22P02",
    });
    expect(JSON.stringify(describeError(error))).not.toContain("geheim");
  });

  it("says only the type of what is no error", () => {
    expect(describeError("geheim")).toEqual({ error_name: "string" });
  });
});

import {
  AuthApiError,
  AuthRetryableFetchError,
  AuthWeakPasswordError,
} from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuthClients, toAuthFailure } from "../../../shared/auth/clients.ts";
import { readEnv } from "../../../shared/env.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { deadPort } from "../../support/app.ts";

function clientsAt(port: number) {
  return createAuthClients(readEnv({
    SUPABASE_URL: `http://127.0.0.1:${port}`,
    SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
    SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
    SUPABASE_DB_URL: "postgresql://localhost/postgres",
  }));
}

async function failureOf(call: Promise<unknown>): Promise<AppError> {
  const error = await call.then(() => null, (error) => error);
  if (error instanceof AppError) return error;
  throw error ?? new Error("The call did not fail");
}

describe("toAuthFailure()", () => {
  it.each([
    ["invalid_credentials", 400, "invalid_credentials"],
    ["email_not_confirmed", 400, "email_not_confirmed"],
    ["user_banned", 400, "user_banned"],
    ["same_password", 422, "same_password"],
    ["refresh_token_not_found", 400, "refresh_token_invalid"],
    ["refresh_token_already_used", 400, "refresh_token_invalid"],
    ["otp_expired", 403, "code_invalid"],
    ["user_not_found", 403, "session_revoked"],
    ["session_not_found", 403, "session_revoked"],
    ["bad_jwt", 403, "token_invalid"],
    ["over_request_rate_limit", 429, "rate_limited"],
    ["over_email_send_rate_limit", 429, "rate_limited"],
    ["conflict", 409, "auth_unavailable"],
    ["unexpected_failure", 500, "auth_unavailable"],
    ["a_code_of_tomorrow", 400, "internal_error"],
  ])("maps %s (%i) to %s", (code, status, expected) => {
    expect(toAuthFailure(new AuthApiError("text of the server", status, code)).code).toBe(expected);
  });

  it("never hands on the text of the server", () => {
    for (const code of ["validation_failed", "unknown", "bad_jwt", "user_banned"]) {
      const { detail } = toAuthFailure(new AuthApiError("text of the server", 400, code));
      expect(detail).not.toContain("text of the server");
    }
  });

  it("names the password field and the reasons", () => {
    const error = new AuthWeakPasswordError("weak", 422, ["length", "pwned"]);
    expect(toAuthFailure(error)).toMatchObject({
      code: "weak_password",
      errors: [
        { path: "password", message: "The password is too short" },
        { path: "password", message: "The password is known from a data leak" },
      ],
    });
  });

  it("calls an unreachable server an outage", () => {
    expect(toAuthFailure(new AuthRetryableFetchError("{}", 0)).code).toBe("auth_unavailable");
  });
});

describe("createAuthClients()", () => {
  let answer = new Response();
  let server: Deno.HttpServer<Deno.NetAddr>;
  beforeAll(() => {
    server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => answer);
  });
  afterAll(() => server.shutdown());

  it.each([
    ["a proxy's HTML", () => new Response("<html>", { status: 502 })],
    ["HTML with 200", () => new Response("<html>", { status: 200 })],
    ["a 500", () => Response.json({ code: "unexpected_failure" }, { status: 500 })],
    ["a session without user", () => Response.json({ access_token: "a", refresh_token: "b" })],
  ])("answers auth_unavailable to %s", async (_name, respond) => {
    answer = respond();
    const failure = await failureOf(clientsAt(server.addr.port).refresh("token"));
    expect(failure).toMatchObject({ code: "auth_unavailable", status: 503 });
  });

  it("answers auth_unavailable at once when nobody listens", async () => {
    const started = performance.now();
    const clients = clientsAt(deadPort);
    expect((await failureOf(clients.refresh("token"))).code).toBe("auth_unavailable");
    expect((await failureOf(clients.asCaller("t").getUser())).code).toBe("auth_unavailable");
    expect(performance.now() - started).toBeLessThan(3000);
  });

  it("reads both error formats of Supabase Auth", async () => {
    answer = Response.json({ code: 403, error_code: "session_not_found" }, { status: 403 });
    const clients = clientsAt(server.addr.port);
    expect((await failureOf(clients.asCaller("t").getUser())).code).toBe("session_revoked");
    answer = Response.json({ code: "session_not_found" }, { status: 403 });
    expect((await failureOf(clients.asCaller("t").getUser())).code).toBe("session_revoked");
  });

  it("makes a new anonymous client each time and one admin client", async () => {
    const clients = clientsAt(deadPort);
    expect(await clients.anonymous()).not.toBe(await clients.anonymous());
    expect(await clients.admin()).toBe(await clients.admin());
  });
});

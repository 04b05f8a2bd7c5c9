import { describe, expect, it } from "vitest";
import { EnvError, readEnv, requireSetting } from "../../shared/env.ts";

const complete = {
  SUPABASE_URL: "https://abc.supabase.co/",
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
  SUPABASE_DB_URL: "postgresql://postgres:pw@db.abc.supabase.co:5432/postgres",
};

function problemsOf(source: Record<string, string | undefined>): string[] {
  try {
    readEnv(source);
  } catch (error) {
    if (error instanceof EnvError) return error.problems;
    throw error;
  }
  return [];
}

describe("readEnv()", () => {
  it("reads what the platform injects and derives the rest", () => {
    expect(readEnv(complete)).toEqual({
      supabaseUrl: "https://abc.supabase.co",
      publishableKey: "sb_publishable_x",
      secretKey: "sb_secret_x",
      databaseUrl: complete.SUPABASE_DB_URL,
      jwtIssuer: "https://abc.supabase.co/auth/v1",
      publicUrl: "https://abc.supabase.co",
      allowedOrigins: [],
      faceEnrollment: false,
      webhookSecrets: [],
      workerKeys: [],
      forwardClientIp: false,
      lateSweepSeconds: 7500,
      erasuresPerHour: 100,
      eventAttempts: 12,
      analyticsDays: 90,
      auditAddressDays: 90,
      answerMs: 1000,
    });
  });

  it("reads lists, flags and the settings of its own", () => {
    const secret = `v1,whsec_${"a".repeat(32)}`;
    expect(readEnv({
      ...complete,
      SUPABASE_JWKS: '{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"b"}]}',
      DATABASE_URL: "postgres://pooler:6543/postgres",
      HEIMDEX_JWT_ISSUER: "https://auth.example.com/auth/v1",
      HEIMDEX_PUBLIC_URL: "https://api.example.com/",
      HEIMDEX_ALLOWED_ORIGINS: "https://a.test, http://localhost:3000",
      HEIMDEX_FACE_ENROLLMENT: "true",
      HEIMDEX_WEBHOOK_SECRETS: `${secret}|${secret}`,
      HEIMDEX_LATE_SWEEP_SECONDS: "60",
    })).toMatchObject({
      jwks: { keys: [{ kty: "EC" }] },
      databaseUrl: "postgres://pooler:6543/postgres",
      jwtIssuer: "https://auth.example.com/auth/v1",
      publicUrl: "https://api.example.com",
      allowedOrigins: ["https://a.test", "http://localhost:3000"],
      faceEnrollment: true,
      webhookSecrets: [secret, secret],
      lateSweepSeconds: 60,
    });
  });

  it("takes the singular and the legacy key names where the plural is absent", () => {
    const { SUPABASE_PUBLISHABLE_KEYS: _1, SUPABASE_SECRET_KEYS: _2, ...rest } = complete;
    const env = readEnv({ ...rest, SUPABASE_ANON_KEY: "anon", SUPABASE_SECRET_KEY: "sb_secret_y" });
    expect([env.publishableKey, env.secretKey]).toEqual(["anon", "sb_secret_y"]);
  });

  it("forwards the caller's address only where a header tells it", () => {
    expect(problemsOf({ ...complete, HEIMDEX_FORWARD_CLIENT_IP: "true" })).toEqual([
      "HEIMDEX_CLIENT_IP_HEADER is not set, HEIMDEX_FORWARD_CLIENT_IP needs it",
    ]);
    const { forwardClientIp, clientIpHeader } = readEnv({
      ...complete,
      HEIMDEX_FORWARD_CLIENT_IP: "true",
      HEIMDEX_CLIENT_IP_HEADER: "cf-connecting-ip",
    });
    expect({ forwardClientIp, clientIpHeader }).toEqual({
      forwardClientIp: true,
      clientIpHeader: "cf-connecting-ip",
    });
  });

  it("names every missing variable in a sentence of its own", () => {
    expect(problemsOf({ SUPABASE_URL: " " })).toEqual([
      "SUPABASE_URL is not set",
      "SUPABASE_PUBLISHABLE_KEYS is not set",
      "SUPABASE_SECRET_KEYS is not set",
      "DATABASE_URL and SUPABASE_DB_URL are not set, set one of them",
    ]);
  });

  it.each([
    ["SUPABASE_URL", "ftp://abc", "SUPABASE_URL must be an http or https address"],
    ["SUPABASE_SECRET_KEYS", "sb_secret_bare", "SUPABASE_SECRET_KEYS must be a JSON object with"],
    ["SUPABASE_SECRET_KEYS", '{"other":"x"}', "SUPABASE_SECRET_KEYS must be a JSON object with"],
    ["SUPABASE_JWKS", "[]", "SUPABASE_JWKS must be a JSON Web Key Set"],
    ["DATABASE_URL", "mysql://db", "DATABASE_URL must be a PostgreSQL address"],
    [
      "DATABASE_URL",
      "postgresql://postgres:pa#ss@db.test:5432/postgres",
      "with special characters of the password percent-encoded",
    ],
    ["HEIMDEX_FACE_ENROLLMENT", "yes", 'HEIMDEX_FACE_ENROLLMENT must be "true" or "false"'],
    [
      "HEIMDEX_FORWARD_CLIENT_IP",
      "1",
      'HEIMDEX_FORWARD_CLIENT_IP must be "true" or "false"',
    ],
    ["HEIMDEX_CLIENT_IP_HEADER", "x real ip", "HEIMDEX_CLIENT_IP_HEADER must be a header name"],
    ["HEIMDEX_CURSOR_KEY", "short", "HEIMDEX_CURSOR_KEY must have at least 16 characters"],
    ["HEIMDEX_WEBHOOK_SECRETS", "whsec_plain", "HEIMDEX_WEBHOOK_SECRETS must list secrets"],
    [
      "HEIMDEX_WEBHOOK_SECRETS",
      `v1,whsec_${"a=".repeat(16)}`,
      "HEIMDEX_WEBHOOK_SECRETS must list secrets",
    ],
    ["HEIMDEX_ALLOWED_ORIGINS", "https://a.test/path", "HEIMDEX_ALLOWED_ORIGINS must list origins"],
    [
      "HEIMDEX_EMBEDDER_URL",
      "gte-small",
      "HEIMDEX_EMBEDDER_URL must be the address of an embeddings",
    ],
    ["HEIMDEX_ERASURES_PER_HOUR", "many", "HEIMDEX_ERASURES_PER_HOUR must be a whole number"],
    ["HEIMDEX_EVENT_ATTEMPTS", "1001", "HEIMDEX_EVENT_ATTEMPTS must be from 1 to 1000"],
    ["HEIMDEX_ANALYTICS_DAYS", "3651", "HEIMDEX_ANALYTICS_DAYS must be from 1 to 3650"],
    ["HEIMDEX_AUDIT_ADDRESS_DAYS", "29", "HEIMDEX_AUDIT_ADDRESS_DAYS must be from 30 to 3650"],
    ["HEIMDEX_ANSWER_MS", "49", "HEIMDEX_ANSWER_MS must be from 50 to 10000"],
  ])("refuses a malformed %s and never falls back or echoes it", (name, value, sentence) => {
    const problems = problemsOf({ ...complete, [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(sentence);
    expect(problems[0]).not.toContain(value);
  });
});

describe("HEIMDEX_WORKER_KEYS", () => {
  it("may not hold the secret key of the project", () => {
    const settings = { ...complete, SUPABASE_SECRET_KEYS: '{"default":"sb_secret_0123456789"}' };
    const HEIMDEX_WORKER_KEYS = "0123456789abcdef,sb_secret_0123456789";
    expect(problemsOf({ ...settings, HEIMDEX_WORKER_KEYS })).toEqual([
      "HEIMDEX_WORKER_KEYS must not hold the secret key of the project",
    ]);
    const { workerKeys } = readEnv({ ...settings, HEIMDEX_WORKER_KEYS: "0123456789abcdef" });
    expect(workerKeys).toEqual(["0123456789abcdef"]);
  });
});

describe("requireSetting()", () => {
  it("names the variable of an absent setting", () => {
    expect(() => requireSetting(readEnv(complete), "cursorKey")).toThrow(
      "HEIMDEX_CURSOR_KEY is not set",
    );
  });

  it("answers a present one", () => {
    const env = readEnv({ ...complete, HEIMDEX_CURSOR_KEY: "0123456789abcdef" });
    expect(requireSetting(env, "cursorKey")).toBe("0123456789abcdef");
  });
});

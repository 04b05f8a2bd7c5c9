import { beforeAll, describe, expect, it } from "vitest";
import { createApps } from "../../support/apps.ts";
import { depsWith } from "../../support/app.ts";
import type { App } from "../../../shared/http/base-app.ts";
import { createAnswerHeaders } from "../../../shared/http/answer-headers.ts";

const required = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "access-control-expose-headers": expect.stringContaining("x-request-id"),
  "x-content-type-options": "nosniff",
  "x-frame-options": expect.any(String),
  "cache-control": "no-store",
  "x-request-id": expect.any(String),
};

let apps: [string, App][];
beforeAll(() => {
  const deps = depsWith({ environment: { HEIMDEX_ALLOWED_ORIGINS: "https://app.test" } });
  apps = Object.entries(createApps).map(([name, createApp]) => [name, createApp(deps)]);
});

const large = { method: "POST", body: "x".repeat(9_000_000) };

describe.each(Object.keys(createApps))("every answer of %s", (name) => {
  it.each<[string, string, RequestInit]>([
    ["an unknown path", "/no/such/path", {}],
    ["another method", "/", { method: "PROPFIND" }],
    ["a preflight", "/", {
      method: "OPTIONS",
      headers: { "access-control-request-method": "PUT" },
    }],
    ["a body that is too large", "/", large],
    ["nobody signed in", "/", {}],
  ])("to %s carries the security headers and tells nothing", async (_, path, init) => {
    const app = apps.find(([one]) => one === name)?.[1];
    const headers = { ...init.headers, origin: "https://app.test" };
    const response = await (app as App).request(`/${name}${path}`, { ...init, headers });
    expect(Object.fromEntries(response.headers)).toMatchObject(required);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://app.test");
    expect(await response.text()).not.toMatch(/\bat .*\.ts|node_modules|stack/i);
  });
});

describe("origins", () => {
  const complete = (allowed: string[], origin?: string) => {
    const headers = new Headers();
    const env = { allowedOrigins: allowed, supabaseUrl: "https://abc.supabase.co" };
    const request = new Headers(origin === undefined ? {} : { origin });
    createAnswerHeaders(env).complete(headers, request);
    return headers;
  };

  it.each([
    [["https://app.test"], "https://app.test", "https://app.test"],
    [["https://app.test"], "https://app.test.evil.test", null],
    [["https://app.test"], "http://app.test", null],
    [["https://app.test"], "null", null],
    [["https://app.test"], undefined, null],
    [[], "https://app.test", null],
    [["*"], "https://anywhere.test", "*"],
  ])("of the list %j let %s read as %s, never with credentials", (allowed, origin, expected) => {
    const headers = complete(allowed, origin);
    expect(headers.get("access-control-allow-origin")).toBe(expected);
    expect(headers.get("access-control-allow-credentials")).toBeNull();
    expect(headers.get("vary")).toBe(expected === "*" ? null : "Origin");
  });
});

it.each([["https://abc.supabase.co", /^max-age=\d{7,}/], ["http://127.0.0.1:54321", /^null$/]])(
  "promises TLS where a deployment has it: %s",
  (supabaseUrl, expected) => {
    const headers = new Headers();
    createAnswerHeaders({ allowedOrigins: [], supabaseUrl }).complete(headers, new Headers());
    expect(String(headers.get("strict-transport-security"))).toMatch(expected);
  },
);

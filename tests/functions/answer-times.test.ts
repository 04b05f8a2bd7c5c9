import { describe, expect, it } from "vitest";
import { call } from "../support/call.ts";
import { setting } from "../support/stack.ts";
import { createUser, uniqueEmail } from "../support/users.ts";

// Only that answers are held is asserted here: medians are measured by npm run measure:timing.
describe.each([
  ["login", { password: "wrong-but-long-enough-1" }, 401],
  ["register", { password: "wrong-but-long-enough-1" }, 202],
  ["password-reset", {}, 202],
  ["magic-link", {}, 202],
  ["verify", { type: "email", token: "000000" }, 401],
])("POST auth-onboarding/%s", (route, body, status) => {
  it("answers known and unknown addresses alike, and not before the interval is over", async () => {
    const ask = async (email: string) => {
      const started = performance.now();
      const response = await call(`/auth-onboarding/${route}`, { json: { email, ...body } });
      const { request_id: _, ...said } = await response.json();
      const headers = [...response.headers.keys()].sort();
      const time = performance.now() - started;
      expect(time).toBeGreaterThanOrEqual(Number(setting("HEIMDEX_ANSWER_MS")));
      return { status: response.status, said, headers };
    };
    const { email } = await createUser();
    const [known, unknown] = await Promise.all([ask(email), ask(uniqueEmail())]);
    expect(known).toEqual(unknown);
    expect(known.status).toBe(status);
  });
});

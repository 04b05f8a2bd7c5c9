import { expect } from "vitest";
import { createApp } from "../../../supabase/functions/auth-onboarding/app.ts";
import { sessionSchema } from "../../../supabase/functions/auth-onboarding/schemas.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import {
  call,
  expectJson,
  expectProblem,
  type Problem,
  toRequestInit,
} from "../../support/call.ts";

/** Sends a JSON body to a route of auth-onboarding. */
export function post(route: string, json: unknown, token?: string): Promise<Response> {
  return call(`/auth-onboarding/${route}`, {
    method: "POST",
    json,
    ...(token === undefined ? {} : { token }),
  });
}

/** Reads a session and checks its shape. */
export async function readSession(response: Response, status = 200) {
  return sessionSchema.parse(await expectJson(response, status));
}

/** Expects the route to answer 503 with a time to wait while Supabase Auth is down. */
export async function expectAuthOutage(route: string, json: unknown, token?: string) {
  const app = createApp(depsWith({ environment: withOutage("supabase") }));
  const started = performance.now();
  const response = await app.request(
    `/auth-onboarding/${route}`,
    toRequestInit({ method: "POST", json, ...(token === undefined ? {} : { token }) }),
  );
  expect(response.headers.get("retry-after")).toBe("5");
  await expectProblem(response, "auth_unavailable", 503);
  expect(performance.now() - started).toBeLessThan(5000);
}

/** Expects 422 and that the problem names these fields. */
export async function expectRefusedFields(
  response: Response,
  ...paths: string[]
): Promise<Problem> {
  const problem = await expectProblem(response, "validation_failed", 422);
  expect(problem.errors?.map((error) => error.path)).toEqual(expect.arrayContaining(paths));
  return problem;
}

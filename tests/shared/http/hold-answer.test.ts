import { describe, expect, it } from "vitest";
import { AppError } from "../../../shared/errors/app-error.ts";
import type { ErrorCode } from "../../../shared/errors/codes.ts";
import { readEnv } from "../../../shared/env.ts";
import { type App, createBaseApp } from "../../../shared/http/base-app.ts";
import { createDeps } from "../../../shared/http/deps.ts";
import { holdAnswer } from "../../../shared/http/hold-answer.ts";

const interval = 60;
/** So long that an answer which waits for it cannot be taken for one that does not. */
const longInterval = 10_000;
const lines: Record<string, unknown>[] = [];

function createHeldApp(milliseconds: number): App {
  const app = createBaseApp("held", {
    ...createDeps(readEnv({
      SUPABASE_URL: "http://127.0.0.1:9",
      SUPABASE_PUBLISHABLE_KEY: "sb_publishable_x",
      SUPABASE_SECRET_KEY: "sb_secret_x",
      SUPABASE_DB_URL: "postgresql://127.0.0.1:9/postgres",
      HEIMDEX_ANSWER_MS: String(milliseconds),
    })),
    activities: { record: () => {} },
    log: (line) => void lines.push(line),
  });
  for (const [path, refusalsOnly] of [["/always", false], ["/refusals", true]] as const) {
    app.get(path, holdAnswer({ refusalsOnly }), async (c) => {
      c.get("timings").set("inside", 1);
      await new Promise((resolve) => setTimeout(resolve, Number(c.req.query("ms"))));
      const code = c.req.query("code") as ErrorCode | undefined;
      if (code) throw new AppError(code);
      return c.json({});
    });
  }
  return app;
}

const app = createHeldApp(interval);
const slowApp = createHeldApp(longInterval);

/** Milliseconds until the answer to a handler that takes so long. */
async function timeOf(
  path: string,
  ms: number,
  code?: ErrorCode,
  asked: App = app,
): Promise<number> {
  const started = performance.now();
  const response = await asked.request(`${path}?ms=${ms}${code ? `&code=${code}` : ""}`);
  await response.body?.cancel();
  return performance.now() - started;
}

describe("an answer that is held", () => {
  it.each([0, 20, 40])("after %d ms comes when the interval is over", async (ms) => {
    expect(await timeOf("/always", ms)).toBeGreaterThanOrEqual(interval);
    expect(await timeOf("/refusals", ms, "invalid_credentials")).toBeGreaterThanOrEqual(interval);
  });

  it("that took longer waits for the next interval and says so", async () => {
    lines.length = 0;
    expect(await timeOf("/always", interval + 5)).toBeGreaterThanOrEqual(2 * interval);
    expect(lines[0]).toMatchObject({ level: "warn", event: "answer_interval_too_short" });
  });

  it("does not tell single times", async () => {
    const { headers } = await app.request("/always?ms=0");
    expect(headers.get("server-timing")).toMatch(/^total;dur=[\d.]+$/);
  });
});

describe("an answer that is not held", () => {
  it.each(["validation_failed", "rate_limited"] as const)("is %s", async (code) => {
    expect(await timeOf("/always", 0, code, slowApp)).toBeLessThan(longInterval / 2);
  });

  it("is a success where only refusals are", async () => {
    expect(await timeOf("/refusals", 0, undefined, slowApp)).toBeLessThan(longInterval / 2);
  });
});

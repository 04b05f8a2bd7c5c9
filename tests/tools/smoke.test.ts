import { describe, expect, it } from "vitest";
import { planSmoke } from "../../tools/smoke/steps.ts";
import { useStack } from "../support/stack.ts";

describe("the smoke test", () => {
  it("goes through every function and leaves no user behind", { timeout: 60_000 }, async () => {
    const { url, publishableKey, secretKey } = useStack();
    const target = { url, publishableKey, secretKey, erasureTimeoutMs: 30_000 };
    const { steps, cleanUp } = planSmoke(target);
    const functions = ["me", "auth-onboarding", "videos", "people", "search", "drain"];
    const titles = steps.map(({ title }) => title).join("\n");
    expect(functions.filter((name) => !titles.includes(name))).toEqual([]);
    for (const { run } of steps) await run();
    await cleanUp();
  });

  it("removes its user when a step has failed", async () => {
    const { url, publishableKey, secretKey } = useStack();
    const target = { url, publishableKey, secretKey, erasureTimeoutMs: 0 };
    const { steps, cleanUp } = planSmoke(target);
    const [, login, , , people] = steps;
    await login?.run();
    await people?.run();
    await cleanUp();
    await expect(people?.run()).rejects.toMatchObject({ code: "session_revoked" });
  });
});

import { describe, expect, it } from "vitest";
import { runJourney } from "../../demo/journey.ts";
import { canReadMail, knowsSetting, setting, useStack } from "../support/stack.ts";

describe.runIf(canReadMail() && knowsSetting("HEIMDEX_RECEIPT_KEY"))("the whole journey", () => {
  it("goes from registering to nothing left, step by step", { timeout: 120_000 }, async () => {
    const { url, publishableKey, secretKey, mailUrl = "" } = useStack();
    const receiptKey = setting("HEIMDEX_RECEIPT_KEY");
    const world = { url, publishableKey, secretKey, mailUrl, receiptKey };
    const passed: string[] = [];
    await runJourney(world, async (title, run) => {
      try {
        const { value } = await run();
        passed.push(title);
        return value;
      } catch (error) {
        throw new Error(`After ${passed.length} steps, "${title}" failed: ${error}`, {
          cause: error,
        });
      }
    });
    expect(passed.length).toBeGreaterThanOrEqual(20);
  });
});

import { describe, expect, it } from "vitest";
import { isSameSecret } from "../../../shared/auth/compare-secret.ts";

describe("isSameSecret", () => {
  it("takes the secret itself", async () => {
    expect(await isSameSecret("a-secret-of-some-length", "a-secret-of-some-length")).toBe(true);
  });

  it.each([
    "",
    "a",
    "a-secret-of-some-lengt",
    "a-secret-of-some-length ",
    "A-secret-of-some-length",
  ])(
    "refuses %j",
    async (given) => {
      expect(await isSameSecret(given, "a-secret-of-some-length")).toBe(false);
    },
  );
});

import { describe, expect, it } from "vitest";
import { AppError } from "../../../shared/errors/app-error.ts";
import { nameFailure } from "../../../shared/errors/name-failure.ts";

class KeyLostError extends Error {
  override readonly name = "KeyLostError";
}

describe("nameFailure()", () => {
  it.each([
    [
      "the code of an AppError",
      new AppError("storage_unavailable", "faces/a/b.jpg"),
      "storage_unavailable",
    ],
    ["the name of an error's class", new KeyLostError("faces/a/b.jpg"), "KeyLostError"],
    ["the name of a plain error", new TypeError("ann@example.com"), "TypeError"],
    ["nothing of a thrown text", "ann@example.com", "unknown"],
    ["nothing of a thrown object", { name: "ann@example.com" }, "unknown"],
  ])("gives %s", (_what, error, expected) => {
    expect(nameFailure(error)).toBe(expected);
  });
});

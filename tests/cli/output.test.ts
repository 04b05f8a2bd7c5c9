import { describe, expect, it } from "vitest";
import { toTable } from "../../cli/output.ts";

describe("toTable()", () => {
  it("aligns columns under their names", () => {
    const rows = [{ id: 1, state: "pending" }, { id: 100, state: "dead" }];
    expect(toTable(rows, "No events")).toBe("id   state\n1    pending\n100  dead");
  });

  it("says the given sentence when there are no rows", () => {
    expect(toTable([], "No events")).toBe("No events");
  });

  it("writes times in UTC, nothing as a dash and infinity as never", () => {
    const row = { at: new Date(0), error: null, next: new Date("infinity") };
    expect(toTable([row], "").split("\n")[1]).toBe("1970-01-01T00:00:00.000Z  -      never");
  });
});

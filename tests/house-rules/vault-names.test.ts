import { describe, expect, it } from "vitest";
import { projectFiles, read } from "./project.ts";

const migration = read("supabase/migrations/20261122101600_schedule_event_drain.sql");
const names = [...migration.matchAll(/filter \(where name = '(\w+)'\)/g)].map((match) => match[1]);
const places = [
  "docs/operations.md",
  "docs/runbooks/deploy.md",
  "cli/doctor/checks/drain-schedule.ts",
];

describe("secrets in Vault", () => {
  it("have the names that the drain of the database asks for, wherever one is told to make them", () => {
    expect(names).toEqual(["heimdex_drain_url", "heimdex_cron_secret"]);
    const tell = projectFiles().filter((path) =>
      !path.startsWith("tests/") && read(path).includes("vault.create_secret(")
    );
    expect(tell.sort()).toEqual(places.toSorted());
    for (const path of places) {
      const made = [...read(path).matchAll(/vault\.create_secret\('[^']+', '(\w+)'\)/g)];
      expect(made.map((match) => match[1]), path).toEqual(names);
    }
  });
});

import { describe } from "vitest";
import { hasAdminSql } from "../support/sql.ts";
import { useOwnStack } from "../support/own-stack.ts";
import { testAnalytics } from "./operators/analytics.ts";
import { testDoctor } from "./operators/doctor.ts";
import { testDoctorHosted } from "./operators/doctor-hosted.ts";
import { testStats } from "./operators/stats.ts";
import { testUsersFind } from "./operators/users-find.ts";

// What these look at is the whole project, so they share a stack that no other file changes.
describe.runIf(hasAdminSql())("an operator", () => {
  const own = useOwnStack("operators");
  testAnalytics(own);
  testDoctor(own);
  testDoctorHosted(own);
  testStats(own);
  testUsersFind(own);
});

import { describe, expect, it } from "vitest";
import { isLongRun, testSize } from "../support/size.ts";
import { knowsSetting, useStack } from "../support/stack.ts";
import { readDocument } from "./document.ts";
import type { FuzzRequest } from "./requests.ts";
import { runFuzz } from "./run.ts";

/** The jobs of other files wait in the same queue: a worker of ours would take them away. */
const takesJobs = ({ sender, operation }: FuzzRequest) =>
  sender.role === "worker" && operation.path.endsWith("/jobs/claim");

describe.runIf(knowsSetting("HEIMDEX_WORKER_KEYS") && knowsSetting("HEIMDEX_WEBHOOK_SECRETS"))(
  "requests made from the document",
  () => {
    it("are answered as it says, with nothing of anybody else", async () => {
      const document = await readDocument();
      const requests = testSize({ sampled: 300, long: 6_000 });
      const report = await runFuzz({
        document,
        target: useStack(),
        requests,
        seed: isLongRun ? Math.floor(Math.random() * 2 ** 31) : 20261122,
        users: 4,
        parallel: 8,
        skip: takesJobs,
      });
      expect(report.findings, `seed ${report.seed}`).toEqual([]);
      const unreached = document.operations.filter(({ name }) => !report.routes.get(name)?.size);
      expect(unreached.map(({ name }) => name)).toEqual([]);
    });
  },
);

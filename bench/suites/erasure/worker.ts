// Erases one user as a process of its own, as a drain on a hosted project would, and writes what it
// took as one JSON line. Argument: the user's id. Environment: that of the functions.
import process from "node:process";
import { createErasureContext, type ErasureContext } from "../../../shared/erasure/context.ts";
import { requestErasure, runErasure } from "../../../shared/erasure/engine.ts";
import { processEnv, readEnv } from "../../../shared/env.ts";
import { createDeps } from "../../../shared/http/deps.ts";

const [userId = ""] = Deno.args;
const deps = createDeps(readEnv(processEnv()));
const begun = new Map<string, number>();
const steps: Record<string, number> = {};
let longestTransaction = 0;

const asService: ErasureContext["database"]["asService"] = async (fn) => {
  const started = performance.now();
  try {
    return await deps.database.asService(fn);
  } finally {
    longestTransaction = Math.max(longestTransaction, performance.now() - started);
  }
};

const context: ErasureContext = {
  ...createErasureContext(deps),
  database: { asService },
  onPoint: (point) => {
    const [side, step = ""] = point.split(":");
    if (side === "before") begun.set(step, performance.now());
    else steps[step] = (steps[step] ?? 0) + performance.now() - (begun.get(step) ?? 0);
  },
};

const started = performance.now();
const { erasureId } = await requestErasure(context, { kind: "user", userId, origin: "event" });
const { state, countsBefore } = await runErasure(
  context,
  erasureId,
  new Date(Date.now() + 600_000),
);
const total = performance.now() - started;
const rows = Object.values(countsBefore?.tables ?? {}).reduce((sum, count) => sum + count, 0);
const objects = Object.values(countsBefore?.buckets ?? {})
  .reduce((sum, count) => sum + count.objects, 0);
process.stdout.write(
  `${JSON.stringify({ state, total, steps, longestTransaction, rows, objects })}\n`,
);
await deps.database.close();

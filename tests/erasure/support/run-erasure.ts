// Runs one erasure as a process of its own, and kills that process at a point.
// Arguments: the erasure's id, the point. Environment: that of the functions.
import { createErasureContext } from "../../../shared/erasure/context.ts";
import { runErasure } from "../../../shared/erasure/engine.ts";
import { processEnv, readEnv } from "../../../shared/env.ts";
import { createDeps } from "../../../shared/http/deps.ts";

const [erasureId = "", fatal] = Deno.args;
const deps = createDeps(readEnv(processEnv()));
const context = {
  ...createErasureContext(deps),
  onPoint: (point: string) => {
    if (point === fatal) Deno.kill(Deno.pid, "SIGKILL");
  },
};
await runErasure(context, erasureId, new Date(Date.now() + 60_000));
await deps.database.close();

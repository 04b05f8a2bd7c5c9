import process from "node:process";
import { planSmoke, type SmokeTarget } from "./steps.ts";

const usage = `Usage: npm run smoke

Goes once through every function of a deployment as a user of its own, whom it deletes again.

Environment:
  SUPABASE_URL               the deployment
  SUPABASE_PUBLISHABLE_KEY   as an app has it; else SUPABASE_PUBLISHABLE_KEYS, entry default
  SUPABASE_SECRET_KEY        makes the user and, after a failure, removes it; else as above
  HEIMDEX_SMOKE_SECONDS      how long the drain may take, 180

Exit codes: 0 every step passed, 1 one failed, 2 a setting is missing
`;

if (process.argv.includes("--help")) {
  process.stdout.write(usage);
} else {
  const target = readTarget(process.env);
  if (target) {
    process.exitCode = await run(target) ? 0 : 1;
  } else {
    process.stderr.write(usage);
    process.exitCode = 2;
  }
}

function readTarget(env: NodeJS.ProcessEnv): SmokeTarget | undefined {
  const url = env.SUPABASE_URL;
  const publishableKey = readKey(env, "SUPABASE_PUBLISHABLE_KEY");
  const secretKey = readKey(env, "SUPABASE_SECRET_KEY");
  const seconds = Number(env.HEIMDEX_SMOKE_SECONDS || 180);
  if (!url || !publishableKey || !secretKey || !Number.isFinite(seconds)) return undefined;
  return { url, publishableKey, secretKey, erasureTimeoutMs: seconds * 1000 };
}

/** A key by its own name, or the entry `default` of the map that the platform gives its functions. */
function readKey(env: NodeJS.ProcessEnv, name: string): string | undefined {
  if (env[name]) return env[name];
  try {
    return JSON.parse(env[`${name}S`] ?? "{}").default;
  } catch {
    return undefined;
  }
}

function complain(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
}

async function run(target: SmokeTarget): Promise<boolean> {
  const { steps, cleanUp } = planSmoke(target);
  let passed = 0;
  try {
    for (const { title, run } of steps) {
      try {
        await run();
      } catch (error) {
        process.stdout.write(`fail  ${title}\n`);
        throw error;
      }
      passed++;
      process.stdout.write(`ok    ${title}\n`);
    }
  } catch (error) {
    complain(error);
    await cleanUp().catch(complain);
  }
  process.stdout.write(`smoke: ${passed} steps passed, ${steps.length - passed} failed\n`);
  return passed === steps.length;
}

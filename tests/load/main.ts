import process from "node:process";
import { parseArgs } from "node:util";
import { createClient } from "@supabase/supabase-js";
import { startTemporaryStack } from "../../local/temporary.ts";
import { loadLimits, type LoadResult } from "./limits.ts";

const usage = `Usage: npm run load:limits -- [--logins 10000] [--processes 4] [--concurrency 64]
Sends so many logins from one client, and again for one e-mail address, to several processes of
auth-onboarding on a stack of its own. Ends with 1 when a limit lets through more or less than it says.
`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      logins: { type: "string", default: "10000" },
      processes: { type: "string", default: "4" },
      concurrency: { type: "string", default: "64" },
    },
  });
  const [logins, processes, concurrency] = [values.logins, values.processes, values.concurrency]
    .map((text) => {
      if (!/^[1-9]\d{0,5}$/.test(text)) throw new Error(`Not a number from 1: ${text}`);
      return Number(text);
    });
  if (!logins || !processes || !concurrency) throw new Error("A number is missing");
  return { logins, processes, concurrency };
}

async function createLoginUser(url: string, secretKey: string) {
  const user = { email: `load-${crypto.randomUUID()}@example.test`, password: "a long password" };
  const { auth } = createClient(url, secretKey, { auth: { persistSession: false } });
  const { error } = await auth.admin.createUser({ ...user, email_confirm: true });
  if (error) throw error;
  return user;
}

function describe(result: LoadResult): string {
  const { name, limit, letThrough, refused, others, seconds, windowSeconds, byProcess } = result;
  return `${name}: ${letThrough + refused} logins over ${byProcess.length} processes in ` +
    `${seconds.toFixed(1)} s (window ${windowSeconds} s), limit ${limit}, let through ` +
    `${letThrough}, refused ${refused}, others ${JSON.stringify(others)}: ` +
    `${isExact(result) ? "exact" : "NOT EXACT"}\n`;
}

function isExact({ limit, letThrough, others, seconds, windowSeconds }: LoadResult): boolean {
  return letThrough === limit && Object.keys(others).length === 0 && seconds < windowSeconds;
}

let options: ReturnType<typeof readOptions>;
try {
  options = readOptions();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n${usage}`);
  process.exit(2);
}
const { stack, stop } = await startTemporaryStack({ name: "heimdex-load", drain: false });
try {
  const user = await createLoginUser(stack.url, stack.secretKey);
  const results = await loadLimits({ environment: stack.environment, user }, options);
  for (const result of results) process.stdout.write(describe(result));
  if (!results.every(isExact)) process.exitCode = 1;
} finally {
  await stop();
}

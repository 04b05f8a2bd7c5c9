import { createClient } from "@supabase/supabase-js";
import process from "node:process";
import postgres from "postgres";
import { parseArgs } from "node:util";
import { startTemporaryStack } from "../../local/temporary.ts";
import { measure, measuredRoutes, type MeasuredStack, type Times } from "./measure.ts";

const usage = `Usage: npm run measure:timing -- [--runs <count>] [--parallel <count>]

Asks register, password-reset, magic-link, login (with a wrong password) and verify (with a wrong
code) for known and for unknown addresses, in turn, on a stack of its own, and prints the medians. Beside them those of Supabase Auth
without our functions in front. Ends with 1 when a difference is 5 ms or more.`;

/** Milliseconds between the medians at which an address can be told. */
const mostDifference = 5;

/** Addresses of each kind that are asked for before anything counts. */
const warmUp = 2;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readCount(text: string | undefined, fallback: number): number {
  const value = Number(text ?? fallback);
  if (Number.isSafeInteger(value) && value > 0) return value;
  print(usage);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    runs: { type: "string" },
    parallel: { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help) {
  print(usage);
  process.exit(0);
}
const runs = readCount(values.runs, 40);
const parallel = readCount(values.parallel, 4);

const { stack, stop } = await startTemporaryStack({
  name: "heimdex-timing",
  environment: { HEIMDEX_ANSWER_MS: "1000" },
});
try {
  const known = await createUsers(stack, runs);
  const database = postgres(stack.adminDatabaseUrl, { max: 1 });
  // Who got a mail a moment ago gets none, and is answered sooner.
  const forgetMails = async () => {
    await database`update auth.users set recovery_sent_at = null, confirmation_sent_at = null`;
  };
  const interval = stack.environment.HEIMDEX_ANSWER_MS;
  print(`${runs} known and ${runs} unknown addresses, ${parallel} at a time, every ${interval} ms`);
  print("");
  print("| route | known ms | unknown ms | difference ms | at Supabase Auth alone ms |");
  print("| --- | ---: | ---: | ---: | ---: |");
  let worst = 0;
  for (const { name, path, authPath, toBody, toAuthBody } of measuredRoutes) {
    await measure(stack, {
      path: `/functions/v1${path}`,
      bodyOf: toBody,
      known: known.slice(0, warmUp),
      parallel,
    });
    await forgetMails();
    const ours = await measure(stack, {
      path: `/functions/v1${path}`,
      bodyOf: toBody,
      known,
      parallel,
    });
    await forgetMails();
    const alone = await measure(stack, { path: authPath, bodyOf: toAuthBody, known, parallel });
    print(toLine(name, ours, alone));
    worst = Math.max(worst, ours.difference);
  }
  await database.end();
  print("");
  print(`largest difference of medians: ${worst.toFixed(2)} ms (must be below ${mostDifference})`);
  process.exitCode = worst < mostDifference ? 0 : 1;
} finally {
  await stop();
}

function toLine(name: string, { known, unknown, difference }: Times, alone: Times): string {
  const ours = [known, unknown, difference].map((ms) => ms.toFixed(2)).join(" | ");
  return `| ${name} | ${ours} | ${alone.difference.toFixed(2)} |`;
}

async function createUsers(
  { url, secretKey }: MeasuredStack & { secretKey: string },
  count: number,
): Promise<string[]> {
  const { auth } = createClient(url, secretKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const emails: string[] = [];
  for (let number = 0; number < count; number++) {
    const email = `known-${crypto.randomUUID()}@example.test`;
    const password = `pw-${crypto.randomUUID()}`;
    const { error } = await auth.admin.createUser({ email, password, email_confirm: true });
    if (error) throw error;
    emails.push(email);
  }
  return emails;
}

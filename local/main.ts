// npm start: the embedded Supabase on this machine.
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LocalStackError, messageOf } from "./errors.ts";
import { isAlive } from "./processes.ts";
import { type Stack, startStack } from "./stack.ts";

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "..");

const HELP = `Starts the embedded Supabase of this project. Only for development: it binds loopback.

Usage: npm start -- [options]

  --port <number>  port of the API (default 54321; 0 takes a free one)
  --reset          delete database, objects and keys of earlier runs first
  --json           print one line of JSON with addresses and keys
  --help           print this

Environment:
  HEIMDEX_DATA_DIR  folder for database, objects and keys (default .heimdex in the project)
  DATABASE_URL      superuser's URL of a PostgreSQL to use instead of the embedded one
`;

interface Options {
  port: number;
  reset: boolean;
  json: boolean;
  help: boolean;
}

await main();

async function main(): Promise<void> {
  const stopped = new AbortController();
  watchSignals(stopped);
  let stack: Stack | undefined;
  try {
    const options = readOptions(Deno.args);
    if (options.help) return printOut(HELP);
    const begun = performance.now();
    stack = await startStack(toStackOptions(options));
    if (options.json) printOut(`${JSON.stringify(toJson(stack))}\n`);
    else printOut(describe(stack, performance.now() - begun));
    await new Promise<void>((resolve) => whenAborted(stopped.signal, resolve));
    if (!options.json) printError("Stopping\n");
    await stack.stop();
  } catch (error) {
    printError(`${error instanceof LocalStackError ? error.message : describeCrash(error)}\n`);
    Deno.exitCode = 1;
  }
  // Timers of libraries must not keep a stopped stack alive.
  Deno.exit();
}

function readOptions(args: string[]): Options {
  try {
    const { values } = parseArgs({
      args,
      options: {
        port: { type: "string", default: "54321" },
        reset: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const port = Number(values.port);
    if (/^\d+$/.test(values.port) && port <= 65_535) return { ...values, port };
  } catch (error) {
    throw new LocalStackError(`${messageOf(error)}: "npm start -- --help" lists the options`);
  }
  throw new LocalStackError("The port must be a whole number from 0 to 65535");
}

function toStackOptions(options: Options): Parameters<typeof startStack>[0] {
  const databaseUrl = Deno.env.get("DATABASE_URL");
  return {
    dataDir: Deno.env.get("HEIMDEX_DATA_DIR") || join(PROJECT, ".heimdex"),
    port: options.port,
    reset: options.reset,
    ...(databaseUrl ? { databaseUrl } : {}),
    log: (line) => printError(`${line}\n`),
  };
}

/** The launcher hands its number on: when npm is killed, nobody would pass us a signal. */
function watchSignals(stopped: AbortController): void {
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(name, () => stopped.abort());
  }
  const launcher = Number(Deno.env.get("HEIMDEX_LAUNCHER_PID"));
  if (!launcher) return;
  const timer = setInterval(() => {
    if (!isAlive(launcher)) stopped.abort();
  }, 1_000);
  Deno.unrefTimer(timer);
}

function whenAborted(signal: AbortSignal, then: () => void): void {
  if (signal.aborted) then();
  else signal.addEventListener("abort", then, { once: true });
}

function toJson(stack: Stack): Record<string, unknown> {
  return {
    url: stack.url,
    publishable_key: stack.publishableKey,
    secret_key: stack.secretKey,
    database_url: stack.databaseUrl,
    admin_database_url: stack.adminDatabaseUrl,
    mail_url: stack.mailUrl,
    environment: stack.environment,
  };
}

function describe(stack: Stack, milliseconds: number): string {
  const rows = [
    ["API", stack.url],
    ["Publishable key", stack.publishableKey],
    ["Secret key", stack.secretKey],
    ["Database", stack.databaseUrl],
    ["Mails", stack.mailUrl],
    ["API reference", `${stack.url}/docs`],
  ];
  const table = rows.map(([name, value]) => `${name?.padEnd(16)} ${value}\n`).join("");
  const seconds = (milliseconds / 1_000).toFixed(1);
  return `${table}Only for development: it binds loopback. Ready in ${seconds} s; Ctrl-C stops it.\n`;
}

function describeCrash(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

function printOut(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

function printError(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

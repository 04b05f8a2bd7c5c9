import { join, resolve } from "node:path";
import { LocalStackError, messageOf } from "../errors.ts";
import { assertPortFree, findFreePort } from "../ports.ts";
import { waitForExit } from "../processes.ts";
import { locateBinaries, type PostgresVersion } from "./binaries.ts";
import {
  createCluster,
  endLeftPostmaster,
  giveTo,
  inspectCluster,
  lastLine,
  lockCluster,
  placeCluster,
  removeLeftovers,
} from "./cluster.ts";
import { chooseOperatingUser, type OperatingUser } from "./operating-user.ts";

export { removeCluster } from "./cluster.ts";

export interface PostgresOptions {
  /** Folder of the cluster; made on the first start. */
  dataDir: string;
  /** Loopback port; 0 takes a free one. */
  port: number;
  version?: PostgresVersion;
  /** false switches fsync off: faster, for data that may be lost. */
  durable?: boolean;
  /** Password of supabase_admin; must be the same at each start. */
  superuserPassword: string;
  log?: (line: string) => void;
}

export interface PostgresServer {
  port: number;
  binDir: string;
  /** Where the cluster really lies; differs from dataDir when root keeps that folder closed. */
  clusterDir: string;
  /** supabase_admin (superuser), database postgres. */
  adminUrl: string;
  /** URL of a database; without a role it is supabase_admin's, with its password. */
  url(database: string, role?: string, password?: string): string;
  /** Fast shutdown; resolves when the last process is gone. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 20_000;

/** Starts PostgreSQL on loopback, creating its cluster on the first start. Throws LocalStackError with a sentence. */
export async function startPostgres(o: PostgresOptions): Promise<PostgresServer> {
  const version = o.version ?? 17;
  const log = o.log ?? (() => {});
  const dataDir = resolve(o.dataDir);
  const lock = await lockCluster(dataDir);
  try {
    const prepared = await prepareCluster({ ...o, dataDir, version, log });
    if (o.port !== 0) assertPortFree(o.port, "PostgreSQL", "choose another port");
    const settings = { ...prepared, port: o.port, durable: o.durable ?? true };
    const running = o.port === 0 ? await launchOnFreePort(settings) : await launch(settings);
    const stop = () => running.stop().finally(() => closeQuietly(lock));
    const { superuserPassword } = o;
    return describeServer({ ...prepared, port: running.port, superuserPassword, stop });
  } catch (error) {
    closeQuietly(lock);
    throw error;
  }
}

function describeServer(o: {
  binDir: string;
  clusterDir: string;
  port: number;
  superuserPassword: string;
  stop: () => Promise<void>;
}): PostgresServer {
  const { binDir, clusterDir, port, stop } = o;
  const url = (database: string, role = "supabase_admin", password?: string) => {
    const secret = role === "supabase_admin" ? o.superuserPassword : password;
    const user = secret === undefined ? role : `${role}:${encodeURIComponent(secret)}`;
    return `postgresql://${user}@127.0.0.1:${port}/${database}`;
  };
  return { port, binDir, clusterDir, adminUrl: url("postgres"), url, stop };
}

function closeQuietly(file: Deno.FsFile): void {
  try {
    file.close();
  } catch {
    // Closed by an earlier call.
  }
}

interface PreparedCluster {
  clusterDir: string;
  binDir: string;
  user: OperatingUser | undefined;
}

async function prepareCluster(
  o: PostgresOptions & { version: PostgresVersion; log: (line: string) => void },
): Promise<PreparedCluster> {
  const likely = await chooseOperatingUser(o.dataDir);
  const clusterDir = await placeCluster(o.dataDir, likely);
  const user = clusterDir === o.dataDir ? likely : await chooseOperatingUser(clusterDir);
  await removeLeftovers(clusterDir);
  await endLeftPostmaster(clusterDir, o.log);
  const state = await inspectCluster(clusterDir, o.version);
  const binDir = await locateBinaries(o.version, user);
  if (state === "new") {
    await createCluster({ clusterDir, binDir, user, superuserPassword: o.superuserPassword });
  } else if (user && (await Deno.stat(clusterDir)).uid === 0) {
    await giveTo(user, clusterDir);
  }
  return { clusterDir, binDir, user };
}

type LaunchOptions = PreparedCluster & { port: number; durable: boolean };
type Running = { port: number; stop(): Promise<void> };

/** Between finding a free port and PostgreSQL's taking it, somebody else may. */
async function launchOnFreePort(o: LaunchOptions): Promise<Running> {
  for (let attempt = 1;; attempt++) {
    try {
      return await launch({ ...o, port: findFreePort() });
    } catch (error) {
      if (attempt === 5 || !messageOf(error).includes("TCP/IP sockets")) throw error;
    }
  }
}

async function launch(o: LaunchOptions): Promise<Running> {
  // Detached: a terminal's Ctrl-C must not stop the database before those who use it.
  const child = new Deno.Command(join(o.binDir, "postgres"), {
    args: ["-D", o.clusterDir, ...serverSettings(o.port, o.durable)],
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    detached: true,
    ...o.user,
  }).spawn();
  const logged = writeLog(child.stderr, o.clusterDir, o.user);
  const watchdog = startWatchdog(child.pid, o.clusterDir, o.user);
  let stopping: Promise<void> | undefined;
  const stop = () => stopping ??= stopServer(child, watchdog, logged);
  try {
    await waitUntilReady(child, o.clusterDir, logged);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port: o.port, stop };
}

function serverSettings(port: number, durable: boolean): string[] {
  const settings: Record<string, string> = {
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: "200",
    password_encryption: "scram-sha-256",
    timezone: "UTC",
    log_timezone: "UTC",
    log_line_prefix: "%m [%p] %u ",
    ...(durable ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** Keeps the server's messages in the cluster and its last lines at hand for an error's sentence. */
function writeLog(
  stream: ReadableStream<Uint8Array>,
  clusterDir: string,
  user: OperatingUser | undefined,
): { tail(): string; done: Promise<void> } {
  const path = join(clusterDir, "postgres.log");
  const file = Deno.openSync(path, { create: true, append: true });
  if (user) Deno.chownSync(path, user.uid, user.gid);
  const decoder = new TextDecoder();
  let tail = "";
  const done = (async () => {
    for await (const chunk of stream) {
      tail = (tail + decoder.decode(chunk, { stream: true })).slice(-4_000);
      await file.write(chunk);
    }
    file.close();
  })();
  return { tail: () => tail, done };
}

/** A shell that waits for our end of its pipe: however we die, the database is shut down. */
function startWatchdog(
  pid: number,
  clusterDir: string,
  user: OperatingUser | undefined,
): Deno.ChildProcess {
  const script = 'read -r _; [ "$(head -n 1 "$2/postmaster.pid")" = "$1" ] && kill -INT "$1"';
  return new Deno.Command("/bin/sh", {
    args: ["-c", script, "sh", String(pid), clusterDir],
    cwd: "/",
    stdin: "piped",
    stdout: "null",
    stderr: "null",
    detached: true,
    ...user,
  }).spawn();
}

async function waitUntilReady(
  child: Deno.ChildProcess,
  clusterDir: string,
  logged: { tail(): string; done: Promise<void> },
): Promise<void> {
  let exited = false;
  child.status.then(() => exited = true);
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (exited) {
      await logged.done;
      throw new LocalStackError(explainFailure(logged.tail(), clusterDir));
    }
    if (await isReady(child.pid, clusterDir)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new LocalStackError(
    `PostgreSQL did not become ready within ${START_TIMEOUT_MS / 1000} s: ` +
      `read "${join(clusterDir, "postgres.log")}"`,
  );
}

/** The postmaster writes its state into the eighth line of its pid file. */
async function isReady(pid: number, clusterDir: string): Promise<boolean> {
  const text = await Deno.readTextFile(join(clusterDir, "postmaster.pid")).catch(() => "");
  const lines = text.split("\n");
  return lines[0] === String(pid) && lines[7]?.trim() === "ready";
}

function explainFailure(tail: string, clusterDir: string): string {
  const fatal = tail.split("\n").filter((line) => /FATAL|PANIC|error/i.test(line)).at(-1);
  const reason = (fatal ?? lastLine(tail)).replace(/^.*?(FATAL|PANIC):\s*/, "");
  return `PostgreSQL stopped while starting (${reason}): read "${
    join(clusterDir, "postgres.log")
  }", ` +
    `or run "npm start -- --reset" to begin anew`;
}

async function stopServer(
  child: Deno.ChildProcess,
  watchdog: Deno.ChildProcess,
  logged: { done: Promise<void> },
): Promise<void> {
  signal(child, "SIGINT");
  if (!await waitForExit(child.pid, STOP_TIMEOUT_MS)) signal(child, "SIGQUIT");
  await child.status;
  signal(watchdog, "SIGKILL");
  await watchdog.status;
  await watchdog.stdin.close().catch(() => {});
  await logged.done;
}

function signal(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch {
    // Already gone.
  }
}

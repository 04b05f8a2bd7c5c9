import { fileURLToPath } from "node:url";
import { callLimits } from "../../shared/limits/limits.ts";
import { findFreePort } from "../support/free-port.ts";

/** What the load needs of a stack. */
export interface LoadTarget {
  /** The environment its functions get. */
  environment: Record<string, string>;
  /** Somebody who can sign in. */
  user: { email: string; password: string };
}

export interface LoadOptions {
  /** Processes of the function, each with a pool of its own. */
  processes: number;
  /** Logins of each case. */
  logins: number;
  /** Requests under way at the same time. */
  concurrency: number;
}

/** What came of one case. */
export interface LoadResult {
  name: string;
  /** Logins that the limit should let through: its maximum. */
  limit: number;
  /** Logins that Supabase Auth answered, whatever it said. */
  letThrough: number;
  /** 429 with Retry-After. */
  refused: number;
  /** Anything else, by status; must be empty. */
  others: Record<string, number>;
  seconds: number;
  windowSeconds: number;
  /** Answers of each process. */
  byProcess: number[];
}

const entry = fileURLToPath(
  new URL("../../supabase/functions/auth-onboarding/index.ts", import.meta.url),
);
const clientIpHeader = "x-real-ip";

/**
 * Sends logins to several processes of the unmodified function: first all from one client, each for
 * another e-mail address, then all for one e-mail address, each from another client. The one client
 * takes a new IPv6 address of its /64 network and invents an X-Forwarded-For for every request.
 */
export async function loadLimits(target: LoadTarget, o: LoadOptions): Promise<LoadResult[]> {
  const processes = await startProcesses(target.environment, o.processes);
  try {
    const urls = processes.map(({ url }) => url);
    const run = crypto.randomUUID().slice(0, 8);
    const network = `2001:db8:${run.slice(0, 4)}:${run.slice(4)}`;
    const { login } = callLimits;
    return [
      await sendLogins(urls, o, {
        name: "one client",
        limit: login.ip,
        request: (i) => ({
          ip: `${network}:${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}::1`,
          email: `nobody-${run}-${i}@example.test`,
          password: "not the password",
        }),
      }),
      await sendLogins(urls, o, {
        name: "one e-mail address",
        limit: login.address,
        request: (i) => ({
          password: target.user.password,
          email: i % 2 === 0 ? target.user.email : target.user.email.toUpperCase(),
          ip: `2001:db8:f${run.slice(0, 3)}:${i.toString(16)}::1`,
        }),
      }),
    ];
  } finally {
    await Promise.all(processes.map((one) => one.stop()));
  }
}

interface LoadCase {
  name: string;
  limit: { max: number; windowSeconds: number };
  request(i: number): { ip: string; email: string; password: string };
}

async function sendLogins(
  urls: readonly string[],
  { logins, concurrency }: LoadOptions,
  { name, limit, request }: LoadCase,
): Promise<LoadResult> {
  const result: LoadResult = {
    name,
    limit: limit.max,
    windowSeconds: limit.windowSeconds,
    letThrough: 0,
    refused: 0,
    others: {},
    seconds: 0,
    byProcess: urls.map(() => 0),
  };
  const started = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (next < logins) {
      const i = next++;
      const at = i % urls.length;
      const { ip, ...body } = request(i);
      const answer = await logIn(urls[at] ?? "", ip, body);
      if (answer === "let through") result.letThrough++;
      else if (answer === "refused") result.refused++;
      else result.others[answer] = (result.others[answer] ?? 0) + 1;
      result.byProcess[at] = (result.byProcess[at] ?? 0) + 1;
    }
  }));
  result.seconds = (performance.now() - started) / 1000;
  return result;
}

async function logIn(
  url: string,
  ip: string,
  body: { email: string; password: string },
): Promise<string> {
  const response = await fetch(`${url}/auth-onboarding/login`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      [clientIpHeader]: ip,
      "x-forwarded-for": `203.0.113.${Math.floor(Math.random() * 256)}`,
    },
    body: JSON.stringify(body),
  });
  await response.body?.cancel();
  if (response.status === 200 || response.status === 401) return "let through";
  const isRefusal = response.status === 429 && response.headers.has("retry-after");
  return isRefusal ? "refused" : String(response.status);
}

interface FunctionProcess {
  url: string;
  stop(): Promise<void>;
}

async function startProcesses(
  environment: Record<string, string>,
  count: number,
): Promise<FunctionProcess[]> {
  const started = await Promise.allSettled(
    Array.from({ length: count }, () => startProcess(environment)),
  );
  const processes = started.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  const failed = started.find((one) => one.status === "rejected");
  if (failed) {
    await Promise.all(processes.map((one) => one.stop()));
    throw failed.reason;
  }
  return processes;
}

async function startProcess(environment: Record<string, string>): Promise<FunctionProcess> {
  const port = findFreePort();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--cached-only", "--no-prompt", entry],
    env: {
      ...environment,
      HEIMDEX_CLIENT_IP_HEADER: clientIpHeader,
      DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`,
    },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    child.kill("SIGTERM");
    await child.status;
  };
  for (let tries = 0; tries < 300; tries++) {
    const response = await fetch(`${url}/auth-onboarding/`).catch(() => null);
    await response?.body?.cancel();
    if (response) return { url, stop };
    await new Promise((resume) => setTimeout(resume, 100));
  }
  await stop();
  throw new Error("A process of the function did not begin to answer within 30 s");
}

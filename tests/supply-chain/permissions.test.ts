import { createHmac } from "node:crypto";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import {
  commonVariables,
  functionPermissions,
  toDenoFlags,
} from "../../tools/function-permissions.ts";
import { functionNames, read } from "../house-rules/project.ts";
import { findFreePort } from "../support/free-port.ts";
import { setting, useStack } from "../support/stack.ts";
import { createUser, type TestUser } from "../support/users.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

interface Boot {
  url: string;
  /** Ends the process; answers what it wrote. */
  stop(): Promise<string>;
}

/** `host:port` as a permission names it. */
function hostOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || { "http:": 80, "https:": 443 }[protocol] || 5432}`;
}

/** Runs a function as `deno run` would in production, with its own rights and no other. */
async function boot(
  name: string,
  { hosts = allHosts() }: { hosts?: string[] } = {},
): Promise<Boot> {
  const permissions = functionPermissions[name];
  if (!permissions) throw new Error(`No permissions are listed for ${name}`);
  const listen = `127.0.0.1:${findFreePort()}`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--cached-only",
      "--unstable-no-legacy-abort",
      ...toDenoFlags(permissions, [listen, ...hosts]),
      `supabase/functions/${name}/index.ts`,
    ],
    cwd: project,
    env: { ...useStack().environment, DENO_SERVE_ADDRESS: `tcp:${listen}`, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  const stop = async () => {
    child.kill("SIGTERM");
    const { stdout, stderr } = await output;
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  };
  try {
    await waitFor(`http://${listen}`);
  } catch (error) {
    throw new Error(`${name} does not answer: ${await stop()}`, { cause: error });
  }
  return { url: `http://${listen}/${name}`, stop };
}

function allHosts(): string[] {
  const { url, databaseUrl } = useStack();
  return [hostOf(url), hostOf(databaseUrl)];
}

async function waitFor(url: string): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      return void await (await fetch(url)).body?.cancel();
    } catch (error) {
      if (tries > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe.runIf(!useStack().external)("the rights of the functions", () => {
  let user: TestUser;
  beforeAll(async () => {
    user = await createUser();
  });

  /** One request that needs the database, and what only this function has. */
  const requests: Record<string, (url: string) => Promise<Response>> = {
    "auth-onboarding": (url) =>
      post(`${url}/login`, { json: { email: user.email, password: user.password } }),
    "auth-webhook": (url) => {
      const body = JSON.stringify({
        type: "user.updated",
        timestamp: new Date().toISOString(),
        data: { user_id: user.id, changed: ["user_metadata"] },
      });
      return fetch(url, { method: "POST", body, headers: sign(body) });
    },
    me: (url) => fetch(`${url}/usage`, { headers: bearer() }),
    people: async (url) => {
      const made = await post(url, { json: { name: "Captain Han" }, headers: bearer() });
      const { person_id } = await made.json();
      return await fetch(`${url}/${person_id}`, { method: "DELETE", headers: bearer() });
    },
    search: (url) => fetch(`${url}?q=harbour`, { headers: bearer() }),
    videos: (url) =>
      post(`${url}/upload/init`, {
        json: { filename: "a.mp4", mime_type: "video/mp4", size_bytes: 1000 },
        headers: bearer(),
      }),
  };

  const bearer = () => ({ authorization: `Bearer ${user.accessToken}` });

  it("are listed for every function", () => {
    expect(Object.keys(functionPermissions).sort()).toEqual(functionNames());
    expect(Object.keys(requests).sort()).toEqual(functionNames());
  });

  it.each(Object.keys(functionPermissions))("let %s answer a real request", async (name) => {
    const running = await boot(name);
    const response = await requests[name]?.(running.url);
    const text = await response?.text();
    const output = await running.stop();
    expect({ status: response?.status, text }, output)
      .toEqual({ status: expect.toSatisfy((status: number) => status < 300), text });
    expect(output).not.toMatch(/NotCapable|background_work_failed|"level":"error"/);
  });

  it("keep a function from a host that is not listed", async () => {
    const running = await boot("me", { hosts: [hostOf(useStack().url)] });
    const response = await requests["me"]?.(running.url);
    await response?.body?.cancel();
    expect(response?.status).toBeGreaterThanOrEqual(500);
    expect(await running.stop()).toMatch(/NotCapable|Requires net access/);
  });

  it("stand in docs/security.md as they are", () => {
    const document = read("docs/security.md");
    for (const [name, { env, net }] of Object.entries(functionPermissions)) {
      const cells = [name, list(env), list(net)].map((cell) => cell === "" ? "-" : cell);
      const [own, variables, hosts] = cells;
      const row = new RegExp(`\\| \`${own}\` +\\| ${variables} +\\| ${hosts} +\\|`);
      expect(document).toMatch(row);
    }
    for (const name of commonVariables) expect(document).toContain(`\`${name}\``);
  });
});

const list = (names: readonly string[]) =>
  [...names].sort().map((name) => `\`${name}\``).join(", ");

function post(
  url: string,
  { json, headers }: { json: unknown; headers?: Record<string, string> },
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(json),
  });
}

function sign(body: string): Record<string, string> {
  const secret = setting("HEIMDEX_WEBHOOK_SECRETS").split("|")[0] ?? "";
  const id = `msg_${crypto.randomUUID()}`;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", Buffer.from(secret.replace(/^v1,whsec_/, ""), "base64"))
    .update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  };
}

import http from "node:http";
import { describe, expect, it } from "vitest";
import { useStack } from "../support/stack.ts";

const ask = (path: string, init: RequestInit = {}) => fetch(`${useStack().url}/docs${path}`, init);

/** Asks for the demo user's session as the page at /docs does. */
function askForSession(headers: Record<string, string> = {}): Promise<Response> {
  const own = { origin: useStack().url, "x-heimdex-docs": "1" };
  return ask("/demo-session", { method: "POST", headers: { ...own, ...headers } });
}

describe.runIf(!useStack().external)("the API reference at /docs", () => {
  it("loads everything from this origin", async () => {
    const response = await ask("");
    const page = await response.text();
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    const addresses = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = ""]) =>
      address
    );
    expect(addresses.filter((address) => !address.startsWith("/"))).toEqual([]);
    const files = addresses.filter((address) => address.startsWith("/docs/"));
    expect(files.length).toBeGreaterThan(4);
    const answers = await Promise.all(files.map(async (file) => {
      const answer = await fetch(`${useStack().url}${file}`);
      await answer.body?.cancel();
      return [file, answer.status];
    }));
    expect(answers).toEqual(files.map((file) => [file, 200]));
  });

  it("serves no other file", async () => {
    for (const path of ["/mod.ts", "/..%2fapp.ts", "/package.json", "/swagger-ui.js.map"]) {
      const response = await ask(path);
      await response.body?.cancel();
      expect([path, response.status]).toEqual([path, 404]);
    }
  });

  it("signs in the demo user, again and again", async () => {
    const sessions = await Promise.all([askForSession(), askForSession()]);
    const bodies = await Promise.all(sessions.map((response) => response.json()));
    expect(bodies.map(({ user }) => user.email)).toEqual([
      "demo@heimdex.test",
      "demo@heimdex.test",
    ]);
    const me = await fetch(`${useStack().url}/functions/v1/me`, {
      headers: { authorization: `Bearer ${bodies[1].access_token}` },
    });
    expect(await me.json()).toMatchObject({ display_name: "Demo", tier: "free" });
  });

  it.each([
    ["a page of another origin", { origin: "https://app.example" }],
    ["a form, which sends no header of its own", { "x-heimdex-docs": "" }],
  ])("signs in nobody for %s", async (_who, headers) => {
    const response = await askForSession(headers);
    await response.body?.cancel();
    expect(response.status).toBe(403);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("signs in nobody under a name that was made to lead here", async () => {
    const { hostname, port } = new URL(useStack().url);
    const status = await new Promise((resolve, reject) => {
      const headers = {
        host: "evil.example",
        origin: "http://evil.example",
        "x-heimdex-docs": "1",
      };
      const options = { hostname, port, path: "/docs/demo-session", method: "POST", headers };
      http.request(options, (response) => resolve(response.resume().statusCode))
        .on("error", reject).end();
    });
    expect(status).toBe(403);
  });
});

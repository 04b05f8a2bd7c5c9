import { describe, expect, it } from "vitest";
import { fetchWithin, loadClient } from "../../../shared/http/supabase-client.ts";
import { projectFiles, read } from "../../house-rules/project.ts";
import { useStack } from "../../support/stack.ts";

describe("fetchWithin()", () => {
  it("gives up on a server that says nothing, and when the caller does", async () => {
    const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const url = `http://127.0.0.1:${silent.addr.port}/`;
    await expect(fetchWithin(50)(url)).rejects.toMatchObject({ name: "TimeoutError" });
    const signal = AbortSignal.timeout(50);
    await expect(fetchWithin()(url, { signal })).rejects.toMatchObject({ name: "TimeoutError" });
    silent.close();
  });
});

describe("loadClient()", () => {
  it("answers a client that speaks with its key and has no session", async () => {
    const { url, secretKey } = useStack();
    const client = await loadClient(url, secretKey);
    expect((await client.auth.admin.listUsers({ perPage: 1 })).error).toBeNull();
    expect((await client.auth.getSession()).data.session).toBeNull();
  });

  it("is the only place that loads supabase-js: most requests never need it", () => {
    const loading = projectFiles()
      .filter((path) => /^(shared|supabase\/functions)\/.*\.ts$/.test(path))
      .filter((path) =>
        /^import (?!type )[^;]*"@supabase\/|import\("@supabase\//m.test(read(path))
      );
    expect(loading).toEqual(["shared/http/supabase-client.ts"]);
  });
});

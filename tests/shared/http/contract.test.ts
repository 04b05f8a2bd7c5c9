import { describe, expect, it } from "vitest";
import * as z from "zod";
import { ContractApp, createRoute, type Fault } from "../../../shared/http/contract.ts";
import { later } from "../../../shared/later.ts";

const answer = { 200: { description: "What was read" } };
const json = { "content-type": "application/json" };

function createTestApp(makes: string[] = []) {
  const note = <S extends z.ZodType>(name: string, schema: S) =>
    later(() => {
      makes.push(name);
      return schema;
    });
  const faults: Fault[] = [];
  const app = new ContractApp({
    refuse: (fault) => {
      faults.push(fault);
      throw new Error("refused");
    },
  });
  app.onError((error, c) => c.text(error.message, "status" in error ? 415 : 422));
  const content = { "application/json": { schema: note("body", z.object({ n: z.number() })) } };
  const request = {
    params: note("params", z.object({ id: z.string().max(3) })),
    query: note("query", z.object({ page: z.coerce.number().optional() })),
    headers: note("headers", z.object({ "x-key": z.string().optional() })),
  };
  app.openapi(
    createRoute({ method: "get", path: "/things/{id}", request, responses: answer }),
    (c) => c.json([c.req.valid("param"), c.req.valid("query"), c.req.valid("header")]),
  );
  const body = { required: true, content };
  app.openapi(
    createRoute({ method: "post", path: "/must", request: { body }, responses: answer }),
    (c) => c.json(c.req.valid("json")),
  );
  app.openapi(
    createRoute({
      method: "post",
      path: "/may",
      request: { body: { content } },
      responses: answer,
    }),
    (c) => c.json(c.req.valid("json")),
  );
  return { app, faults };
}

describe("ContractApp", () => {
  it("checks path, query and headers and hands on what the schemas made of them", async () => {
    const { app } = createTestApp();
    const response = await app.request("/things/abc?page=2", { headers: { "X-Key": "k" } });
    expect(await response.json()).toEqual([{ id: "abc" }, { page: 2 }, { "x-key": "k" }]);
  });

  it.each([["/things/abcd", "param"], ["/things/abc?page=x", "query"]])(
    "refuses %s and names the part",
    async (path, target) => {
      const { app, faults } = createTestApp();
      expect((await app.request(path)).status).toBe(422);
      expect(faults).toMatchObject([{ target }]);
    },
  );

  it("takes JSON and nothing else", async () => {
    const { app } = createTestApp();
    const send = async (path: string, init: RequestInit) =>
      (await app.request(path, { method: "POST", ...init })).status;
    expect(await send("/must", { headers: json, body: '{"n":1}' })).toBe(200);
    expect(await send("/must", { headers: json, body: '{"n":"1"}' })).toBe(422);
    expect(await send("/must", { headers: { "content-type": "text/plain" }, body: "{}" })).toBe(
      415,
    );
    const unnamed = new Blob(['{"n":1}']);
    expect(await send("/must", { body: unnamed })).toBe(415);
    expect(await send("/must", {})).toBe(422);
  });

  it("reads an empty object where a body may be left out", async () => {
    const { app } = createTestApp();
    const response = await app.request("/may", { method: "POST" });
    expect(await response.json()).toEqual({});
    const wrong = { method: "POST", headers: json, body: "{}" };
    expect((await app.request("/may", wrong)).status).toBe(422);
  });

  it("makes no schema that the request does not need", async () => {
    const makes: string[] = [];
    const { app } = createTestApp(makes);
    expect(makes).toEqual([]);
    await app.request("/must", { method: "POST", headers: json, body: '{"n":1}' });
    expect(makes).toEqual(["body"]);
  });

  it("keeps the contracts for the document", () => {
    const { app } = createTestApp();
    expect(app.contracts.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "get /things/{id}",
      "post /must",
      "post /may",
    ]);
  });
});

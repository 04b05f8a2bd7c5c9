import { beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../../supabase/functions/people/app.ts";
import { personSchema } from "../../../supabase/functions/people/schemas.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { createUser, type TestUser } from "../../support/users.ts";

let user: TestUser;

beforeAll(async () => {
  user = await createUser();
});

const create = (json: unknown) => call("/people", { token: user.accessToken, json });

describe("POST /people", () => {
  it("creates a person of the caller", async () => {
    const person = personSchema.parse(await expectJson(await create({ name: "Minji" }), 201));
    expect(person).toMatchObject({ name: "Minji", user_id: user.id, photo_count: 0 });
    expect(Date.now() - Date.parse(person.created_at)).toBeLessThan(60_000);
  });

  it("trims the name and stores it in composed form", async () => {
    const person = await expectJson(await create({ name: "  Zoe\u0308 민지\u00a0" }), 201);
    expect(person.name).toBe("Zo\u00eb 민지");
  });

  it("counts characters and not UTF-16 units up to 100", async () => {
    const name = "🐈".repeat(100);
    expect((await expectJson(await create({ name }), 201)).name).toBe(name);
    await expectProblem(await create({ name: name + "x" }), "validation_failed", 422);
  });

  it("refuses a second person of the same name, also when it is written in another form", async () => {
    await expectJson(await create({ name: "Ren\u00e9" }), 201);
    await expectProblem(await create({ name: "Ren\u00e9" }), "person_exists", 409);
    await expectProblem(await create({ name: " Rene\u0301 " }), "person_exists", 409);
  });

  it("lets another user have a person of the same name", async () => {
    const other = await createUser();
    const json = { name: "Shared name" };
    await expectJson(await create(json), 201);
    await expectJson(await call("/people", { token: other.accessToken, json }), 201);
  });

  it("creates one person when the same name is sent many times at once", async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => create({ name: "Race" })));
    const statuses = answers.map((answer) => answer.status).sort();
    expect(statuses).toEqual([201, 409, 409, 409, 409]);
  });

  it.each([
    ["no name", {}, "name"],
    ["an empty name", { name: "" }, "name"],
    ["only spaces", { name: " \t\u3000 " }, "name"],
    ["only invisible characters", { name: "\u200b\u2060" }, "name"],
    ["a name of 101 characters", { name: "x".repeat(101) }, "name"],
    ["a number", { name: 7 }, "name"],
    ["null", { name: null }, "name"],
    ["a zero byte", { name: "a\u0000b" }, "name"],
    ["half a surrogate pair", { name: "a\ud800b" }, "name"],
    ["an unknown field", { name: "Ada", user_id: crypto.randomUUID() }, "user_id"],
  ])("refuses %s and names the field", async (_name, json, path) => {
    const problem = await expectProblem(await create(json), "validation_failed", 422);
    expect(problem.errors?.map((error) => error.path)).toContain(path);
  });

  it("refuses a body that is not JSON, has another type or is too large", async () => {
    const send = (body: string, type: string) =>
      call("/people", { token: user.accessToken, body, headers: { "content-type": type } });
    await expectProblem(await send("{", "application/json"), "invalid_json", 400);
    await expectProblem(await send("name=x", "text/plain"), "unsupported_media_type", 415);
    const large = JSON.stringify({ name: "x".repeat(10_000_000) });
    await expectProblem(await send(large, "application/json"), "payload_too_large", 413);
  });

  it("answers 503 when the database is away", async () => {
    const deps = depsWith({ environment: withOutage("database"), log: () => {} });
    const response = await createApp(deps).request(
      "/people",
      toRequestInit({ token: user.accessToken, json: { name: "Outage" } }),
    );
    await expectProblem(response, "database_unavailable", 503);
    expect(response.headers.get("retry-after")).toBeTruthy();
    await deps.database.close();
  });
});

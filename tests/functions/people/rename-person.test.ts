import { beforeAll, describe, expect, it } from "vitest";
import { personSchema } from "../../../supabase/functions/people/schemas.ts";
import { call, expectJson, expectProblem } from "../../support/call.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import { createPerson } from "./support.ts";

let user: TestUser;

beforeAll(async () => {
  user = await createUser();
});

const rename = (id: string, json: unknown, token = user.accessToken) =>
  call(`/people/${id}`, { method: "PATCH", token, json });

describe("PATCH /people/:id", () => {
  it("renames a person and changes nothing else", async () => {
    const person = await createPerson(user, "Ada");
    const renamed = personSchema.parse(
      await expectJson(await rename(person.person_id, { name: " Ada L. " }), 200),
    );
    expect(renamed).toEqual({ ...person, name: "Ada L." });
    const read = await call(`/people/${person.person_id}`, { token: user.accessToken });
    expect(await expectJson(read, 200)).toEqual(renamed);
  });

  it("takes the present name again", async () => {
    const person = await createPerson(user, "Same");
    expect(await expectJson(await rename(person.person_id, { name: "Same" }), 200)).toEqual(person);
  });

  it("refuses the name of another person and keeps the present one", async () => {
    await createPerson(user, "Taken");
    const person = await createPerson(user, "Free");
    const response = await rename(person.person_id, { name: "Taken" });
    await expectProblem(response, "person_exists", 409);
    const read = await call(`/people/${person.person_id}`, { token: user.accessToken });
    expect(await expectJson(read, 200)).toMatchObject({ name: "Free" });
  });

  it("cannot reach a person of another user", async () => {
    const stranger = await createUser();
    const theirs = await createPerson(stranger, "Theirs");
    await expectProblem(await rename(theirs.person_id, { name: "Mine" }), "person_not_found", 404);
    const read = await call(`/people/${theirs.person_id}`, { token: stranger.accessToken });
    expect(await expectJson(read, 200)).toMatchObject({ name: "Theirs" });
  });

  it.each([
    ["no name", {}],
    ["an empty name", { name: " " }],
    ["a list", []],
    ["another field", { name: "Ada", photo_keys: ["videos/x"] }],
  ])("refuses %s", async (_name, json) => {
    const person = await createPerson(user, `Bad input ${crypto.randomUUID()}`);
    await expectProblem(await rename(person.person_id, json), "validation_failed", 422);
  });

  it("refuses an id that is no UUID", async () => {
    await expectProblem(await rename("7", { name: "Ada" }), "validation_failed", 422);
  });
});

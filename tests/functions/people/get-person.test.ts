import { beforeAll, describe, expect, it } from "vitest";
import { personSchema } from "../../../supabase/functions/people/schemas.ts";
import { call, expectJson, expectProblem } from "../../support/call.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import { addPhoto, createPerson, decideOnFaces } from "./support.ts";

let user: TestUser;

beforeAll(async () => {
  user = await createUser();
});

describe("GET /people/:id", () => {
  it("reads one person of the caller", async () => {
    const person = await createPerson(user, "Ada");
    const response = await call(`/people/${person.person_id}`, { token: user.accessToken });
    expect(personSchema.parse(await expectJson(response, 200))).toEqual(person);
  });

  it("takes the id in upper case", async () => {
    const person = await createPerson(user, "Bo");
    const path = `/people/${person.person_id.toUpperCase()}`;
    expect(await expectJson(await call(path, { token: user.accessToken }), 200)).toEqual(person);
  });

  it("counts the photos", async () => {
    const person = await createPerson(user, "Cy");
    await decideOnFaces(user, true);
    await addPhoto(user, person.person_id);
    const response = await call(`/people/${person.person_id}`, { token: user.accessToken });
    expect(await expectJson(response, 200)).toMatchObject({ photo_count: 1 });
  });

  it("answers 404 for a person of another user as for none at all", async () => {
    const stranger = await createUser();
    const { person_id: foreign } = await createPerson(stranger, "Theirs");
    for (const id of [foreign, crypto.randomUUID()]) {
      const response = await call(`/people/${id}`, { token: user.accessToken });
      await expectProblem(response, "person_not_found", 404);
    }
  });

  it("refuses an id that is no UUID", async () => {
    const response = await call("/people/everybody", { token: user.accessToken });
    await expectProblem(response, "validation_failed", 422);
  });
});

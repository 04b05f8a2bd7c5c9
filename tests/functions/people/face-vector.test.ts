import { beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../../supabase/functions/people/app.ts";
import { depsWith } from "../../support/app.ts";
import { call, expectProblem, toRequestInit } from "../../support/call.ts";
import { setting } from "../../support/stack.ts";
import { adminSql } from "../../support/sql.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import { toBase64 } from "../videos/worker-support.ts";
import { createConsentingUser, createPerson } from "./support.ts";

let user: TestUser;
let personId: string;

beforeAll(async () => {
  user = await createConsentingUser();
  personId = (await createPerson(user, "Ada")).person_id;
});

const workerKey = () => setting("HEIMDEX_WORKER_KEYS").split(",")[0] ?? "";
const vector = toBase64(Array.from({ length: 512 }, (_, n) => Math.sin(n)));
const request = (json: unknown = { vector }) => ({ method: "PUT", token: workerKey(), json });
const put = (id = personId, json?: unknown) => call(`/people/${id}/face-vector`, request(json));

describe("PUT /people/:id/face-vector", () => {
  it("keeps the vector where pgvector is, and says so where it is not", async () => {
    const [table] = await adminSql()`
      select from pg_tables where schemaname = 'public' and tablename = 'face_vectors'`;
    const response = await put();
    if (table) expect(response.status).toBe(204);
    else await expectProblem(response, "feature_disabled", 403);
  });

  it("refuses before the user agreed", async () => {
    const { person_id } = await createPerson(await createUser(), "Shy");
    await expectProblem(await put(person_id), "consent_required", 403);
  });

  it("refuses where face enrollment is switched off", async () => {
    const deps = depsWith({ environment: { HEIMDEX_FACE_ENROLLMENT: "false" } });
    const path = `/people/${personId}/face-vector`;
    const response = await createApp(deps).request(path, toRequestInit(request()));
    await expectProblem(response, "feature_disabled", 403);
    await deps.database.close();
  });

  it("answers 404 for nobody and for a person who is being deleted", async () => {
    await expectProblem(await put(crypto.randomUUID()), "person_not_found", 404);
    const { person_id } = await createPerson(user, "Leaving");
    await adminSql()`
      update public.face_profiles set deleted_at = now() where person_id = ${person_id}`;
    await expectProblem(await put(person_id), "person_not_found", 404);
  });

  it.each([
    ["no vector", {}],
    ["511 numbers", { vector: toBase64(new Array(511).fill(1)) }],
    ["NaN", { vector: toBase64([Number.NaN, ...new Array(511).fill(1)]) }],
    ["zeros only", { vector: toBase64(new Array(512).fill(0)) }],
    ["numbers that are no base64", { vector: [1, 2, 3] }],
  ])("refuses %s", async (_name, json) => {
    await expectProblem(await put(personId, json), "validation_failed", 422);
  });
});

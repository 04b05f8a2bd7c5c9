import { beforeAll, describe, expect, it } from "vitest";
import { createObjectStore } from "../../../shared/storage/object-store.ts";
import { createApp } from "../../../supabase/functions/people/app.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { postgresSql } from "../../support/sql.ts";
import type { TestUser } from "../../support/users.ts";
import { addPhoto, createConsentingUser, createPerson, requestUpload, upload } from "./support.ts";

let user: TestUser;

beforeAll(async () => {
  user = await createConsentingUser();
});

const remove = (id: string, token = user.accessToken) =>
  call(`/people/${id}`, { method: "DELETE", token });

async function countObjects(personId: string): Promise<number> {
  const [row] = await postgresSql()<{ count: number }[]>`
    select count(*)::int as count from storage.objects
    where bucket_id = 'uploads' and name like ${`faces/%/${personId}/%`}
  `;
  return row?.count ?? -1;
}

describe("DELETE /people/:id", () => {
  it("deletes the person, the photos and uploads that were never completed", async () => {
    const { person_id: id } = await createPerson(user, "Ada");
    await addPhoto(user, id);
    await upload(user, await requestUpload(user, id));
    expect(await countObjects(id)).toBe(2);
    const response = await remove(id);
    expect(response.status).toBe(204);
    expect(await response.text()).toBe("");
    expect(await countObjects(id)).toBe(0);
    const receipts = await postgresSql()<{ receipt: string }[]>`
      select receipt from private.erasure_receipts
      where erasure_id = ${response.headers.get("x-erasure-id") ?? ""}
    `;
    expect(receipts.map(({ receipt }) => JSON.parse(receipt))).toEqual([
      expect.objectContaining({
        kind: "person",
        stage: "provisional",
        buckets: { uploads: expect.objectContaining({ after: { objects: 0, bytes: 0 } }) },
      }),
    ]);
    await expectProblem(
      await call(`/people/${id}`, { token: user.accessToken }),
      "person_not_found",
    );
    await expectProblem(await remove(id), "person_not_found", 404);
  });

  it("touches no other person of the caller", async () => {
    const kept = await createPerson(user, "Kept");
    await addPhoto(user, kept.person_id);
    const gone = await createPerson(user, "Gone");
    await addPhoto(user, gone.person_id);
    expect((await remove(gone.person_id)).status).toBe(204);
    expect(await countObjects(kept.person_id)).toBe(1);
    const read = await call(`/people/${kept.person_id}`, { token: user.accessToken });
    expect(await expectJson(read, 200)).toMatchObject({ photo_count: 1 });
  });

  it("frees the name", async () => {
    const { person_id: id } = await createPerson(user, "Again");
    expect((await remove(id)).status).toBe(204);
    await createPerson(user, "Again");
  });

  it("cannot reach a person of another user", async () => {
    const stranger = await createConsentingUser();
    const { person_id: id } = await createPerson(stranger, "Theirs");
    await addPhoto(stranger, id);
    await expectProblem(await remove(id), "person_not_found", 404);
    expect(await countObjects(id)).toBe(1);
  });

  it("refuses an id that is no UUID", async () => {
    await expectProblem(await remove("7"), "validation_failed", 422);
  });

  it("answers 503 while Storage is away and completes on the next try", async () => {
    const { person_id: id } = await createPerson(user, "Patience");
    await addPhoto(user, id);
    const deps = depsWith({ log: () => {} });
    const objects = createObjectStore({
      ...deps.env,
      supabaseUrl: withOutage("supabase").SUPABASE_URL ?? "",
    });
    const response = await createApp({ ...deps, objects }).request(
      `/people/${id}`,
      toRequestInit({ method: "DELETE", token: user.accessToken }),
    );
    await expectProblem(response, "storage_unavailable", 503);
    expect(await countObjects(id)).toBe(1);
    const hidden = await call(`/people/${id}`, { token: user.accessToken });
    await expectProblem(hidden, "person_not_found", 404);
    const { person_id: namesake } = await createPerson(user, "Patience");
    expect((await remove(id)).status).toBe(204);
    expect(await countObjects(id)).toBe(0);
    const kept = await call(`/people/${namesake}`, { token: user.accessToken });
    await expectJson(kept, 200);
    await deps.database.close();
  });
});

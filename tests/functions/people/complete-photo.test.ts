import { beforeAll, describe, expect, it } from "vitest";
import { createObjectStore } from "../../../shared/storage/object-store.ts";
import { createApp } from "../../../supabase/functions/people/app.ts";
import { photoStateSchema } from "../../../supabase/functions/people/schemas.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { adminClient, type TestUser } from "../../support/users.ts";
import {
  completePhoto,
  createConsentingUser,
  createPerson,
  png,
  requestUpload,
  upload,
} from "./support.ts";

let user: TestUser;
let personId: string;

beforeAll(async () => {
  user = await createConsentingUser();
  personId = (await createPerson(user, "Ada")).person_id;
});

const complete = (key: string, id = personId) => completePhoto(user, id, key);

async function exists(key: string): Promise<boolean> {
  const { data } = await adminClient().storage.from("uploads").exists(key);
  return data;
}

describe("POST /people/:id/photos/complete", () => {
  it("adds an uploaded photo once, however often it is completed", async () => {
    const { person_id: id } = await createPerson(user, "Once");
    const ticket = await requestUpload(user, id);
    await upload(user, ticket);
    for (let i = 0; i < 2; i++) {
      const response = await complete(ticket.photo_key, id);
      const state = photoStateSchema.parse(await expectJson(response, 202));
      expect(state).toMatchObject({ person_id: id, photo_count: 1 });
    }
  });

  it("refuses an upload that was never made and takes it once it was", async () => {
    const ticket = await requestUpload(user, personId);
    await expectProblem(await complete(ticket.photo_key), "upload_missing", 409);
    await upload(user, ticket);
    await expectJson(await complete(ticket.photo_key), 202);
  });

  it("refuses an upload of another type than announced and takes it away", async () => {
    const ticket = await requestUpload(user, personId, "image/jpeg");
    await upload(user, ticket, png, "image/png");
    const problem = await expectProblem(await complete(ticket.photo_key), "upload_mismatch", 422);
    expect(problem.detail).toContain("image/png");
    expect(await exists(ticket.photo_key)).toBe(false);
  });

  it("refuses an empty upload", async () => {
    const ticket = await requestUpload(user, personId);
    await upload(user, ticket, new Uint8Array());
    await expectProblem(await complete(ticket.photo_key), "upload_mismatch", 422);
  });

  it("refuses a key of another person, another user, another folder or another form", async () => {
    const { person_id: other } = await createPerson(user, "Other");
    const ofOther = await requestUpload(user, other);
    await upload(user, ofOther);
    const name = "photo_20260102030405678-0123abcd.png";
    const keys = [
      ofOther.photo_key,
      `faces/${crypto.randomUUID()}/${personId}/${name}`,
      `videos/${user.id}/${personId}/${name}`,
      `faces/${user.id}/${personId}/../${other}/${name}`,
      `faces/${user.id}/${personId}/${name}.exe`,
      `faces/${user.id}/${personId}/`,
    ];
    for (const key of keys) {
      await expectProblem(await complete(key), "photo_not_found", 404);
    }
  });

  it("answers 404 for a person of another user", async () => {
    const stranger = await createConsentingUser();
    const { person_id: id } = await createPerson(stranger, "Theirs");
    const ticket = await requestUpload(stranger, id);
    await upload(stranger, ticket);
    await expectProblem(await complete(ticket.photo_key, id), "person_not_found", 404);
  });

  it.each([["no key", {}], ["an empty key", { photo_key: "" }], ["a list", { photo_key: [] }]])(
    "refuses %s",
    async (_name, json) => {
      const path = `/people/${personId}/photos/complete`;
      const response = await call(path, { token: user.accessToken, json });
      await expectProblem(response, "validation_failed", 422);
    },
  );

  it("refuses where face enrollment is switched off", async () => {
    const ticket = await requestUpload(user, personId);
    await upload(user, ticket);
    const deps = depsWith({
      environment: { HEIMDEX_FACE_ENROLLMENT: "false" },
      log: () => {},
    });
    const response = await createApp(deps).request(
      `/people/${personId}/photos/complete`,
      toRequestInit({ token: user.accessToken, json: { photo_key: ticket.photo_key } }),
    );
    await expectProblem(response, "feature_disabled", 403);
    await deps.database.close();
  });

  it("answers 503 while Storage is away, writes nothing and succeeds later", async () => {
    const { person_id: id } = await createPerson(user, "Patience");
    const ticket = await requestUpload(user, id);
    await upload(user, ticket);
    const deps = depsWith({ log: () => {} });
    const { SUPABASE_URL: supabaseUrl = "" } = withOutage("supabase");
    const objects = createObjectStore({ ...deps.env, supabaseUrl });
    const response = await createApp({ ...deps, objects }).request(
      `/people/${id}/photos/complete`,
      toRequestInit({ token: user.accessToken, json: { photo_key: ticket.photo_key } }),
    );
    await expectProblem(response, "storage_unavailable", 503);
    const read = await call(`/people/${id}`, { token: user.accessToken });
    expect(await expectJson(read, 200)).toMatchObject({ photo_count: 0 });
    await expectJson(await complete(ticket.photo_key, id), 202);
    await deps.database.close();
  });
});

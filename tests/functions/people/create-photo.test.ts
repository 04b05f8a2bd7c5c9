import { beforeAll, describe, expect, it } from "vitest";
import { createObjectStore } from "../../../shared/storage/object-store.ts";
import { createApp } from "../../../supabase/functions/people/app.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { useStack } from "../../support/stack.ts";
import { adminSql } from "../../support/sql.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import {
  completePhoto,
  createConsentingUser,
  createPerson,
  decideOnFaces,
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

const request = (json: unknown, id = personId) =>
  call(`/people/${id}/photos`, { token: user.accessToken, json });

describe("POST /people/:id/photos", () => {
  it.each([["image/jpeg", "jpg"], ["image/png", "png"]])(
    "signs an upload of %s under the person's folder",
    async (contentType, extension) => {
      const ticket = await requestUpload(user, personId, contentType);
      expect(ticket.photo_key).toBe(ticket.path);
      const name = ticket.photo_key.replace(`faces/${user.id}/${personId}/`, "");
      expect(name).toMatch(new RegExp(`^photo_[0-9]{17}-[0-9a-f]{8}\\.${extension}$`));
      const today = new Date().toISOString().slice(0, 10).replaceAll("-", "");
      expect(name.slice("photo_".length)).toMatch(new RegExp(`^${today}`));
      expect(ticket.upload_url.startsWith(`${useStack().url}/storage/v1/`)).toBe(true);
    },
  );

  it("signs a URL that takes a plain PUT", async () => {
    const ticket = await requestUpload(user, personId);
    const answer = await fetch(ticket.upload_url, {
      method: "PUT",
      headers: { "content-type": "image/png", apikey: useStack().publishableKey },
      body: png,
    });
    expect(answer.status, await answer.text()).toBe(200);
  });

  it("gives every request a key of its own", async () => {
    const tickets = await Promise.all(
      Array.from({ length: 5 }, () => requestUpload(user, personId)),
    );
    expect(new Set(tickets.map((ticket) => ticket.photo_key)).size).toBe(5);
  });

  it("answers 404 for a person of another user", async () => {
    const stranger = await createConsentingUser();
    const theirs = await createPerson(stranger, "Theirs");
    const response = await request({ content_type: "image/png" }, theirs.person_id);
    await expectProblem(response, "person_not_found", 404);
  });

  it.each([
    ["no type", {}],
    ["a type that is no photo", { content_type: "image/svg+xml" }],
    ["a video", { content_type: "video/mp4" }],
    ["a size of 0", { content_type: "image/png", size_bytes: 0 }],
    ["a size over 10 MiB", { content_type: "image/png", size_bytes: 10 * 1024 * 1024 + 1 }],
    ["a key of the caller's choice", { content_type: "image/png", photo_key: "faces/x" }],
  ])("refuses %s", async (_name, json) => {
    await expectProblem(await request(json), "validation_failed", 422);
  });

  it("refuses where face enrollment is switched off", async () => {
    const deps = depsWith({
      environment: { HEIMDEX_FACE_ENROLLMENT: "false" },
      log: () => {},
    });
    const response = await createApp(deps).request(
      `/people/${personId}/photos`,
      toRequestInit({ token: user.accessToken, json: { content_type: "image/png" } }),
    );
    await expectProblem(response, "feature_disabled", 403);
    await deps.database.close();
  });

  it("refuses before the user agreed, and after the consent was withdrawn", async () => {
    const other = await createUser();
    const { person_id: id } = await createPerson(other, "Shy");
    const ask = () =>
      call(`/people/${id}/photos`, {
        token: other.accessToken,
        json: { content_type: "image/png" },
      });
    await expectProblem(await ask(), "consent_required", 403);
    await decideOnFaces(other, true);
    const ticket = await requestUpload(other, id);
    await upload(other, ticket);
    await decideOnFaces(other, false);
    await expectProblem(await ask(), "consent_required", 403);
    const late = await completePhoto(other, id, ticket.photo_key);
    await expectProblem(late, "consent_required", 403);
    await decideOnFaces(other, true);
    await expectJson(await completePhoto(other, id, ticket.photo_key), 202);
  });

  it("gives no URL for a photo beyond 20, and none beyond is completed", async () => {
    const { person_id: id } = await createPerson(user, "Famous");
    const ticket = await requestUpload(user, id);
    const racing = await requestUpload(user, id);
    await upload(user, ticket);
    await upload(user, racing);
    await adminSql()`
      update public.face_profiles set photo_keys = array(
        select ${`faces/${user.id}/${id}/photo_`} || n || '.png' from generate_series(1, 19) as n)
       where person_id = ${id}`;
    const answers = await Promise.all(
      [ticket, racing].map((one) => completePhoto(user, id, one.photo_key)),
    );
    const refused = answers.filter(({ status }) => status !== 202);
    expect(refused).toHaveLength(1);
    for (const answer of refused) await expectProblem(answer, "photo_limit_reached", 409);
    const next = await request({ content_type: "image/png" }, id);
    await expectProblem(next, "photo_limit_reached", 409);
  });

  it("answers 503 while Storage is away", async () => {
    const deps = depsWith({ log: () => {} });
    const { SUPABASE_URL: supabaseUrl = "" } = withOutage("supabase");
    const objects = createObjectStore({ ...deps.env, supabaseUrl });
    const response = await createApp({ ...deps, objects }).request(
      `/people/${personId}/photos`,
      toRequestInit({ token: user.accessToken, json: { content_type: "image/png" } }),
    );
    await expectProblem(response, "storage_unavailable", 503);
    await deps.database.close();
  });
});

import { beforeAll, describe, expect, it } from "vitest";
import { personSceneListSchema, personSchema } from "../../../supabase/functions/people/schemas.ts";
import { call, expectJson, expectProblem } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import { createIndexedVideo } from "../videos/support.ts";
import {
  addPhoto,
  createConsentingUser,
  createPerson,
  decideOnFaces,
  requestUpload,
  upload,
} from "./support.ts";

let user: TestUser;
let sceneIds: string[];

beforeAll(async () => {
  user = await createConsentingUser();
  const { video_id } = await createIndexedVideo(user);
  const scenes = await adminSql()<{ scene_id: string }[]>`
    select scene_id from public.scenes where video_id = ${video_id} order by start_s`;
  sceneIds = scenes.map(({ scene_id }) => scene_id);
});

const merge = (id: string, into: unknown, token = user.accessToken) =>
  call(`/people/${id}/merge`, { token, json: { into } });

const newPerson = async (name: string) =>
  (await createPerson(user, `${name} ${crypto.randomUUID()}`)).person_id;

async function link(personId: string, links: [scene: number, confidence: number][]) {
  for (const [scene, confidence] of links) {
    await adminSql()`
      insert into public.scene_people (scene_id, person_id, confidence, frame_count)
      values (${sceneIds[scene] ?? ""}, ${personId}, ${confidence}, 5)`;
  }
}

async function readScenes(id: string, query = "", token = user.accessToken) {
  const response = await call(`/people/${id}/scenes${query}`, { token });
  return personSceneListSchema.parse(await expectJson(response, 200));
}

describe("POST /people/:id/merge", () => {
  it("moves scenes and photos to the person who stays", async () => {
    const [source, target] = [await newPerson("Source"), await newPerson("Target")];
    await link(source, [[0, 0.9], [1, 0.4]]);
    await link(target, [[1, 0.6], [2, 0.5]]);
    await addPhoto(user, source);
    await addPhoto(user, target);
    const merged = personSchema.parse(await expectJson(await merge(source, target), 200));
    expect(merged).toMatchObject({ person_id: target, photo_count: 2 });
    expect(merged.name).toMatch(/^Target/);
    const { scenes } = await readScenes(target);
    expect(scenes.map((one) => [one.scene_id, one.confidence, one.frame_count])).toEqual([
      [sceneIds[0], 0.9, 5],
      [sceneIds[1], 0.6, 10],
      [sceneIds[2], 0.5, 5],
    ]);
    for (const path of [`/people/${source}`, `/people/${source}/scenes`]) {
      await expectProblem(await call(path, { token: user.accessToken }), "person_not_found", 404);
    }
  });

  it("answers the same when it is repeated, and after the other was merged on", async () => {
    const [first, second, third] = [
      await newPerson("A"),
      await newPerson("B"),
      await newPerson("C"),
    ];
    const body = await expectJson(await merge(first, second), 200);
    expect(await expectJson(await merge(first, second), 200)).toEqual(body);
    await expectJson(await merge(second, third), 200);
    await expectProblem(await merge(first, second), "person_not_found", 404);
    expect(await expectJson(await merge(first, third), 200)).toMatchObject({ person_id: third });
  });

  it("lets one of two merges against each other through", async () => {
    const [one, other] = [await newPerson("One"), await newPerson("Other")];
    const answers = await Promise.all([merge(one, other), merge(other, one)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
    await Promise.all(answers.map((answer) => answer.body?.cancel()));
  });

  it("refuses people of another user, on either side, and leaves both as they are", async () => {
    const stranger = await createUser();
    const { person_id: theirs } = await createPerson(stranger, "Theirs");
    const mine = await newPerson("Mine");
    for (
      const [id, into] of [[mine, theirs], [theirs, mine], [mine, crypto.randomUUID()]] as const
    ) {
      await expectProblem(await merge(id, into), "person_not_found", 404);
    }
    await expectJson(await call(`/people/${mine}`, { token: user.accessToken }), 200);
    await expectJson(await call(`/people/${theirs}`, { token: stranger.accessToken }), 200);
  });

  it("refuses a person into itself and an id that is none", async () => {
    const id = await newPerson("Same");
    await expectProblem(await merge(id, id), "validation_failed", 422);
    await expectProblem(await merge(id, "somebody"), "validation_failed", 422);
    await expectProblem(await merge(id, undefined), "validation_failed", 422);
  });

  it("lets the deletion of the person who stays take every photo along", async () => {
    const [source, target] = [await newPerson("Source"), await newPerson("Target")];
    const photo = await addPhoto(user, source);
    const unfinished = await requestUpload(user, source);
    await upload(user, unfinished);
    await expectJson(await merge(source, target), 200);
    const response = await call(`/people/${target}`, { method: "DELETE", token: user.accessToken });
    expect(response.status).toBe(204);
    const count = async (key: string) => {
      const [row] = await adminSql()<{ count: number }[]>`
        select count(*)::int as count from storage.objects
        where bucket_id = 'uploads' and name = ${key}`;
      return row?.count;
    };
    expect(await count(photo)).toBe(0);
    // An upload that was never completed goes with an erasure of its own, which the drain runs.
    const jobs = await adminSql()`
      select kind, user_id from private.erasures where person_id = ${source}`;
    expect([...jobs]).toEqual([{ kind: "person", user_id: user.id }]);
  });
});

describe("GET /people/:id/scenes", () => {
  it("pages from the surest to the least sure, through equal ones too", async () => {
    const id = await newPerson("Paged");
    await link(id, [[0, 0.25], [1, 0.9], [2, 0.25]]);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const after: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
      const page = await readScenes(id, `?limit=1${after}`);
      seen.push(...page.scenes.map(({ scene_id }) => scene_id));
      cursor = page.next_cursor;
    } while (cursor);
    const [low, high] = [sceneIds[0] ?? "", sceneIds[2] ?? ""].sort();
    expect(seen).toEqual([sceneIds[1], low, high]);
    const [scene] = (await readScenes(id)).scenes;
    expect(scene).toMatchObject({
      video_title: "Kitchen tour",
      transcript: "The red kettle whistles loudly",
      start_s: 1.25,
      thumbnail_url: null,
    });
  });

  it("is empty for a person nobody saw, and 404 for people of others", async () => {
    const id = await newPerson("Unseen");
    expect(await readScenes(id)).toEqual({ scenes: [], next_cursor: null, has_more: false });
    const stranger = await createUser();
    const response = await call(`/people/${id}/scenes`, { token: stranger.accessToken });
    await expectProblem(response, "person_not_found", 404);
  });

  it("refuses a cursor of another person", async () => {
    const [id, other] = [await newPerson("Cursor"), await newPerson("Other")];
    await link(id, [[0, 0.5], [1, 0.5]]);
    const { next_cursor: cursor } = await readScenes(id, "?limit=1");
    const path = `/people/${other}/scenes?cursor=${encodeURIComponent(cursor ?? "")}`;
    await expectProblem(await call(path, { token: user.accessToken }), "invalid_cursor", 400);
  });

  it("leaves scenes of deleted videos out", async () => {
    const owner = await createUser();
    const { video_id } = await createIndexedVideo(owner);
    const { person_id } = await createPerson(owner, "Gone");
    await adminSql()`
      insert into public.scene_people (scene_id, person_id, confidence, frame_count)
      select scene_id, ${person_id}, 0.5, 1 from public.scenes where video_id = ${video_id}`;
    expect((await readScenes(person_id, "", owner.accessToken)).scenes).toHaveLength(3);
    await adminSql()`
      update public.videos set deleted_at = now(), state = 'deleted' where video_id = ${video_id}`;
    expect((await readScenes(person_id, "", owner.accessToken)).scenes).toEqual([]);
  });
});

it("withdrawing the consent keeps people, their scenes and photos", async () => {
  const other = await createConsentingUser();
  const { person_id } = await createPerson(other, "Kept");
  await addPhoto(other, person_id);
  await decideOnFaces(other, false);
  const read = await call(`/people/${person_id}`, { token: other.accessToken });
  expect(await expectJson(read, 200)).toMatchObject({ photo_count: 1 });
});

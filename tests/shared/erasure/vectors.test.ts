import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../../shared/database/doors.ts";
import { readEnv } from "../../../shared/env.ts";
import { countScope, readScope, readTables, takePage } from "../../../shared/erasure/rows.ts";
import {
  startServer,
  type TestDatabase,
  type TestServer,
} from "../../migrations/support/database.ts";
import { useStack } from "../../support/stack.ts";

/** The tables that stand only where pgvector is; what is erased does not depend on the type. */
const vectorTables = `
  create table if not exists public.scene_vectors (
    scene_id uuid primary key references public.scenes (scene_id) on delete cascade,
    text_vec text, image_vec text);
  create table if not exists public.face_vectors (
    person_id uuid primary key references public.face_profiles (person_id) on delete cascade,
    adaface_vec text)`;

describe("vectors", () => {
  let server: TestServer;
  let db: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    server = await startServer();
    db = await server.createDatabase();
    await db.sql.unsafe(vectorTables);
    database = createDatabase(readEnv({ ...useStack().environment, DATABASE_URL: db.url }));
  });
  afterAll(async () => {
    await database.close();
    await db.stop();
    await server.stop();
  });

  /** A user with one scene, in which one person is seen, both with vectors. */
  async function addUser(): Promise<{ userId: string; personId: string }> {
    const [userId, personId, videoId, sceneId] = Array.from(
      { length: 4 },
      () => crypto.randomUUID(),
    ) as [string, string, string, string];
    await db.sql`insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes)
      values (${videoId}, ${userId}, ${videoId}, 'video/mp4', 1)`;
    await db.sql`insert into public.scenes (scene_id, video_id, start_s, end_s)
      values (${sceneId}, ${videoId}, 0, 1)`;
    await db.sql`insert into public.scene_vectors (scene_id) values (${sceneId})`;
    await db.sql`insert into public.face_profiles (person_id, user_id, name)
      values (${personId}, ${userId}, 'Ada')`;
    await db.sql`insert into public.face_vectors (person_id) values (${personId})`;
    await db.sql`insert into public.scene_people (scene_id, person_id, confidence, frame_count)
      values (${sceneId}, ${personId}, 1, 1)`;
    return { userId, personId };
  }

  const count = (owner: { userId: string; personId?: string }) =>
    database.asService(async (sql) => {
      const { tables } = await countScope(sql, await readScope(sql, owner));
      return tables;
    });

  const take = (owner: { userId: string; personId?: string }) =>
    database.asService(async (sql) => {
      const scope = await readScope(sql, { ...owner, subject: "0".repeat(64) });
      const rules = await readTables(sql, scope);
      for (const rule of rules.filter(({ follows }) => follows === undefined)) {
        for (let rows = 1; rows > 0;) rows = await takePage(sql, rule, scope);
      }
    });

  it("go with the scenes and people of a user, and no others do", async () => {
    const [{ userId }, other] = [await addUser(), await addUser()];
    expect(await count({ userId })).toMatchObject({
      "public.scene_vectors": 1,
      "public.face_vectors": 1,
    });
    await take({ userId });
    expect(Object.values(await count({ userId })).every((rows) => rows === 0)).toBe(true);
    expect(await count(other)).toMatchObject({
      "public.face_vectors": 1,
      "public.scene_people": 1,
    });
    expect(await count({ userId: other.userId })).toMatchObject({ "public.scene_vectors": 1 });
  });

  it("of a person go with the person, while the scene keeps its own", async () => {
    const owner = await addUser();
    await take(owner);
    expect(Object.values(await count(owner)).every((rows) => rows === 0)).toBe(true);
    expect(await count({ userId: owner.userId })).toMatchObject({
      "public.scenes": 1,
      "public.scene_vectors": 1,
      "public.face_vectors": 0,
      "public.scene_people": 0,
    });
  });
});

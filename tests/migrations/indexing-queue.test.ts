import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Row, startDatabase, type TestDatabase } from "./support/database.ts";

/** Where pgvector is, these columns are vectors; what the swap does with them does not differ. */
const vectorTable = `
  create table if not exists public.scene_vectors (
    scene_id uuid primary key references public.scenes (scene_id) on delete cascade,
    text_vec text, image_vec text)`;

let db: TestDatabase;

beforeAll(async () => {
  db = await startDatabase();
});
afterAll(() => db.stop());

async function claimNew(): Promise<{ videoId: string; leaseId: string; owner: string }> {
  const [videoId, owner] = [crypto.randomUUID(), crypto.randomUUID()];
  await db.sql`
    insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes, state)
    values (${videoId}, ${owner}, 'k', 'video/mp4', 1, 'validating')`;
  await db.sql`insert into public.jobs (video_id, stage) values (${videoId}, 'commit')`;
  const [job] = await db.sql<{ lease_id: string; video_id: string }[]>`
    select lease_id, video_id from private.claim_job(array['commit'], 300, null)`;
  expect(job?.video_id).toBe(videoId);
  return { videoId, leaseId: job?.lease_id ?? "", owner };
}

async function put(
  { videoId, leaseId }: { videoId: string; leaseId: string },
  scenes: Row[],
  o: { revision?: string; part?: number; parts?: number | null } = {},
): Promise<Row | undefined> {
  const { revision = crypto.randomUUID(), part = 1, parts = 1 } = o;
  const [row] = await db.sql`
    select * from private.put_scenes(${videoId}, ${leaseId}, ${revision}, ${part}, ${parts},
      ${JSON.stringify(scenes)}::text::jsonb)`;
  return row;
}

const many = (count: number, o: Row = {}) =>
  Array.from({ length: count }, (_, n) => ({ start_s: n, end_s: n + 1, ...o }));

describe("private.put_scenes", () => {
  test("refuses more than 50,000 scenes in a revision and keeps the parts before", async () => {
    const held = await claimNew();
    const revision = crypto.randomUUID();
    for (let part = 1; part <= 10; part++) {
      await put(held, many(5000), { revision, part, parts: null });
    }
    await expect(put(held, many(1), { revision, part: 11, parts: 11 })).rejects.toMatchObject({
      code: "HD000",
      message: "validation_failed",
    });
    expect(await put(held, many(5000), { revision, part: 10, parts: 10 })).toMatchObject({
      swapped: true,
      total: 50_000,
    });
  });

  test("refuses more words than the swap can index, and takes fewer in their place", async () => {
    const held = await claimNew();
    const revision = crypto.randomUUID();
    const words = (count: number) => many(count, { transcript: "a".repeat(10_000) });
    await put(held, words(600), { revision, parts: null });
    const tags = [{ start_s: 0, end_s: 1, vision_tags: Array(2_000_001).fill("") }];
    for (const scenes of [words(401), tags]) {
      await expect(put(held, scenes, { revision, part: 2, parts: null })).rejects.toMatchObject({
        code: "HD000",
        message: "validation_failed",
        detail: expect.stringContaining("10 million characters of transcripts and 2 million tags"),
      });
    }
    const [row] = await db.sql`
      select sum(transcript_length)::int as length from private.scene_parts where revision = ${revision}`;
    expect(row).toEqual({ length: 6_000_000 });
    await put(held, many(1, { transcript: "few" }), { revision, parts: null });
    expect(await put(held, words(400), { revision, part: 2, parts: 2 })).toMatchObject({
      swapped: true,
      total: 401,
    });
  });

  test("forgets what was staged for a video that changes hands: its keys name the former owner", async () => {
    const held = await claimNew();
    const scene_id = crypto.randomUUID();
    const key = `${held.owner}/${held.videoId}/${scene_id}.jpg`;
    const revision = crypto.randomUUID();
    const scene = { scene_id, start_s: 0, end_s: 1, thumbnail_key: key };
    await put(held, [scene], { revision, parts: null });
    const [organization] = await db.sql`
      insert into public.organizations (name) values ('Harbour') returning organization_id as id`;
    await db.sql`
      update public.videos set user_id = null, organization_id = ${organization?.id}
      where video_id = ${held.videoId}`;
    expect(await put(held, [], { revision, part: 2, parts: 2 })).toMatchObject({
      swapped: false,
      missing: [1],
    });
    await expect(put(held, [scene], { revision, part: 1, parts: null })).rejects.toMatchObject({
      message: "validation_failed",
    });
    const folder = `organizations/${organization?.id}/${held.videoId}`;
    expect(await put(held, [{ ...scene, thumbnail_key: `${folder}/${scene_id}.jpg` }]))
      .toMatchObject({ swapped: true, total: 1 });
  });
});

describe("vectors", () => {
  test("are staged and swapped with their scenes where there is a table for them", async () => {
    await db.sql.unsafe(vectorTable);
    try {
      const held = await claimNew();
      const revision = crypto.randomUUID();
      const [both, text] = [crypto.randomUUID(), crypto.randomUUID()];
      expect(
        await put(held, [
          { scene_id: both, start_s: 0, end_s: 1, text_vec: "[1,2]", image_vec: "[3,4]" },
          { scene_id: text, start_s: 1, end_s: 2, text_vec: "[5,6]" },
        ], { revision, parts: null }),
      ).toMatchObject({ swapped: false, vectors_stored: true });
      expect(await put(held, many(1), { revision, part: 2, parts: 2 })).toMatchObject({
        swapped: true,
        total: 3,
        vectors_stored: true,
      });
      const rows = await db.sql`
        select v.* from public.scene_vectors v join public.scenes s using (scene_id)
        where s.video_id = ${held.videoId} order by s.start_s`;
      expect([...rows].filter(({ text_vec }) => text_vec)).toEqual([
        { scene_id: both, text_vec: "[1,2]", image_vec: "[3,4]" },
        { scene_id: text, text_vec: "[5,6]", image_vec: null },
      ]);
      await put(held, many(1));
      expect(await db.sql`select from public.scene_vectors`).toHaveLength(0);
    } finally {
      await db.sql`drop table public.scene_vectors`;
    }
  });
});

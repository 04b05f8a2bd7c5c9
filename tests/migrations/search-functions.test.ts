import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import fc from "fast-check";
import { isNear } from "../../shared/search/near-words.ts";
import { toPairedText } from "../../shared/search/paired-text.ts";
import { defaultWeights, fusionK } from "../../shared/search/rank-fusion.ts";
import { parseQuery } from "../../shared/search/text-query.ts";
import { type Row, startDatabase, type TestDatabase } from "./support/database.ts";
import { addPerson, asPerson, type Person, refusalOf, within } from "./support/people.ts";

let db: TestDatabase;
let ann: Person;
let bob: Person;

beforeAll(async () => {
  db = await startDatabase();
});
beforeEach(async () => {
  ann = await addPerson(db);
  bob = await addPerson(db);
});
afterAll(() => db.stop());

/** A video with a scene for each text, written as the server would. */
async function index(who: Person, texts: string[], fields: Row = {}) {
  const { title = null, tags = [], description = null, ...columns } = fields;
  const video = {
    user_id: who.id,
    storage_key: crypto.randomUUID(),
    mime_type: "video/mp4",
    size_bytes: 1,
    filename: "clip.mp4",
    ...columns,
  };
  const [row] = await db.sql`insert into public.videos ${db.sql(video)} returning video_id`;
  const video_id = String(row?.video_id);
  await db.sql`insert into public.video_metadata (video_id, title, description, tags)
    values (${video_id}, ${title as string | null}, ${description as string | null},
      ${JSON.stringify(tags)}::text::jsonb)`;
  await db.sql`insert into public.scenes (video_id, start_s, end_s, transcript)
    select ${video_id}, n, n + 1, t
      from unnest(${texts}::text[]) with ordinality as x (t, n)`;
  const scenes = await db.sql`
    select scene_id from public.scenes where video_id = ${video_id} order by start_s`;
  return { video_id, scenes: scenes.map(({ scene_id }) => String(scene_id)) };
}

interface Asked {
  filters?: Row;
  asOf?: string;
  limit?: number;
  after?: { score: number; hitId: string };
}

const find = (who: Person, text: string, o: Asked = {}): Promise<Row[]> =>
  asPerson(db.sql, who, async (sql) => [
    ...await sql`
      select * from private.find_scene_candidates(
        ${JSON.stringify(parseQuery(text).query)}::text::jsonb, null,
        ${JSON.stringify(o.filters ?? {})}::text::jsonb,
        ${JSON.stringify(defaultWeights)}::text::jsonb, ${fusionK},
        ${o.asOf ?? null}::text::timestamptz, ${o.after?.score ?? null}::float8,
        ${o.after?.hitId ?? null}::uuid, ${o.limit ?? 101})`,
  ]);

describe("private.to_search_text", () => {
  test("makes of any text what a query is made of", async () => {
    const texts = fc.sample(
      fc.string({
        unit: fc.oneof(
          fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
          fc.constantFrom(..."가나물바다赤猫いケトー々 aB-"),
        ),
        maxLength: 20,
      }),
      400,
    ).map((text) => text.replaceAll("\0", "").toWellFormed().normalize("NFKC"));
    const rows = await db.sql`
      select private.to_search_text(t) as text
        from unnest(${texts}::text[]) with ordinality as x (t, n) order by n`;
    expect(rows.map(({ text }) => text)).toEqual(texts.map(toPairedText));
  });

  test("knows the same characters as a query", async () => {
    const points = [
      ...Array.from({ length: 0xffff }, (_, n) => n + 1).filter((n) => n < 0xd800 || n > 0xdfff),
      ...[0x1f600, 0x1ffff, 0x20000, 0x2a6df, 0x323af, 0x323b0, 0x10ffff],
    ];
    // What NFKC turns into something else is never asked in this form.
    const characters = points.map((n) => String.fromCodePoint(n))
      .filter((one) => one.normalize("NFKC") === one && !/\s/u.test(one));
    const rows = await db.sql`
      select c, private.to_search_text(c) like '% %' as paired
        from unnest(${characters}::text[]) as x (c) where normalize(c, nfkc) = c`;
    const wrong = rows.filter(({ c, paired }) => toPairedText(c).includes(" ") !== paired);
    expect(wrong.map(({ c }) => c)).toEqual([]);
    expect(rows.filter(({ paired }) => paired).length).toBeGreaterThan(30_000);
  });
});

describe("private.to_scene_words", () => {
  test("holds words, stems and pairs, and takes any text", async () => {
    const [row] = await db.sql`
      select private.to_scene_words('Two boxes 주전자', 'en')::text as words,
        private.to_scene_words(null) = ''::tsvector as nothing,
        length(private.to_scene_words(repeat('가나다라 ', 1000000), 'ko')) as pairs,
        length(private.to_scene_words(
          (select string_agg(md5(n::text), ' ') from generate_series(1, 20000) n))) as cut`;
    expect(row?.words).toContain("'boxes':2");
    expect(row?.words).toContain("'box':");
    expect(row?.words).toContain("'전자'");
    expect(row?.words).not.toContain("'|'");
    expect(row).toMatchObject({ nothing: true, pairs: 5 });
    expect(row?.cut).toBeGreaterThan(1500);
  });

  test.each([
    ["en-GB", "english"],
    ["DE_at", "german"],
    ["nb", "norwegian"],
    ["ko", "english"],
    ["", "english"],
    [null, "english"],
  ])("takes the stems of language %s from %s", async (language, name) => {
    const [row] = await db.sql`select private.pick_configuration(${language}) as name`;
    expect(row?.name).toBe(name);
  });

  test("names configurations that PostgreSQL has", async () => {
    const [row] = await db.sql`
      select pg_get_functiondef('private.pick_configuration(text)'::regprocedure) as text`;
    const names = [...String(row?.text).matchAll(/then '([a-z]+)'/g)].map(([, name]) => name ?? "");
    expect(names.length).toBeGreaterThan(25);
    const known = await db.sql`select cfgname from pg_ts_config where cfgname in ${db.sql(names)}`;
    expect(known.map(({ cfgname }) => cfgname).sort()).toEqual([...new Set(names)].sort());
  });
});

describe("private.is_near and private.to_near_words", () => {
  const words = fc.string({ unit: fc.constantFrom(..."abcde가나é2"), minLength: 1, maxLength: 8 });

  test("decide as the marks of a hit do, and share a variant whenever they are near", async () => {
    const pairs = [
      ...fc.sample(fc.tuple(words, words), 500),
      ...fc.sample(fc.tuple(words, fc.nat(7)), 500).map(([word, at]): [string, string] => [
        word,
        word.slice(0, at) + "a" + word.slice(at + 1),
      ]),
    ];
    const rows = await db.sql`
      select x.a, x.b,
        private.is_near(normalize(lower(x.a), nfd), normalize(lower(x.b), nfd)) as near,
        (tsvector_to_array(private.to_near_words(x.a)) || normalize(x.a, nfd))
          && (tsvector_to_array(private.to_near_words(x.b)) || normalize(x.b, nfd)) as shared
      from unnest(${pairs.map(([a]) => a)}::text[], ${
      pairs.map(([, b]) => b)
    }::text[]) as x (a, b)`;
    for (const { a, b, near, shared } of rows) {
      expect([a, b, near]).toEqual([a, b, isNear(a, b)]);
      if (near) expect([a, b, shared]).toEqual([a, b, true]);
    }
    expect(rows.filter(({ near }) => near).length).toBeGreaterThan(100);
  });
});

describe("private.find_scene_candidates", () => {
  test("finds words of the caller's own scenes, the better match first", async () => {
    const { scenes, video_id } = await index(ann, ["one sea", "sea sea sea", "no match"]);
    await index(bob, ["sea of others"]);
    expect(await find(ann, "sea")).toEqual([
      {
        hit_id: scenes[1],
        scene_id: scenes[1],
        video_id,
        score: 0.3 / 61,
        text_rank: 1,
        metadata_rank: null,
        people_rank: null,
        vector_rank: null,
      },
      expect.objectContaining({ scene_id: scenes[0], score: 0.3 / 62, text_rank: 2 }),
    ]);
  });

  test("gives a match in the metadata to the scenes that match, else to the first", async () => {
    const first = await index(ann, ["one", "two harbour"], { title: "Harbour" });
    const second = await index(ann, ["one", "two"], { tags: ["harbour"] });
    const rows = await find(ann, "harbour");
    expect(rows.map((row) => [row.scene_id, row.text_rank, row.metadata_rank])).toEqual([
      [first.scenes[1], 1, 1],
      [second.scenes[0], null, 2],
    ]);
  });

  test("follows a changed title", async () => {
    await index(ann, ["one"], { title: "Harbour" });
    await asPerson(db.sql, ann, (sql) => sql`update public.video_metadata set title = 'Forest'`);
    expect(await find(ann, "harbour")).toHaveLength(0);
    expect(await find(ann, "forest")).toHaveLength(1);
    expect(await find(ann, "forset")).toHaveLength(1);
  });

  test("leaves out deleted videos, later scenes and what the page before showed", async () => {
    const first = await index(ann, ["sea one", "sea two"]);
    const second = await index(ann, ["sea three"]);
    await db.sql`update public.videos set state = 'deleted', deleted_at = now()
      where video_id = ${second.video_id}`;
    const rows = await find(ann, "sea");
    expect(rows.map((row) => row.video_id)).toEqual([first.video_id, first.video_id]);
    const after = { score: Number(rows[0]?.score), hitId: String(rows[0]?.hit_id) };
    expect(await find(ann, "sea", { after })).toEqual(rows.slice(1));
    expect(await find(ann, "sea", { asOf: "2020-01-01T00:00:00Z" })).toEqual([]);
  });

  test("ranks the newest 2,000 scenes of a word that stands in more, and pages through them", async () => {
    const { video_id } = await index(ann, []);
    await db.sql`insert into public.scenes (video_id, start_s, end_s, transcript, created_at)
      select ${video_id}, n, n + 1, 'the sea ' || n, now() - n * interval '1 minute'
        from generate_series(1, 2500) n`;
    await db.sql`analyze public.scenes`;
    const seen = new Set<unknown>();
    let after: Asked["after"];
    for (;;) {
      const rows = await find(ann, "sea", after ? { after } : {});
      for (const row of rows) seen.add(row.scene_id);
      const last = rows.at(-1);
      if (rows.length < 101 || !last) break;
      after = { score: Number(last.score), hitId: String(last.hit_id) };
    }
    const newest = await db.sql`select scene_id from public.scenes where video_id = ${video_id}
      order by created_at desc limit 2000`;
    expect(seen).toEqual(new Set(newest.map(({ scene_id }) => scene_id)));
    expect(await find(ann, "sea 2400")).toHaveLength(1);
  });

  test("shares 2,000 scenes of words that are spread among the videos with the others", async () => {
    const texts = Array.from({ length: 1200 }, () => "a boat");
    const videos = [
      await index(ann, texts, { title: "Harbour" }),
      await index(ann, texts, { title: "Harbour" }),
    ];
    const rows = await db.sql`
      select m.video_id, array_agg(m.scene_id) as scenes
      from private.find_spread_matches(
        row(${ann.id}::uuid, '{}'::uuid[], '{}'::uuid[], null, null, null, null, null, null,
          'infinity')::private.search_scope,
        array['harbour'::tsquery, 'boat'::tsquery]) as m group by m.video_id`;
    const found = new Map(rows.map(({ video_id, scenes }) => [video_id, new Set(scenes)]));
    for (const { video_id, scenes } of videos) {
      expect(found.get(video_id)).toEqual(new Set(scenes.slice(0, 1000)));
    }
  });

  test("refuses a senseless limit and a caller who is nobody", async () => {
    for (const limit of [0, 102]) {
      expect(await refusalOf(find(ann, "sea", { limit }))).toMatchObject({
        code: "HD000",
        message: "validation_failed",
      });
    }
    const nobody = within(
      db.sql,
      "authenticated",
      {},
      (sql) =>
        sql`select * from private.find_scene_candidates(null, null, '{}', '{}', 60, null, null, null, 1)`,
    );
    expect(await refusalOf(nobody)).toMatchObject({ code: "HD000", message: "token_missing" });
  });

  test("is the only way in: its parts are closed to clients", async () => {
    const rows = await db.sql`
      select p.proname as name from pg_proc p
      where p.pronamespace = 'private'::regnamespace and p.proname ~ '^(find|read_search|to_s.*(scope|query))'
        and has_function_privilege('authenticated', p.oid, 'execute')`;
    expect(rows.map(({ name }) => name)).toEqual(["find_scene_candidates"]);
  });
});

describe("the language of a video", () => {
  test("is that of its scenes, unless they have their own, and hands down its stems", async () => {
    const { video_id, scenes } = await index(ann, ["Häuser", "Häuser"], { title: "Häuser" });
    await db.sql`update public.scenes set language = 'fr' where scene_id = ${scenes[1] ?? ""}`;
    await asPerson(db.sql, ann, (sql) =>
      sql`
      update public.videos set language = 'de' where video_id = ${video_id}`);
    const rows = await db.sql`
      select s.language, s.words @@ 'haus' as found, m.words @@ 'haus' as described
        from public.scenes s join public.video_metadata m using (video_id)
        where s.video_id = ${video_id} order by s.start_s`;
    expect([...rows]).toEqual([
      { language: "de", found: true, described: true },
      { language: "fr", found: false, described: true },
    ]);
    await db.sql`insert into public.scenes (video_id, start_s, end_s, transcript)
      values (${video_id}, 9, 10, 'Häuser')`;
    expect(await find(ann, "haus", { filters: { language: "de" } })).toHaveLength(2);
  });
});

import type postgres from "postgres";

/** How many scenes of how many users; the first user has `heavyScenes`, the others share the rest. */
export interface SeedPlan {
  readonly scenes: number;
  readonly users: number;
  readonly heavyScenes: number;
}

export const scenesPerVideo = 8;

/** Words that stand in exactly so many scenes of each owner, or in all when it has fewer. */
export const markers: Readonly<Record<string, number>> = {
  lantern: 50,
  harbour: 100,
  violin: 200,
  glacier: 500,
  회의록: 150,
};

/** Stands in two of five scenes of every owner. */
export const commonWord = "people";

const vocabulary = 4000;
const peoplePerUser = 10;
const slices = 2;

/**
 * Fills an empty project with libraries, within minutes for a million scenes: triggers are off,
 * what they would write is computed in SQL, and the indexes are built afterwards. The texts are the
 * same at each run. `connect` opens one connection as a superuser.
 */
export async function seedLibraries(
  connect: () => postgres.Sql,
  plan: SeedPlan,
): Promise<void> {
  const workers = Array.from({ length: slices }, connect);
  const [sql] = workers;
  if (!sql) throw new Error("A seed needs a connection");
  try {
    const indexes = await dropIndexes(sql);
    await seedAccounts(sql, plan);
    const bounds = sliceUsers(plan);
    await Promise.all(workers.map((worker, at) => seedSlice(worker, plan, bounds[at] ?? [1, 0])));
    await buildIndexes(workers, indexes);
    await sql.unsafe("vacuum (analyze)");
  } finally {
    await Promise.all(workers.map((worker) => worker.end()));
  }
}

/** Users of each slice, so that the slices hold about as many scenes. */
function sliceUsers({ scenes, users, heavyScenes }: SeedPlan): [from: number, to: number][] {
  const perUser = (scenes - heavyScenes) / (users - 1);
  const first = Math.max(1, Math.min(users - 1, Math.round((scenes / 2 - heavyScenes) / perUser)));
  return [[1, 1 + first], [2 + first, users]];
}

/** Everything but keys; returns what creates them again. */
async function dropIndexes(sql: postgres.Sql): Promise<string[]> {
  const indexes = await sql<{ name: string; definition: string }[]>`
    select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
    from pg_index as i
    where i.indrelid in ('public.scenes'::regclass, 'public.videos'::regclass,
      'public.video_metadata'::regclass, 'public.scene_people'::regclass)
      and not exists (select from pg_constraint as c where c.conindid = i.indexrelid)`;
  for (const { name } of indexes) await sql.unsafe(`drop index ${name}`);
  return indexes.map(({ definition }) => definition);
}

async function buildIndexes(workers: postgres.Sql[], definitions: string[]): Promise<void> {
  const waiting = definitions.values();
  await Promise.all(workers.map(async (worker) => {
    await worker.unsafe("set maintenance_work_mem = '512MB'");
    for (const definition of waiting) await worker.unsafe(definition);
  }));
}

/** Users, a session of each, and their people. */
async function seedAccounts(sql: postgres.Sql, { users }: SeedPlan): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select set_config('session_replication_role', 'replica', true)`;
    await tx`
      insert into auth.users (id, aud, role, email)
      select md5('user ' || n)::uuid, 'authenticated', 'authenticated', n || '@example.test'
      from generate_series(1, ${users}::int) as n`;
    await tx`
      insert into auth.sessions (id, user_id, created_at, updated_at)
      select md5('session ' || n)::uuid, md5('user ' || n)::uuid, now(), now()
      from generate_series(1, ${users}::int) as n`;
    await tx`
      insert into public.face_profiles (person_id, user_id, name)
      select md5('person ' || n || ' ' || p)::uuid, md5('user ' || n)::uuid, 'Person ' || p
      from generate_series(1, ${users}::int) as n, generate_series(0, ${
      peoplePerUser - 1
    }::int) as p`;
  });
}

/** Three syllables and an ending, or two of Hangul and a particle, from the number `k` of a word. */
const latinWord = `substr('kaloruminesatoveridalugopenihuwazesibemo', 2 * (k % 20) + 1, 2)
  || substr('renamilotusavikodepagurinoleshabitomewyda', 2 * (k / 20 % 20) + 1, 2)
  || substr('ntrklmsdpgvbstrnckndlftgmprksplsrtngthchsh', 2 * (k / 400 % 20) + 1, 2)
  || (array['', 's', 'ing', 'ed'])[k % 4 + 1]`;
const hangulWord = `chr(44032 + k * 588 % 11172) || chr(44032 + k * 28 % 11172)
  || (array['', '은', '을', '에서', '로'])[k % 5 + 1]`;

/** So many words, the common ones often, as in speech. `varying` ties them to the row. */
const words = (count: string, varying: string, word: string) =>
  `(select string_agg(${word}, ' ') from (
      select floor(exp(random() * ln(${vocabulary})))::int as k
      from generate_series(1, ${count} + 0 * ${varying})) as w)`;

/** True for exactly `count` of the `scenes` ordinals, spread evenly. */
const isMarked = (count: number) =>
  `(ordinal + 1) * least(${count}, scenes) / scenes <> ordinal * least(${count}, scenes) / scenes`;

const markedWords = Object.entries(markers)
  .map(([word, count]) => `|| case when ${isMarked(count)} then ' ${word}' else '' end`).join(" ");

async function seedSlice(
  sql: postgres.Sql,
  { scenes, users, heavyScenes }: SeedPlan,
  [from, to]: [from: number, to: number],
): Promise<void> {
  const rest = scenes - heavyScenes;
  await sql.begin(async (tx) => {
    await tx`
      select set_config('session_replication_role', 'replica', true), setseed(${from / 1000}),
        set_config('max_parallel_workers_per_gather', '0', true)`;
    await tx`
      create temporary table library on commit drop as
      select md5('video ' || u.number || ' ' || n)::uuid as video_id, u.user_id, u.number, n,
        u.scenes, case when n % 4 = 0 then 'ko' else 'en' end as language,
        now() - make_interval(mins => n * 31 + u.number) as created_at
      from (
        select number, md5('user ' || number)::uuid as user_id,
          case when number = 1 then ${heavyScenes}::bigint
            else ${rest}::bigint * (number - 1) / ${users - 1}
              - ${rest}::bigint * (number - 2) / ${users - 1} end as scenes
        from generate_series(${from}::int, ${to}::int) as number
      ) as u, generate_series(1, ((u.scenes + ${
      scenesPerVideo - 1
    }::int) / ${scenesPerVideo}::int)::int) as n`;
    await tx`
      insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes, duration_s,
        state, filename, language, created_at, indexed_at)
      select video_id, user_id, 'videos/' || user_id || '/' || video_id || '.mp4', 'video/mp4',
        10000000, ${5 * scenesPerVideo}, 'indexed', 'clip-' || n || '.mp4', language, created_at,
        created_at
      from library`;
    await tx.unsafe(`
      insert into public.video_metadata (video_id, user_id, title, description, tags, created_at,
        words)
      select video_id, user_id, title, description, tags, created_at,
        private.to_video_words(title, description, tags, 'clip-' || n || '.mp4', language)
      from (
        select l.*, ${words("3", "n", latinWord)} || ' ' || n as title,
          ${words("12", "n", latinWord)} as description,
          jsonb_build_array(${words("1", "n", latinWord)}, 'clips') as tags
        from library as l
      ) as titled`);
    await tx.unsafe(`
      insert into public.scenes (scene_id, video_id, user_id, start_s, end_s, transcript, language,
        words, thumbnail_key, created_at)
      select md5('scene ' || number || ' ' || ordinal)::uuid, video_id, user_id, k * 5, k * 5 + 5,
        transcript, language, private.to_scene_words(transcript, language),
        case when k = 0 then user_id || '/' || video_id || '/0.jpg' end,
        created_at + make_interval(secs => k)
      from (
        select l.*, s.k, s.ordinal,
          case language when 'ko'
            then ${
      words(
        "14",
        "s.ordinal",
        `case when k % 6 = 0 then ${latinWord}
              else ${hangulWord} end`,
      )
    }
            else ${words("16", "s.ordinal", latinWord)} end
          || case when s.ordinal % 5 < 2 then ' ${commonWord}' else '' end ${markedWords} as transcript
        from library as l
        cross join lateral (
          select k, (l.n - 1) * ${scenesPerVideo}::bigint + k as ordinal
          from generate_series(0, ${scenesPerVideo - 1}) as k
        ) as s
        where s.ordinal < l.scenes
      ) as spoken`);
    await tx`
      insert into public.scene_people (scene_id, person_id, user_id, confidence, frame_count)
      select md5('scene ' || u.number || ' ' || ordinal)::uuid,
        md5('person ' || u.number || ' ' || ordinal / 10 % ${peoplePerUser})::uuid, u.user_id, 0.9, 10
      from (select distinct number, user_id, scenes from library) as u,
        generate_series(0, u.scenes - 1, 10) as ordinal`;
  });
}

import type postgres from "postgres";
import type { LegacyRows } from "../../cli/legacy/sample/write.ts";
import { legacyTables } from "../../shared/legacy/schema.ts";

const time = (second: number) => new Date(Date.UTC(2025, 0, 1, 0, 0, second)).toISOString();

/** A legacy database with rows in each of its tables, and values that are easily lost on the way. */
export function buildLegacyRows({ users = 3 }: { users?: number } = {}) {
  const people = Array.from({ length: users }, (_each, index) => ({
    user_id: crypto.randomUUID(),
    supabase_user_id: index % 3 === 1 ? crypto.randomUUID() : null,
    email: `Person.${index}+legacy@example.test`,
    email_verified: index % 2 === 0,
    password_hash: index === 0 ? null : `$2b$04$${"x".repeat(53)}`,
    display_name: index === 0 ? '한글 "quoted", \\back\tslash\nline' : `Person ${index}`,
    tier: index % 2 === 0 ? "pro" : "free",
    created_at: time(index),
    updated_at: "2025-03-30T01:59:59.123456+02:00",
    last_login_at: index === 0 ? null : time(index),
  }));
  const videos = people.map(({ user_id }, index) => {
    const video_id = crypto.randomUUID();
    return {
      video_id,
      user_id,
      storage_key: `videos/${user_id}/${video_id}.mp4`,
      mime_type: "video/mp4",
      size_bytes: 9_007_199_254_740_993n,
      duration_s: index + 0.125,
      state: "indexed",
      created_at: time(index),
    };
  });
  const scenes = videos.map(({ video_id, user_id }, index) => ({
    scene_id: crypto.randomUUID(),
    video_id,
    start_s: 0,
    end_s: 1.5,
    transcript: `Ein Satz über Häfen ${index}\\.`,
    tsv: index === 0 ? null : "'hafen':3A 'satz':2",
    vision_tags: { objects: ["ship", '"'], score: 0.1 },
    created_at: time(index),
    thumbnail_key: `${user_id}/${video_id}/${index}.jpg`,
  }));
  const profiles = people.flatMap(({ user_id }, index) =>
    // Two people of one name.
    [0, 1].map((copy) => ({
      person_id: crypto.randomUUID(),
      user_id,
      name: "Captain Han",
      photo_keys: [`faces/${user_id}/a,b "${copy}".png`, ""],
      created_at: time(index),
    }))
  );
  return {
    users: people,
    videos,
    scenes,
    face_profiles: profiles,
    scene_people: scenes.map(({ scene_id }, index) => ({
      scene_id,
      person_id: profiles[2 * index]?.person_id,
      confidence: 0.1 + 0.2,
      frame_count: 7,
    })),
    jobs: videos.map(({ video_id }) => ({
      job_id: crypto.randomUUID(),
      video_id,
      stage: "embed_text",
      state: "completed",
      progress: 1 / 3,
      metadata: { big: 12_345_678_901_234 },
    })),
    video_metadata: videos.map(({ video_id }, index) => ({
      video_id,
      title: `Title ${index}`,
      tags: ["a", "b"],
      created_at: time(index),
      updated_at: time(index + 60),
    })),
    refresh_tokens: people.map(({ user_id }) => ({
      token_id: crypto.randomUUID(),
      user_id,
      token_hash: crypto.randomUUID(),
      expires_at: time(90),
      created_at: time(1),
    })),
    email_verification_tokens: people.map(({ user_id }) => ({
      token_id: crypto.randomUUID(),
      user_id,
      token_hash: crypto.randomUUID(),
      expires_at: time(90),
      created_at: time(1),
    })),
    audit_events: [...people.map(({ user_id }) => user_id), null, crypto.randomUUID()].map((
      user_id,
      index,
    ) => ({
      event_id: crypto.randomUUID(),
      user_id,
      event_type: "login",
      ip_address: "192.0.2.1",
      metadata: { index },
      created_at: time(index),
    })),
    rate_limits: [1, 2].map((count) => ({
      limit_id: crypto.randomUUID(),
      user_id: people[0]?.user_id,
      resource: "search",
      count,
      window_start: time(0),
      expires_at: time(60),
    })),
  } satisfies LegacyRows;
}

/** Every row of the eleven tables, in the columns of the legacy system, as text that can be compared. */
export async function readLegacyRows(sql: postgres.Sql): Promise<Record<string, string[]>> {
  const tables: Record<string, string[]> = {};
  await sql.begin(async (tx) => {
    await tx`set local timezone = 'UTC'`;
    for (const { name, columns } of legacyTables) {
      const names = columns.filter(({ optional }) => !optional).map((column) => column.name);
      const rows = await tx<{ row: string }[]>`
        select to_jsonb(t)::text as row from (
          select ${tx(names)} from ${tx(`public.${name}`)}) as t order by 1`;
      tables[name] = rows.map(({ row }) => row);
    }
  });
  return tables;
}

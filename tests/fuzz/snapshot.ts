import type { FuzzUser, World } from "./world.ts";

const tables = [
  "videos",
  "video_metadata",
  "scenes",
  "jobs",
  "face_profiles",
  "scene_people",
  "consents",
  "organization_members",
  "user_analytics",
] as const;

/** Every row of those of whom nothing may change, as text, by user and table. */
export async function snapshot(world: World): Promise<Record<string, string>> {
  const { sql, canary, dead, closed } = world;
  const [organization] = await sql<{ row: string }[]>`
    select to_jsonb(o)::text as row from public.organizations as o
    where organization_id = ${closed.id}`;
  return {
    ...await snapshotOf(world, "canary", canary),
    ...await snapshotOf(world, "dead", dead),
    organizations: organization?.row ?? "",
  };
}

async function snapshotOf(
  { sql }: World,
  name: string,
  { id }: FuzzUser,
): Promise<Record<string, string>> {
  const rows: Record<string, string> = {};
  for (const table of tables) {
    const [row] = await sql<{ rows: string }[]>`
      select coalesce(jsonb_agg(to_jsonb(t) order by to_jsonb(t)::text), '[]')::text as rows
      from ${sql(`public.${table}`)} as t where t.user_id = ${id}`;
    rows[`${name} ${table}`] = row?.rows ?? "";
  }
  const [user] = await sql<{ row: string }[]>`
    select jsonb_build_object('email', email, 'user', raw_user_meta_data, 'app', raw_app_meta_data,
      'banned', banned_until, 'deleted', deleted_at, 'password', md5(encrypted_password))::text as row
    from auth.users where id = ${id}`;
  return { ...rows, [`${name} auth.users`]: user?.row ?? "" };
}

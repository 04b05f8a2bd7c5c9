import type { World } from "./world.ts";

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

/** Every row of the canary as text, by table. */
export async function snapshot({ sql, canary, closed }: World): Promise<Record<string, string>> {
  const rows: Record<string, string> = {};
  for (const table of tables) {
    const [row] = await sql<{ rows: string }[]>`
      select coalesce(jsonb_agg(to_jsonb(t) order by to_jsonb(t)::text), '[]')::text as rows
      from ${sql(`public.${table}`)} as t where t.user_id = ${canary.id}`;
    rows[table] = row?.rows ?? "";
  }
  const [user] = await sql<{ row: string }[]>`
    select jsonb_build_object('email', email, 'user', raw_user_meta_data, 'app', raw_app_meta_data,
      'banned', banned_until, 'deleted', deleted_at, 'password', md5(encrypted_password))::text as row
    from auth.users where id = ${canary.id}`;
  const [organization] = await sql<{ row: string }[]>`
    select to_jsonb(o)::text as row from public.organizations as o
    where organization_id = ${closed.id}`;
  return { ...rows, "auth.users": user?.row ?? "", organizations: organization?.row ?? "" };
}

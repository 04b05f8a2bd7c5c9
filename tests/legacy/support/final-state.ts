import type { Sql } from "../../../local/kept-databases.ts";
import { dumpCatalogue } from "../../migrations/support/catalogue.ts";

/** Times and random values that two runs cannot have in common. */
const unlike = [
  "created_at",
  "updated_at",
  "exported_at",
  "verified_at",
  "removed_at",
  "moved_at",
  "decided_at",
  "deleted_at",
  "last_sign_in_at",
];

const places = [
  "private.legacy_exports",
  "private.legacy_failures",
  "private.legacy_decisions",
  "private.legacy_object_moves",
  "private.legacy_renames",
  "private.legacy_removals",
  "private.erasures",
  "auth.identities",
  "public.videos",
  "public.video_metadata",
  "public.scenes",
  "public.jobs",
  "public.face_profiles",
  "public.scene_people",
  "public.audit_events",
  "public.rate_limits",
  "legacy_archive.users",
  "legacy_archive.refresh_tokens",
  "legacy_archive.email_verification_tokens",
  "legacy_archive.rate_limits",
  "legacy_archive.kept_owners",
  "legacy_archive.scene_words",
];

/**
 * Everything that a step of the move leaves behind, as sorted lines by place: rows without their
 * times, accounts, objects, and the shape of the database. Two runs that did the same are equal.
 * `hashes` are those that accounts may have taken over: other passwords are random.
 */
export async function readFinalState(
  sql: Sql,
  hashes: readonly string[],
): Promise<Record<string, string[]>> {
  const state: Record<string, string[]> = {};
  for (const place of places) {
    const [found] = await sql<{ there: boolean }[]>`
      select to_regclass(${place}) is not null as there`;
    if (!found?.there) continue;
    const ids = place === "auth.identities" ? ["id", ...unlike] : unlike;
    const rows = await sql<{ line: string }[]>`
      select (to_jsonb(t) - ${ids}::text[])::text as line from ${sql(place)} as t order by 1`;
    state[place] = rows.map(({ line }) => line);
  }
  state.accounts = await readLines(sql`
    select jsonb_build_array(a.id, a.email, a.email_confirmed_at is not null, a.raw_user_meta_data,
      a.raw_app_meta_data, case when a.encrypted_password = any(${[...hashes]})
        then a.encrypted_password end)::text as line
    from auth.users as a order by 1`);
  state.objects = await readLines(sql`
    select bucket_id || '/' || name || ' ' || (metadata ->> 'size') as line
    from storage.objects order by 1`);
  state.catalogue = await dumpCatalogue(sql);
  return state;
}

async function readLines(query: PromiseLike<readonly unknown[]>): Promise<string[]> {
  return (await query as readonly { line: string }[]).map(({ line }) => line);
}

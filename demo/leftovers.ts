import type { SupabaseClient } from "@supabase/supabase-js";
import { unwrap } from "./expect.ts";

/** Every table of the Data API with rows of a user in it. */
const tables = [
  "videos",
  "video_metadata",
  "scenes",
  "jobs",
  "face_profiles",
  "scene_people",
  "consents",
  "audit_events",
  "rate_limits",
  "user_analytics",
  "organization_members",
];

/** Every bucket, with the folders that belong to a user. */
const folders = (user: string): [bucket: string, folder: string][] => [
  ["uploads", `videos/${user}`],
  ["uploads", `faces/${user}`],
  ["thumbnails", user],
  ["sidecars", user],
  ["exports", user],
];

/** How many rows and objects of a user there are, by table and bucket; those without are left out. */
export async function countLeftovers(
  operator: SupabaseClient,
  user: string,
): Promise<Map<string, number>> {
  const counted = await Promise.all([
    ...tables.map(async (table): Promise<[string, number]> => {
      const query = operator.from(table).select("*", { count: "exact", head: true });
      const { count, error, status } = await query.eq("user_id", user);
      if (error || count === null) {
        throw new Error(`Cannot count ${table}: ${status} ${error?.message ?? "no count"}`);
      }
      return [table, count];
    }),
    ...folders(user).map(async ([bucket, folder]): Promise<[string, number]> => [
      `${bucket}/${folder.split("/")[0] === user ? "" : folder.split("/")[0]}`,
      await countObjects(operator, bucket, folder),
    ]),
  ]);
  return new Map(counted.filter(([, count]) => count > 0));
}

async function countObjects(
  operator: SupabaseClient,
  bucket: string,
  folder: string,
): Promise<number> {
  const entries = await unwrap(operator.storage.from(bucket).list(folder, { limit: 1000 }));
  const counts = await Promise.all(
    // A folder has no id: only objects do.
    entries.map(({ id, name }) => id ? 1 : countObjects(operator, bucket, `${folder}/${name}`)),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** How many tables and folders `countLeftovers` looks at. */
export const countedPlaces = { tables: tables.length, folders: folders("").length };

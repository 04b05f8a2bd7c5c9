import { type Check, found } from "../check.ts";
import { manifest } from "../../../shared/erasure/manifest.ts";

export const buckets: Check = {
  id: "buckets",
  looks: "the project's buckets: there, private, with a size limit and a list of types",
  why: "A public bucket hands every file to whoever knows or guesses its path, past every policy " +
    "and past its erasure, from caches too",
  mend:
    "Run \"update storage.buckets set public = false where id = '<bucket>'\" or the migration " +
    "20261122101500 again",
  async run({ read }) {
    const rows = await read((sql) =>
      sql<{ id: string; public: boolean; bounded: boolean }[]>`
        select id, coalesce(public, false) as public,
          file_size_limit is not null and allowed_mime_types is not null as bounded
        from storage.buckets`
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    const missing = manifest.buckets.filter(({ name }) => !byId.has(name));
    const ours = rows.filter(({ id }) => manifest.buckets.some(({ name }) => name === id));
    const unknown = rows.filter((row) => row.public && !ours.includes(row));
    return found([
      ...missing.map(({ name }) => `The bucket "${name}" does not exist`),
      ...ours.filter((row) => row.public).map(({ id }) => `The bucket "${id}" is public`),
      ...ours.filter((row) => !row.bounded).map(({ id }) =>
        `The bucket "${id}" takes files of any size or type`
      ),
      ...unknown.map(({ id }) =>
        `The bucket "${id}" is public, and the erasure does not know it: nothing of a user may lie there`
      ),
    ]);
  },
};

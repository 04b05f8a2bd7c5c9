import { type Check, found, notChecked } from "../check.ts";

export const orphans: Check = {
  id: "orphans",
  looks: "the last daily count of users who have no account but of whom something is left",
  why: "An orphan is a deletion that was not heard: data of somebody who was told it is gone",
  mend: "Look with heimdex orphans list, then heimdex orphans erase --yes",
  async run({ read }) {
    const [count] = await read((sql) =>
      sql<{ orphans: number | null; hours: number }[]>`
        select orphans, extract(epoch from now() - counted_at)::int / 3600 as hours
        from private.orphan_counts where counted_at is not null order by day desc limit 1`
    );
    if (!count) return notChecked("Nobody counted yet: the drain does it once a day");
    return found([
      ...(count.orphans ?? 0) > 0 ? [`Orphans of the last count: ${count.orphans}`] : [],
      ...count.hours > 48 ? [`The last count is ${count.hours} hours old`] : [],
    ]);
  },
};

import { type Check, found } from "../check.ts";

export const deadLetters: Check = {
  id: "dead-letters",
  looks: "events and erasures that were given up on, and erasures that are held",
  why: "Nobody tries them again: the data of a user who was deleted stays until a person acts",
  mend:
    "Look with heimdex events list --dead and heimdex erasure list --state dead --state held, " +
    "mend the cause, then heimdex events retry, heimdex erasure retry or heimdex erasure release",
  async run({ read }) {
    const [row] = await read((sql) =>
      sql<[{ events: number; dead: number; held: number }]>`
        select
          (select count(*)::int from private.auth_events
            where dead_at is not null and delivered_at is null) as events,
          (select count(*)::int from private.erasures where state = 'dead') as dead,
          (select count(*)::int from private.erasures where state = 'held') as held`
    );
    return found([
      ...row.events > 0 ? [`Events given up on: ${row.events}`] : [],
      ...row.dead > 0 ? [`Erasures given up on: ${row.dead}`] : [],
      ...row.held > 0 ? [`Erasures that wait for an operator: ${row.held}`] : [],
    ]);
  },
};

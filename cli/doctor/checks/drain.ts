import { type Check, found } from "../check.ts";

const minutes = 5;

export const drain: Check = {
  id: "drain",
  looks: "when the drain last came to its end, and the oldest event and erasure that are due",
  why:
    "The drain delivers every event of a user, runs the erasures and counts: without it nothing " +
    "of that happens",
  mend:
    "See that POST auth-webhook/drain is called every minute with HEIMDEX_CRON_SECRET and answers " +
    "200; heimdex erasure run does the erasures meanwhile",
  async run({ read }) {
    const [row] = await read((sql) =>
      sql<[{ heartbeat: number | null; event: number | null; erasure: number | null }]>`
        select
          (select extract(epoch from now() - finished_at)::int from private.drain_heartbeats)
            as heartbeat,
          (select extract(epoch from now() - min(created_at))::int from private.auth_events
            where delivered_at is null and dead_at is null and attempts = 0) as event,
          (select extract(epoch from now() - min(next_attempt_at))::int from private.erasures
            where state in ('pending', 'scheduled', 'provisional')
              and next_attempt_at > '-infinity' and next_attempt_at < now()
              and effective_at < now() and (late_sweep_at is null or late_sweep_at < now()))
            as erasure`
    );
    const limit = minutes * 60;
    return found([
      ...row.heartbeat === null
        ? ["No drain ever came to its end"]
        : row.heartbeat > limit
        ? [`The last drain came to its end ${row.heartbeat} s ago`]
        : [],
      ...(row.event ?? 0) > limit ? [`An event has waited ${row.event} s for its first try`] : [],
      ...(row.erasure ?? 0) > limit ? [`An erasure has been due for ${row.erasure} s`] : [],
    ]);
  },
};

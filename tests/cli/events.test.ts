import { describe, expect, it } from "vitest";
import { heimdex } from "../support/heimdex.ts";
import { postgresSql } from "../support/sql.ts";

type State = "dead" | "pending" | "delivered";

/** An event of nobody, which the drain delivers by taking note of it. */
async function plantEvent(state: State): Promise<{ id: string; eventId: string }> {
  const [row] = await postgresSql()<[{ id: string; eventId: string }]>`
    insert into private.auth_events (type, user_id, attempts, dead_at, delivered_at, next_attempt_at,
      last_error)
    values ('user.updated', gen_random_uuid(), 12,
      case when ${state} = 'dead' then now() end,
      case when ${state} = 'delivered' then now() - interval '1 hour' end,
      case when ${state} = 'pending' then now() + interval '1 day' else now() end,
      'planted_by_a_test')
    returning id::text as id, event_id as "eventId"`;
  return row;
}

async function readEvent(id: string) {
  const [row] = await postgresSql()`
    select event_id, attempts, dead_at is not null as dead, delivered_at,
      delivered_at > now() - interval '30 minutes' as delivered_now
    from private.auth_events where id = ${id}`;
  return row;
}

async function untilDelivered(id: string): Promise<void> {
  await expect.poll(async () => (await readEvent(id))?.delivered_now, { timeout: 15_000 })
    .toBe(true);
}

describe("heimdex events list", () => {
  it("tells the states apart", async () => {
    for (const state of ["dead", "pending", "delivered"] as const) {
      const { id, eventId } = await plantEvent(state);
      const { code, out } = await heimdex(["events", "list", `--${state}`, "--json"]);
      expect(code).toBe(0);
      const events: Record<string, unknown>[] = JSON.parse(out);
      expect(new Set(events.map((event) => event.state))).toEqual(new Set([state]));
      expect(events).toContainEqual(expect.objectContaining({
        id,
        event_id: eventId,
        type: "user.updated",
        attempts: 12,
        last_error: "planted_by_a_test",
      }));
      await postgresSql()`delete from private.auth_events where id = ${id}`;
    }
  });

  it("shows all of them as a table", async () => {
    const { id, eventId } = await plantEvent("delivered");
    const { code, out, err } = await heimdex(["events", "list", "--limit", "1000"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(new RegExp(`^id +event_id`));
    expect(out).toMatch(new RegExp(`${id} +${eventId} +user\\.updated .+ delivered`));
  });
});

describe("heimdex events retry", () => {
  it("makes a dead event due with all its tries, and the drain delivers it", async () => {
    const { id, eventId } = await plantEvent("dead");
    const { code, out } = await heimdex(["events", "retry", id, "--json"]);
    expect({ code, events: JSON.parse(out) }).toEqual({
      code: 0,
      events: [{ id, event_id: eventId, type: "user.updated", user_id: expect.any(String) }],
    });
    await untilDelivered(id);
    expect(await readEvent(id)).toMatchObject({ event_id: eventId, attempts: 1, dead: false });
  });

  it("takes the UUID of an event that waits", async () => {
    const { id, eventId } = await plantEvent("pending");
    expect(await heimdex(["events", "retry", eventId])).toMatchObject({
      code: 0,
      out: "Events due now: 1\n",
    });
    await untilDelivered(id);
  });

  it("takes all dead ones at once", async () => {
    const events = [await plantEvent("dead"), await plantEvent("dead")];
    const { code, out } = await heimdex(["events", "retry", "--all-dead", "--json"]);
    expect(code).toBe(0);
    const ids = JSON.parse(out).map((event: { id: string }) => event.id);
    for (const { id } of events) {
      expect(ids).toContain(id);
      await untilDelivered(id);
    }
  });

  it("says what to do about an event that was delivered, and about none", async () => {
    const { id } = await plantEvent("delivered");
    expect(await heimdex(["events", "retry", id])).toMatchObject({
      code: 2,
      err: `Event ${id} was delivered: use heimdex events replay\n`,
    });
    expect(await heimdex(["events", "retry", "999999999999"])).toMatchObject({
      code: 2,
      err: "There is no event 999999999999: see heimdex events list\n",
    });
  });
});

describe("heimdex events replay", () => {
  it("delivers an event once more under the same id", async () => {
    const { id, eventId } = await plantEvent("delivered");
    const { code, out } = await heimdex(["events", "replay", eventId, "--json"]);
    expect({ code, event: JSON.parse(out) }).toMatchObject({ code: 0, event: { id } });
    await untilDelivered(id);
    expect(await readEvent(id)).toMatchObject({ event_id: eventId, attempts: 1 });
  });

  it("leaves an event alone that is being delivered", async () => {
    const { id } = await plantEvent("pending");
    await postgresSql()`update private.auth_events
      set leased_until = now() + interval '1 minute' where id = ${id}`;
    expect(await heimdex(["events", "replay", id])).toMatchObject({
      code: 2,
      err: `Event ${id} is being delivered right now\n`,
    });
    await postgresSql()`delete from private.auth_events where id = ${id}`;
  });
});

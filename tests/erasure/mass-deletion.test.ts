import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTemporaryStack, type TemporaryStack } from "../../local/temporary.ts";
import { releaseErasure } from "../../shared/erasure/operate.ts";
import { verifyReceipts } from "../../shared/erasure/receipts/mod.ts";
import { createDrainContext, drain } from "../../shared/events/drain-events.ts";
import { testSize } from "../support/size.ts";
import { readChain } from "./support/evidence.ts";
import { openWorld, type World } from "./support/world.ts";

const users = 1000;
const heldBeyond = 10;
/** Users whose erasure is followed to its receipt. */
const released = testSize({ sampled: 20, long: users });

let temporary: TemporaryStack;
let world: World;

beforeAll(async () => {
  temporary = await startTemporaryStack({
    name: "heimdex-mass",
    drain: false,
    environment: { HEIMDEX_ERASURES_PER_HOUR: String(heldBeyond) },
  });
  world = await openWorld(temporary.stack);
  await seedUsers();
});

afterAll(async () => {
  await world?.close();
  await temporary?.stop();
});

async function seedUsers(): Promise<void> {
  await world.sql.begin(async (sql) => {
    await sql`insert into auth.users (id, aud, role, email)
      select id, 'authenticated', 'authenticated', 'mass-' || id || '@example.test'
      from (select gen_random_uuid() as id from generate_series(1, ${users + 1})) as made`;
    await sql`insert into public.videos (user_id, storage_key, mime_type, size_bytes)
      select id, 'videos/' || id || '/1.mp4', 'video/mp4', 1 from auth.users`;
    await sql`insert into public.scenes (video_id, start_s, end_s, transcript)
      select video_id, 0, 1, 'hello' from public.videos`;
    await sql`insert into public.audit_events (user_id, event_type)
      select id, 'login' from auth.users`;
  });
}

async function countStates(): Promise<Record<string, number>> {
  const rows = await world.sql<{ state: string; count: number }[]>`
    select state, count(*)::int as count from private.erasures group by state`;
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

async function drainUntilQuiet(): Promise<void> {
  for (;;) {
    const { claimed, erasures } = await drain(createDrainContext(world.deps));
    if (claimed === 0 && erasures.ran === 0) return;
  }
}

describe("1,000 users deleted in one statement", () => {
  let ids: string[];

  it("are all in the outbox when the statement has ended", async () => {
    const gone = await world.sql<{ id: string }[]>`
      delete from auth.users where id in (select id from auth.users limit ${users}) returning id`;
    ids = gone.map(({ id }) => id);
    const events = await world.sql<{ user_id: string }[]>`
      select user_id from private.auth_events where type = 'user.deleted' and delivered_at is null`;
    expect(new Set(events.map((row) => row.user_id))).toEqual(new Set(ids));
    expect(events).toHaveLength(users);
  });

  it("are held beyond the limit of an hour, each with a job of its own", async () => {
    await drainUntilQuiet();
    expect(await countStates()).toEqual({ provisional: heldBeyond, held: users - heldBeyond });
    const [row] = await world.sql<{ jobs: number; waiting: number }[]>`
      select count(distinct user_id)::int as jobs,
        (select count(*)::int from private.auth_events where delivered_at is null) as waiting
      from private.erasures`;
    expect(row).toEqual({ jobs: users, waiting: 0 });
    const [video] = await world.sql<{ count: number }[]>`
      select count(*)::int as count from public.videos`;
    expect(video?.count).toBe(users + 1 - heldBeyond);
  });

  it("reach their receipts once an operator releases them, and nobody else does", async () => {
    const held = await world.sql<{ erasure_id: string }[]>`
      select erasure_id from private.erasures where state = 'held' limit ${released - heldBeyond}`;
    for (const { erasure_id } of held) await releaseErasure(world.context(), erasure_id);
    await drainUntilQuiet();
    const states = { provisional: released, held: users - released };
    expect(await countStates()).toEqual(
      Object.fromEntries(Object.entries(states).filter(([, count]) => count > 0)),
    );
    const report = await verifyReceipts(await readChain(world.sql), world.publicKey);
    expect(report).toMatchObject({ valid: true, receipts: released });
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requestErasure, runErasure } from "../../shared/erasure/engine.ts";
import { keyedSubject } from "../../shared/erasure/receipts/mod.ts";
import { call, expectJson } from "../support/call.ts";
import { hasAdminSql } from "../support/sql.ts";
import { knowsSetting, useStack } from "../support/stack.ts";
import { createUser } from "../support/users.ts";
import { expectErased, expectReceipts, readReceiptsOf } from "./support/evidence.ts";
import { openQuietly, seedBelongings, seedBystanders } from "./support/seed.ts";
import { deadlineOf, openWorld, readErasureRow, type World } from "./support/world.ts";

const minutesToLateSweep = 7500 / 60;

interface Ticket {
  bucket: string;
  path: string;
  upload_url: string;
}

describe.runIf(hasAdminSql() && knowsSetting("HEIMDEX_RECEIPT_KEY"))("the late sweep", () => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld(useStack());
  });

  afterAll(() => world.close());

  async function run(erasureId: string, minutes: number): Promise<string> {
    const ctx = world.context({}, minutes);
    return (await runErasure(ctx, erasureId, deadlineOf(ctx))).state;
  }

  async function countObjects(key: string): Promise<number> {
    return (await world.sql`select from storage.objects where name = ${key}`).length;
  }

  it("ends an erasure after it has swept what a still valid upload URL brought", async () => {
    const user = await createUser();
    const subject = { userId: user.id, email: user.email, marker: `mark-${crypto.randomUUID()}` };
    await seedBelongings(world, subject, await seedBystanders(world));
    const file = new TextEncoder().encode(subject.marker);
    const answer = await call("/videos/upload/init", {
      token: user.accessToken,
      json: { filename: "late.mp4", mime_type: "video/mp4", size_bytes: file.byteLength },
    });
    const ticket = await expectJson<Ticket & Record<string, unknown>>(answer, 201);

    const erasureId = await openQuietly(world.sql, user.id);
    const ctx = world.context();
    const joined = await requestErasure(ctx, { kind: "user", userId: user.id, origin: "event" });
    expect(joined.erasureId).toBe(erasureId);
    expect(await run(erasureId, 0)).toBe("provisional");
    await expectErased(world, subject);
    await expectReceipts(world, erasureId, ["provisional"]);

    // Whoever holds the URL may still send the file, although nobody knows the user any more.
    const upload = await fetch(ticket.upload_url, {
      method: "PUT",
      body: file,
      headers: { "content-type": "video/mp4" },
    });
    expect(await upload.text()).toContain(ticket.path);
    expect(await countObjects(ticket.path)).toBe(1);
    await world.sql`insert into public.audit_events (user_id, event_type, user_agent)
      values (${user.id}, 'login', ${subject.marker})`;

    expect(await run(erasureId, minutesToLateSweep - 5)).toBe("provisional");
    expect(await countObjects(ticket.path)).toBe(1);

    expect(await run(erasureId, minutesToLateSweep + 5)).toBe("final");
    await expectErased(world, subject, "final");
    await expectReceipts(world, erasureId, ["provisional", "final"]);
    const [first, last] = (await readReceiptsOf(world.sql, erasureId)).map((text) =>
      JSON.parse(text)
    );
    expect(last.buckets.uploads.before.objects).toBe(first.buckets.uploads.before.objects + 1);
    expect(last.tables["public.audit_events"].before).toBe(
      first.tables["public.audit_events"].before + 1,
    );
  });

  it("leaves nothing but the pseudonym, by which the user would be recognised", async () => {
    const user = await createUser();
    const erasureId = await openQuietly(world.sql, user.id);
    expect(await run(erasureId, 0)).toBe("provisional");
    expect(await run(erasureId, minutesToLateSweep + 5)).toBe("final");
    const pseudonym = await keyedSubject(world.env.pseudonymKey ?? "", "user", user.id);
    const [tombstone] = await world.sql`
      select user_id, erased_at from private.erased_users where subject = ${pseudonym}`;
    expect(tombstone).toEqual({ user_id: null, erased_at: expect.any(Date) });
    const [last] = (await readReceiptsOf(world.sql, erasureId)).slice(-1);
    expect(JSON.parse(last ?? "")).toMatchObject({ stage: "final", subject: pseudonym });
    // Another run, and another word of the deletion, find nothing to do.
    expect(await run(erasureId, minutesToLateSweep + 10)).toBe("final");
    const again = await requestErasure(world.context(), {
      kind: "user",
      userId: user.id,
      origin: "event",
    });
    expect(again.erasureId).toBe(erasureId);
    expect((await readErasureRow(world.sql, erasureId)).state).toBe("final");
    await expectReceipts(world, erasureId, ["provisional", "final"]);
  });
});

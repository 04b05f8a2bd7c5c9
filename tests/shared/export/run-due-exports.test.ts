import { describe, expect, it } from "vitest";
import type { ExportOptions } from "../../../shared/export/context.ts";
import { runDueExports } from "../../../shared/export/run-exports.ts";
import { useOwnStack } from "../../support/own-stack.ts";
import { uniqueEmail } from "../../support/users.ts";
import { soon } from "./support.ts";

const megabyte = 1024 * 1024;

describe("runDueExports", () => {
  const own = useOwnStack("due-exports");

  async function openExports(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      const email = uniqueEmail();
      const { data, error } = await own.admin.auth.admin.createUser({ email, email_confirm: true });
      if (error) throw error;
      // Now at the database is up to a millisecond later than now here.
      await own.sql`insert into private.exports (user_id, next_attempt_at)
        values (${data.user.id}, now() - interval '1 second')`;
    }
  }

  const run = (options: ExportOptions) => runDueExports(own.erasures, soon(), options);

  it("begins no part more once its bytes are packed, and the next call goes on", async () => {
    await openExports(3);
    const callBytes = 2 * megabyte;
    expect(await run({ callBytes }), "each part counts for 1 MB").toMatchObject({ completed: 2 });
    expect(await run({ callBytes })).toMatchObject({ completed: 1, paused: 0 });
  });

  it("stops in the middle of an export too", async () => {
    await openExports(1);
    const sizes = { callBytes: megabyte, partBytes: 1 };
    expect(await run(sizes)).toMatchObject({ completed: 0, paused: 1, lost: 0 });
    expect(await run({ ...sizes, callBytes: 40 * megabyte })).toMatchObject({ completed: 1 });
    const [row] = await own.sql`
      select state, jsonb_array_length(parts) as parts from private.exports
      order by requested_at desc limit 1`;
    expect(row?.["state"]).toBe("completed");
    expect(row?.["parts"]).toBeGreaterThan(1);
  });

  it("removes what has expired behind an export whose zips Storage keeps", async () => {
    await openExports(3);
    await run({ callBytes: 40 * megabyte });
    const [first] = await own.sql<{ export_id: string; prefix: string }[]>`
      update private.exports set expires_at = now() - interval '2 hours'
      where export_id = (select export_id from private.exports where removed_at is null limit 1)
      returning export_id, user_id || '/' || export_id || '/' as prefix`;
    const { count } = await own.sql`
      update private.exports set expires_at = now() - interval '1 hour'
      where removed_at is null and export_id <> ${first?.export_id ?? ""}`;
    const { objects } = own.erasures;
    const keeping = {
      ...objects,
      remove: (bucket: string, keys: string[]) =>
        objects.remove(bucket, keys.filter((key) => !key.startsWith(first?.prefix ?? ""))),
    };
    expect(await runDueExports({ ...own.erasures, objects: keeping }, soon()))
      .toMatchObject({ removed: count });
    expect(own.lines).toContainEqual(expect.objectContaining({
      event: "export_not_removed",
      export_id: first?.export_id,
      reason: "ObjectsKeptError",
    }));
    expect(await run({})).toMatchObject({ removed: 1 });
  });
});

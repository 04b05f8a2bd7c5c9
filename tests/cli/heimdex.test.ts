import { beforeAll, describe, expect, it, vi } from "vitest";
import { createUser } from "../support/users.ts";
import { deadPort } from "../support/app.ts";
import { heimdex, heimdexHere } from "../support/heimdex.ts";
import { postgresSql } from "../support/sql.ts";
import { useStack } from "../support/stack.ts";

/** Nothing that other tests leave behind is over these. */
const generous = [
  ["--max-age", "31536000"],
  ["--max-dead", "1000000"],
  ["--max-erasure-age", "31536000"],
  ["--max-held", "1000000"],
  ["--max-dead-erasures", "1000000"],
  ["--max-orphans", "1000000"],
  ["--max-drain-age", "31536000"],
  ["--max-count-age", "31536000"],
  ["--max-without-admin", "1000000"],
  ["--max-job-age", "31536000"],
].flat();

describe("heimdex status", () => {
  // The first drain of a stack makes the first count.
  beforeAll(() =>
    vi.waitFor(async () => {
      const counts = await postgresSql()`
      select from private.orphan_counts where counted_at is not null`;
      expect(counts).not.toHaveLength(0);
    }, { timeout: 15_000, interval: 200 })
  );

  it("counts the outbox, the erasures, the orphans, the users and the videos", async () => {
    await createUser();
    const { code, out, err } = await heimdex(["status", "--json", ...generous]);
    expect({ code, err, out }).toEqual({ code: 0, err: "", out: expect.any(String) });
    const status = JSON.parse(out);
    const count = expect.any(Number);
    expect(status).toEqual({
      users: { total: count, onboarded: count },
      organizations: { total: count, without_admin: count },
      videos: expect.any(Object),
      jobs: { states: expect.any(Object), oldest_seconds: count },
      outbox: { pending: count, oldest_seconds: count, dead: count },
      erasures: { states: expect.any(Object), oldest_seconds: count },
      orphans: { counted_seconds: count, users: count, orphans: count },
      drain: { finished_seconds: count },
      over: [],
    });
    expect(status.users.total).toBeGreaterThan(0);
  });

  it("says the same in words", async () => {
    const { out } = await heimdex(["status", ...generous]);
    expect(out).toMatch(
      new RegExp(
        [
          "^users {10}\\d+, \\d+ onboarded",
          "organisations {2}\\d+, \\d+ without an admin",
          "videos {9}.+",
          "jobs {11}.+; longest due \\d+ s",
          "outbox {9}\\d+ waiting, oldest \\d+ s, \\d+ dead",
          "erasures {7}.+; longest due \\d+ s",
          "orphans {8}\\d+ beside \\d+ users, counted \\d+ h ago",
          "drain {10}came to its end \\d+ s ago\n$",
        ].join("\n"),
      ),
    );
  });

  it.each([
    ["an event that was given up on", "--max-dead"],
    ["a held erasure", "--max-held"],
    ["an erasure that was given up on", "--max-dead-erasures"],
    ["an erasure that has been due for an hour", "--max-erasure-age"],
    ["orphans in the daily count", "--max-orphans"],
    ["an organisation without an admin", "--max-without-admin"],
  ])("exits 1 for %s", async (_what, option) => {
    const planted = await plantTrouble();
    try {
      const options = generous.filter((_each, index) =>
        Math.floor(index / 2) !== Math.floor(generous.indexOf(option) / 2)
      );
      const run = (args: string[]) =>
        heimdexHere(["status", ...args], { DATABASE_URL: useStack().databaseUrl });
      const { code, out } = await run([...options, "--json"]);
      const over = JSON.parse(out).over.map((one: { option: string }) => one.option);
      expect({ code, over }).toEqual({ code: 1, over: [option] });
      expect((await run(options)).out).toMatch(
        new RegExp(`^over .+ at most \\d+ \\(${option}\\)$`, "m"),
      );
      expect((await run(generous)).code).toBe(0);
    } finally {
      await planted.undo();
    }
  });
});

/** One of everything that a status must not keep quiet about. */
async function plantTrouble() {
  const sql = postgresSql();
  const eventId = crypto.randomUUID();
  const users = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()] as const;
  await sql`
    insert into private.auth_events (event_id, type, user_id, payload, dead_at, last_error)
    values (${eventId}, 'user.updated', ${users[0]}, '{}', now(), 'planted by a test')`;
  const states = [["held", users[0]], ["dead", users[1]], ["pending", users[2]]] as const;
  for (const [state, userId] of states) {
    await sql`
      insert into private.erasures (kind, user_id, origin, state, requested_at, effective_at,
        next_attempt_at)
      values ('user', ${userId}, 'orphan', ${state}, now() - interval '2 hours',
        now() - interval '2 hours', 'infinity')`;
  }
  const organization = crypto.randomUUID();
  await sql`insert into public.organizations (organization_id, name)
    values (${organization}, 'planted')`;
  await sql`insert into public.organization_members (organization_id, user_id)
    values (${organization}, ${users[0]})`;
  const [before] = await sql`
    select day::text as day, orphans from private.orphan_counts order by day desc limit 1`;
  await sql`update private.orphan_counts set orphans = 1 where day = ${before?.day}::date`;
  return {
    undo: async () => {
      await sql`delete from private.auth_events where event_id = ${eventId}`;
      await sql`delete from private.erasures where user_id = any(${[...users]})`;
      await sql`delete from public.organizations where organization_id = ${organization}`;
      await sql`update private.orphan_counts set orphans = ${before?.orphans ?? null}
        where day = ${before?.day}::date`;
    },
  };
}

describe("heimdex", () => {
  it.each([
    { args: [], why: "no command" },
    { args: ["unknown"], why: "an unknown command" },
    { args: ["events"], why: "a noun without a verb" },
    { args: ["events", "forget"], why: "an unknown verb" },
    { args: ["status", "--colour"], why: "an unknown option" },
    { args: ["status", "--max-age", "soon"], why: "no number" },
    { args: ["erasure", "list", "--state", "lost"], why: "an unknown state" },
    { args: ["events", "retry"], why: "nothing to retry" },
    { args: ["events", "retry", "1", "--all-dead"], why: "an event and all of them" },
    { args: ["events", "retry", "x"], why: "an id that is none" },
    { args: ["events", "replay"], why: "nothing to replay" },
    { args: ["erasure", "show", "x"], why: "an erasure id that is none" },
    { args: ["erasure", "release"], why: "nothing to release" },
    { args: ["orphans", "erase", "--max-share", "101"], why: "a share over the whole" },
    { args: ["events", "list", "--limit", "0"], why: "a limit out of bounds" },
  ])("exits 2 on $why", async ({ args }) => {
    const { code, err } = await heimdexHere(args, { DATABASE_URL: useStack().databaseUrl });
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/\S/) });
  });

  it.each([
    [["--help"]],
    [["erasure", "run", "--help"]],
  ])(
    "%j explains itself with examples and exits 0",
    async (args) => {
      const { code, out } = await heimdex(args);
      expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining("Examples:\n") });
    },
  );

  it("exits 2 with a sentence when it is not told the database", async () => {
    const { code, err } = await heimdex(["status"], { DATABASE_URL: undefined });
    expect({ code, err: err.trim() }).toEqual({
      code: 2,
      err: "Set DATABASE_URL to the PostgreSQL URL of the project",
    });
  });

  it("exits 3 with a sentence when the database does not answer, and shows no password", async () => {
    const url = `postgresql://postgres:open-sesame@127.0.0.1:${deadPort}/postgres`;
    const { code, err } = await heimdex(["status"], { DATABASE_URL: url });
    expect(code).toBe(3);
    expect(err).toMatch(/^The database does not answer \(ECONNREFUSED\): check DATABASE_URL/);
    expect(err).not.toContain("open-sesame");
  });

  it("exits 3 and says to push when the database is not migrated", async () => {
    const url = new URL(useStack().databaseUrl);
    url.pathname = "/template1";
    const { code, err } = await heimdex(["status"], { DATABASE_URL: url.href });
    expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining("supabase db push") });
  });
});

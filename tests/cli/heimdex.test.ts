import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { adminClient, createUser } from "../support/users.ts";
import { deadPort } from "../support/app.ts";
import { postgresSql } from "../support/sql.ts";
import { useStack } from "../support/stack.ts";

const shim = fileURLToPath(new URL("../../cli/bin/heimdex.mjs", import.meta.url));

interface Result {
  code: number;
  out: string;
  err: string;
}

/** Runs the command as npm links it, from a folder that is not the project's. */
function heimdex(args: string[], env: Record<string, string | undefined> = {}): Promise<Result> {
  const { DATABASE_URL: _url, SUPABASE_DB_URL: _other, ...inherited } = process.env;
  const given = { DATABASE_URL: useStack().databaseUrl, ...env };
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  const options = { cwd: tmpdir(), env: { ...inherited, ...Object.fromEntries(known) } };
  return new Promise((resolve) => {
    execFile("node", [shim, ...args], options, (error, out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

describe("heimdex status", () => {
  it("counts the outbox, the users and the videos", async () => {
    await createUser();
    const { code, out } = await heimdex(["status", "--json", "--max-age", "86400"]);
    const status = JSON.parse(out);
    expect(code).toBe(status.outbox.dead > 0 ? 1 : 0);
    expect(status).toEqual({
      outbox: {
        pending: expect.any(Number),
        oldest_seconds: expect.any(Number),
        dead: expect.any(Number),
      },
      users: expect.any(Number),
      videos: expect.any(Object),
    });
    expect(status.users).toBeGreaterThan(0);
  });

  it("says the same in words", async () => {
    const { out } = await heimdex(["status", "--max-age", "86400"]);
    expect(out).toMatch(/^outbox {2}\d+ waiting, oldest \d+ s, \d+ dead\nusers {3}\d+\nvideos {2}/);
  });

  it("exits 1 when an event was given up on", async () => {
    const sql = postgresSql();
    const eventId = crypto.randomUUID();
    await sql`
      insert into private.auth_events (event_id, type, user_id, payload, dead_at, last_error)
      values (${eventId}, 'user.updated', ${crypto.randomUUID()}, '{}', now(), 'planted by a test')
    `;
    try {
      const { code } = await heimdex(["status", "--max-age", "86400"]);
      expect(code).toBe(1);
      const listed = await heimdex(["events", "list", "--state", "dead", "--json"]);
      expect(JSON.parse(listed.out)).toContainEqual(
        expect.objectContaining({ state: "dead", last_error: "planted by a test" }),
      );
    } finally {
      await sql`delete from private.auth_events where event_id = ${eventId}`;
    }
  });
});

describe("heimdex events list", () => {
  it("shows what happened to a deleted user", async () => {
    const user = await createUser();
    const { error } = await adminClient().auth.admin.deleteUser(user.id);
    expect(error).toBeNull();
    const { code, out } = await heimdex(["events", "list", "--state", "all", "--limit", "1000"]);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`user\\.deleted\\s+${user.id}`));
  });
});

describe("heimdex", () => {
  it.each([
    { args: [], why: "no command" },
    { args: ["unknown"], why: "an unknown command" },
    { args: ["events"], why: "a noun without a verb" },
    { args: ["events", "forget"], why: "an unknown verb" },
    { args: ["status", "--colour"], why: "an unknown option" },
    { args: ["status", "--max-age", "soon"], why: "no number" },
    { args: ["events", "list", "--state", "lost"], why: "an unknown state" },
    { args: ["events", "list", "--limit", "0"], why: "a limit out of bounds" },
  ])("exits 2 on $why", async ({ args }) => {
    const { code, err } = await heimdex(args);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/\S/) });
  });

  it.each([[["--help"]], [["status", "--help"]], [["events", "list", "--help"]]])(
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

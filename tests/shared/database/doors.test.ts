import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import { createDatabase, type Database, type Transaction } from "../../../shared/database/doors.ts";
import { ConnectionLost, openLane } from "../../../shared/database/lane.ts";
import { transact } from "../../../shared/database/transact.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { adminClient, createDeadSession, createUser, type TestUser } from "../../support/users.ts";

const { database, verifier } = depsWith();
let user: TestUser;
let verified: VerifiedToken;

beforeAll(async () => {
  user = await createUser();
  verified = await verifier.verify(user.accessToken);
});
afterAll(() => database.close());

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(() => "done", (error) => {
    if (error instanceof AppError) return error.code;
    throw error;
  });
}

function readNothing(door: Database, who: VerifiedToken): Promise<number> {
  return door.asUser(who, async (sql) => {
    const [row] = await sql<[{ n: number }]>`select count(*) as n from public.videos`;
    return row.n;
  });
}

describe("Database.asUser()", () => {
  it("runs as authenticated with the caller's claims, in one transaction", async () => {
    const row = await database.asUser(verified, async (sql) => {
      const [first] = await sql<[{ role: string; uid: string; xact: string }]>`
        select current_user as role, auth.uid() as uid, pg_current_xact_id()::text as xact`;
      const [second] = await sql<[{ xact: string; session: string }]>`
        select pg_current_xact_id()::text as xact, auth.jwt() ->> 'session_id' as session`;
      return { ...first, same: first.xact === second.xact, session: second.session };
    });
    expect(row).toMatchObject({
      role: "authenticated",
      uid: user.id,
      same: true,
      session: verified.user.sessionId,
    });
  });

  it("tells the database who asks, and neither address nor name", async () => {
    const claims = await database.asUser(verified, async (sql) => {
      const [row] = await sql<[{ claims: unknown }]>`select auth.jwt() as claims`;
      return row.claims;
    });
    expect(claims).toMatchObject({
      sub: user.id,
      session_id: verified.user.sessionId,
      role: "authenticated",
      app_metadata: verified.claims["app_metadata"],
    });
    expect(JSON.stringify(claims)).not.toMatch(/@|user_metadata|"email":/);
  });

  it("takes claims for text, whatever they hold", async () => {
    const hostile = `'; drop table public.videos; -- \\' \\\\ $1 \u0000 ü\ud83d`;
    const forged = {
      ...verified,
      claims: { ...verified.claims, app_metadata: { tier: hostile } },
    };
    const read = await database.asUser(forged, async (sql) => {
      const [row] = await sql<[{ claims: string }]>`
        select current_setting('request.jwt.claims') as claims`;
      return JSON.parse(row.claims);
    });
    expect(read.app_metadata.tier).toBe(hostile);
  });

  it("answers bigint and numeric as numbers and timestamptz as Date", async () => {
    const row = await database.asUser(verified, async (sql) => {
      const [row] = await sql`select 1073741824::bigint as b, 1.250::numeric as n, now() as t`;
      return row;
    });
    expect(row).toEqual({ b: 1073741824, n: 1.25, t: expect.any(Date) });
  });

  it("leaves neither role nor claims on the connection", async () => {
    await readNothing(database, verified);
    const seen = await Promise.all(
      Array.from({ length: 8 }, () =>
        database.asService(async (sql) => {
          const [row] = await sql<[{ role: string; claims: string | null }]>`
          select current_user as role,
            nullif(current_setting('request.jwt.claims', true), '') as claims`;
          return `${row.role} ${row.claims}`;
        })),
    );
    expect(new Set(seen)).toEqual(new Set(["postgres null"]));
  });

  it("refuses a signed-out session and keeps nothing of what was sent with the check", async () => {
    const dead = await verifier.verify((await createDeadSession()).accessToken);
    const writing = database.asUser(dead, async (sql) => {
      await sql`select private.record_consent('email', true, 'test')`;
    });
    expect(await codeOf(writing)).toBe("session_revoked");
    const [row] = await adminSql()<[{ n: string }]>`
      select count(*) as n from public.consents where user_id = ${dead.user.supabaseUserId}`;
    expect(Number(row.n)).toBe(0);
  });

  it("executes nothing of a dead session, and waits for work under way before it rolls back", async () => {
    const dead = await verifier.verify((await createDeadSession()).accessToken);
    const states: unknown[] = [];
    const working = database.asUser(dead, async (sql) => {
      for (let i = 0; i < 3; i++) {
        states.push(
          await sql`select current_user`.then(
            () => "executed",
            (error) => Reflect.get(error, "code"),
          ),
        );
      }
    });
    expect(await codeOf(working)).toBe("session_revoked");
    expect(states).toEqual(["25P02", "25P02", "25P02"]);
  });

  it("refuses a deleted and a banned user whose token is still valid", async () => {
    const admin = adminClient().auth.admin;
    const [gone, banned] = await Promise.all([createUser(), createUser()]);
    const tokens = await Promise.all(
      [gone, banned].map((one) => verifier.verify(one.accessToken)),
    );
    expect((await admin.deleteUser(gone.id)).error).toBeNull();
    expect((await admin.updateUserById(banned.id, { ban_duration: "1h" })).error).toBeNull();
    for (const token of tokens) {
      expect(await codeOf(readNothing(database, token))).toBe("session_revoked");
    }
  });

  it("refuses a session id of another user", async () => {
    const other = await verifier.verify((await createUser()).accessToken);
    const mixed = {
      ...verified,
      user: Object.create(verified.user, { sessionId: { value: other.user.sessionId } }),
    };
    expect(await codeOf(readNothing(database, mixed))).toBe("session_revoked");
  });

  it("turns a refusal of a database function into its error code", async () => {
    const refused = database.asUser(
      verified,
      (sql) => sql`select private.complete_upload(${crypto.randomUUID()}::uuid)`,
    );
    expect(await codeOf(refused)).toBe("video_not_found");
  });

  it("rolls back when the work fails, and passes its error on", async () => {
    const failing = database.asUser(verified, async (sql) => {
      await sql`select private.record_consent('email', true, 'rolled-back')`;
      throw new AppError("forbidden");
    });
    expect(await codeOf(failing)).toBe("forbidden");
    const [row] = await adminSql()<[{ n: string }]>`
      select count(*) as n from public.consents where text_version = 'rolled-back'`;
    expect(Number(row.n)).toBe(0);
  });

  it("may not read what RLS and grants withhold", async () => {
    const reading = database.asUser(verified, (sql) => sql`select from auth.users`);
    await expect(reading).rejects.toMatchObject({ code: "42501" });
  });

  it("runs callers side by side without mixing them", async () => {
    const others = await Promise.all([1, 2, 3].map(() => createUser()));
    const tokens = await Promise.all(others.map((one) => verifier.verify(one.accessToken)));
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => {
      const token = tokens[i % tokens.length] ?? verified;
      return database.asUser(token, async (sql) => {
        const [row] = await sql<[{ uid: string }]>`select auth.uid() as uid`;
        return row.uid === token.user.supabaseUserId;
      });
    }));
    expect(answers.every(Boolean)).toBe(true);
  });
});

describe("Database in an outage", () => {
  it("answers database_unavailable when nobody listens", async () => {
    const dead = createDatabase(depsWith({ environment: withOutage("database") }).env);
    expect(await codeOf(readNothing(dead, verified))).toBe("database_unavailable");
    expect(await codeOf(dead.asService((sql) => sql`select 1`))).toBe("database_unavailable");
    await dead.close();
  });

  const readPid = async (sql: Transaction) => {
    const [row] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`;
    return row.pid;
  };
  const kill = (pid: number) => adminSql()`select pg_terminate_backend(${pid}, 2000)`;

  describe.runIf(hasAdminSql())("whose connections are killed", () => {
    it("recovers when they were idle", async () => {
      const door = createDatabase(depsWith().env);
      await kill(await door.asService(readPid));
      await codeOf(readNothing(door, verified));
      expect(await readNothing(door, verified)).toBe(0);
      await door.close();
    });

    it("answers database_unavailable when a statement was under way, and recovers", async () => {
      const door = createDatabase(depsWith().env);
      for (let i = 0; i < 5; i++) {
        const working = door.asService(async (sql) => {
          const pid = await readPid(sql);
          await Promise.all([sql`select pg_sleep(5)`, kill(pid)]);
        });
        expect(await codeOf(working)).toBe("database_unavailable");
        const started = performance.now();
        expect(await readNothing(door, verified)).toBe(0);
        expect(performance.now() - started).toBeLessThan(2000);
      }
      await door.close();
    });

    it("answers database_unavailable between two statements, and sends no more", async () => {
      const door = createDatabase(depsWith().env);
      const { promise: later, resolve } = Promise.withResolvers<unknown>();
      const working = door.asService(async (sql) => {
        await kill(await readPid(sql));
        await new Promise((resume) => setTimeout(resume, 100));
        try {
          await sql`select 1`;
        } catch (error) {
          resolve(error);
        }
      });
      expect(await codeOf(working)).toBe("database_unavailable");
      expect(await later).toBeInstanceOf(ConnectionLost);
      expect(await readNothing(door, verified)).toBe(0);
      await door.close();
    });

    it("lets other transactions finish", async () => {
      const door = createDatabase(depsWith().env);
      const other = door.asService(async (sql) => {
        await sql`select pg_sleep(0.5)`;
        return await readPid(sql);
      });
      await codeOf(door.asService(async (sql) => {
        await kill(await readPid(sql));
        await sql`select 1`;
      }));
      expect(await other).toBeGreaterThan(0);
      await door.close();
    });
  });

  it("answers database_unavailable when a statement takes longer than it may", async () => {
    const slow = database.asUser(verified, async (sql) => {
      await sql`set local statement_timeout = '50ms'`;
      await sql`select pg_sleep(5)`;
    });
    expect(await codeOf(slow)).toBe("database_unavailable");
  });
});

describe("transact()", () => {
  it("gives up at the deadline although the server says nothing", async () => {
    const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const clients: Deno.Conn[] = [];
    const accepting = (async () => {
      for await (const client of silent) clients.push(client);
    })();
    const lane = openLane(`postgresql://postgres:x@127.0.0.1:${silent.addr.port}/postgres`);
    const started = performance.now();
    const waiting = transact(
      lane,
      { opening: "select 1", deadline: 200 },
      (sql) => sql`select 2`,
    );
    await expect(waiting).rejects.toBeInstanceOf(ConnectionLost);
    expect(performance.now() - started).toBeLessThan(2000);
    for (const client of clients) client.close();
    silent.close();
    await accepting;
    await lane.end();
  });
});

import postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createLegacySchema, writeLegacyRows } from "../../../cli/legacy/sample/write.ts";
import { LegacyError } from "../../../shared/legacy/errors.ts";
import {
  checkLegacySource,
  type LegacySource,
  openLegacySource,
} from "../../../shared/legacy/source.ts";
import {
  startServer,
  type TestDatabase,
  type TestServer,
} from "../../migrations/support/database.ts";

let server: TestServer;
let project: TestDatabase;
let projectSql: postgres.Sql;
let legacy: TestDatabase;
let source: LegacySource;

beforeAll(async () => {
  server = await startServer();
  project = await server.createDatabase({ migrated: false });
  projectSql = postgres(project.url, { max: 1, onnotice: () => {} });
  legacy = await server.createDatabase({ migrated: false });
});
beforeEach(async () => {
  await legacy.admin`drop schema public cascade`;
  await legacy.admin`create schema public authorization postgres`;
  await createLegacySchema(legacy.sql);
  source = openSource(legacy.url);
});
afterEach(() => source.close());
afterAll(async () => {
  await projectSql.end();
  await Promise.all([project.stop(), legacy.stop()]);
  await server.stop();
});

function openSource(legacyUrl?: string): LegacySource {
  const rest = legacyUrl === undefined ? {} : { legacyUrl };
  return openLegacySource({ projectUrl: project.url, projectSql, ...rest });
}

async function refusalOf(checked: LegacySource): Promise<string> {
  try {
    await checkLegacySource(checked);
  } catch (error) {
    if (error instanceof LegacyError && error.kind === "usage") return error.message;
    throw error;
  }
  return "";
}

describe("a legacy database", () => {
  it("passes as its last revision left it, and cannot be written to", async () => {
    expect(source.separate).toBe(true);
    await checkLegacySource(source);
    await expect(source.sql`delete from public.users`).rejects.toThrow("read-only transaction");
  });

  it("gives its statements the time that large tables take", async () => {
    await legacy.admin`alter role postgres set statement_timeout = '2min'`;
    const [row] = await source.sql`select current_setting('statement_timeout') as timeout`;
    expect(row).toEqual({ timeout: "2147483647ms" });
  });

  it("passes without a revision table, and with the long name of the revision", async () => {
    await legacy.sql`update public.alembic_version set version_num = '008_add_onboarding'`;
    await checkLegacySource(source);
    await legacy.sql`drop table public.alembic_version`;
    await checkLegacySource(source);
  });

  it.each([
    ["update public.alembic_version set version_num = '007'", "at revision 007 instead of 008"],
    ["update public.alembic_version set version_num = '0080'", "at revision 0080 instead of 008"],
    ["delete from public.alembic_version", "at revision none instead of 008"],
    ["insert into public.alembic_version values ('009')", "at revision 008 and 009 instead"],
    ["alter table public.users drop column industry", "users.industry is missing"],
    ["alter table public.users alter column email type text", "users.email is text instead of"],
    ["alter table public.videos add column note text", "videos.note is not known"],
    ["alter table public.videos alter column state drop not null", "videos.state is nullable"],
    ["alter table public.scenes alter column transcript type varchar(9)", "scenes.transcript is"],
    ["drop table public.jobs", "table jobs is missing"],
    ["drop table public.users cascade", "has no table public.users"],
  ])("is refused after: %s", async (change, words) => {
    await legacy.sql.unsafe(change);
    const refusal = await refusalOf(source);
    expect(refusal).toContain(words);
    expect(refusal).toMatch(/Nothing was changed$/);
  });

  it("names every difference at once", async () => {
    await legacy.sql`alter table public.users drop column tier`;
    await legacy.sql`drop table public.rate_limits`;
    expect(await refusalOf(source))
      .toMatch(/users\.tier is missing; table rate_limits is missing\. Bring it to/);
  });

  it("is refused with a user without an e-mail, or with another one's", async () => {
    const ids = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()].sort();
    await legacy.sql`alter table public.users alter column email drop not null`;
    await legacy.sql`alter table public.users drop constraint users_email_key`;
    await checkLegacySource(source);
    await writeLegacyRows(legacy.sql, {
      users: [null, "  ", "ann@example.test"].map((email, n) => ({ user_id: ids[n], email })),
    });
    expect(await refusalOf(source)).toContain(`have no e-mail: ${ids[0]}, ${ids[1]}. Repair`);
    await legacy.sql`update public.users set email = 'ann@example.test'`;
    expect(await refusalOf(source)).toContain(`have the e-mail of another one: ${ids[0]}`);
  });

  it("is refused when it is the project's own", async () => {
    const same = openSource(`${project.url}?application_name=somebody`);
    expect(await refusalOf(same)).toMatch(/leads to the project's own database.* Nothing was/);
    await same.close();
  });
});

describe("a project without a legacy database", () => {
  it("is told to name one", async () => {
    const own = openSource();
    expect(own.separate).toBe(false);
    expect(await refusalOf(own)).toMatch(/no legacy users: set LEGACY_DATABASE_URL/);
    await own.close();
  });

  it("passes with the tables in it, whatever our migrations added", async () => {
    await createLegacySchema(project.sql);
    await project.sql`alter table public.videos add column organization_id uuid`;
    await project.sql`alter table public.videos alter column user_id drop not null`;
    const own = openSource();
    await checkLegacySource(own);
    await own.close();
  });
});

import { beforeAll, describe, expect, it } from "vitest";
import { describeNext } from "../../cli/authority.ts";
import { runProgram } from "../../cli/program.ts";
import { tierLimits } from "../../shared/auth/tiers.ts";
import { addMember } from "../../shared/authority/organizations.ts";
import { setTier } from "../../shared/authority/tier.ts";
import type { Database } from "../../shared/database/doors.ts";
import { depsWith } from "../support/app.ts";
import { call, expectJson, expectProblem } from "../support/call.ts";
import { type CommandResult, heimdex } from "../support/heimdex.ts";
import { adminSql, claimsOf, hasAdminSql, postgresSql } from "../support/sql.ts";
import { useStack } from "../support/stack.ts";
import { adminClient, createUser, signIn, type TestUser, uniqueEmail } from "../support/users.ts";

/** In this process: starting one for each of these commands takes longer than the command. */
async function run(...args: string[]): Promise<CommandResult> {
  const written = { out: "", err: "" };
  const code = await runProgram(args, {
    env: useStack().environment,
    version: "0.0.0",
    now: () => new Date(),
    out: (text) => void (written.out += `${text}\n`),
    err: (text) => void (written.err += `${text}\n`),
  });
  return { code, ...written };
}

/** What one command answered with --json. */
async function change(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await run(...args, "--json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out);
}

/** `app_metadata` as Supabase Auth holds it. */
async function authorityOf(userId: string): Promise<Record<string, unknown>> {
  const [row] = await postgresSql()<{ app: Record<string, unknown> }[]>`
    select raw_app_meta_data as app from auth.users where id = ${userId}`;
  return row?.app ?? {};
}

async function rolesOf(userId: string): Promise<Record<string, string>> {
  const rows = await postgresSql()<{ organization_id: string; role: string }[]>`
    select organization_id, role from public.organization_members where user_id = ${userId}`;
  return Object.fromEntries(rows.map((row) => [row.organization_id, row.role]));
}

const initUpload = (user: TestUser) =>
  call("/videos/upload/init", {
    token: user.accessToken,
    json: { filename: "a.mp4", mime_type: "video/mp4", size_bytes: 1000 },
  });

/** What a command works with; `then` happens between its first use of the database and the next. */
function contextAfterwards(then: () => Promise<void>) {
  const { auth, database } = depsWith();
  let uses = 0;
  const asService: Database["asService"] = async (fn) => {
    if (uses++ === 1) await then();
    return await database.asService(fn);
  };
  return {
    auth,
    database: { ...database, asService },
    [Symbol.asyncDispose]: () => database.close(),
  };
}

describe("heimdex tier set", () => {
  it("sets the tier, keeps the other keys, and says what the user has to do", async () => {
    const user = await createUser({ appMetadata: { permissions: ["beta"] } });
    const { environment } = useStack();
    const { code, out } = await heimdex(
      ["tier", "set", user.email.toUpperCase(), "pro"],
      environment,
    );
    expect({ code, out }).toEqual({
      code: 0,
      out: `Tier of ${user.email}: free is now pro\nThe user sees it after a refresh of the ` +
        "session (supabase.auth.refreshSession()), an hour at most\n",
    });
    expect(await authorityOf(user.id)).toMatchObject({ tier: "pro", permissions: ["beta"] });
    expect(claimsOf(user.accessToken)["app_metadata"]).not.toHaveProperty("tier");
    const { data } = await user.client.auth.refreshSession();
    expect(claimsOf(data.session?.access_token ?? "")["app_metadata"])
      .toMatchObject({ tier: "pro", permissions: ["beta"] });
    const again = await change("tier", "set", user.id, "pro");
    expect(again).toMatchObject({ user_id: user.id, from: "pro", to: "pro", changed: false });
    const events = await postgresSql()`select metadata->>'actor' as actor from public.audit_events
      where user_id = ${user.id} and event_type = 'tier.changed'`;
    expect([...events]).toEqual([{ actor: "operator" }]);
  });

  it("leaves a word in the trail when it is killed, and completes it when given again", async () => {
    const user = await createUser();
    const trail = async () => {
      const rows = await postgresSql()<{ event: string }[]>`
        select event_type || ': ' || (metadata ->> 'route') as event from public.audit_events
        where user_id = ${user.id} and event_type like 'tier.%' order by created_at`;
      return rows.map(({ event }) => event);
    };
    await using killed = contextAfterwards(() => Promise.reject(new Error("killed")));
    await expect(setTier(killed, user.id, "pro")).rejects.toThrow("killed");
    expect(await authorityOf(user.id)).toMatchObject({ tier: "pro" });
    expect(await trail()).toEqual(["tier.change_requested: tier set pro"]);
    for (let time = 0; time < 2; time++) {
      expect(await change("tier", "set", user.id, "pro")).toMatchObject({ changed: false });
      expect(await trail())
        .toEqual(["tier.change_requested: tier set pro", "tier.changed: tier set pro"]);
    }
  });

  it("takes a user without a tier for free, and changes nothing", async () => {
    const user = await createUser();
    expect(await change("tier", "set", user.id, "free"))
      .toMatchObject({ from: "free", to: "free", changed: false });
    expect(await authorityOf(user.id)).not.toHaveProperty("tier");
    const events = await postgresSql()`select from public.audit_events
      where user_id = ${user.id} and event_type = 'tier.changed'`;
    expect(events).toHaveLength(0);
  });

  it("takes an address that nobody confirmed for nobody's, an id for its user", async () => {
    const email = uniqueEmail();
    const { data } = await adminClient().auth.admin.createUser({ email, email_confirm: false });
    const id = data.user?.id ?? "";
    expect(await run("tier", "set", email, "pro")).toMatchObject({
      code: 2,
      err: expect.stringContaining(`Nobody has confirmed the address "${email}" yet`),
    });
    expect(await authorityOf(id)).not.toHaveProperty("tier");
    expect(await change("tier", "set", id, "pro")).toMatchObject({ user_id: id, changed: true });
  });

  it("bites at once: the next upload counts by the new tier, with the old token", async () => {
    const user = await createUser({ appMetadata: { tier: "pro" } });
    for (let i = 0; i < tierLimits.free.uploadsPerDay; i++) {
      await expectJson(await initUpload(user), 201);
    }
    await change("tier", "set", user.id, "free");
    expect(claimsOf(user.accessToken)["app_metadata"]).toMatchObject({ tier: "pro" });
    await expectProblem(await initUpload(user), "upload_quota_exceeded", 429);
    const search = await call("/search?q=harbour", { token: user.accessToken });
    expect(search.headers.get("ratelimit-policy"))
      .toContain(`q=${tierLimits.free.searchesPerMinute};`);
    await change("tier", "set", user.id, "pro");
    await expectJson(await initUpload(user), 201);
  });

  it("--revoke-sessions ends every session of that user at once", async () => {
    const [user, other] = [await createUser(), await createUser()];
    const second = await signIn(user.email, user.password);
    const answer = await change("tier", "set", user.id, "enterprise", "--revoke-sessions");
    expect(answer).toMatchObject({
      changed: true,
      sessions_revoked: 2,
      next: "Sessions ended: 2. The user signs in again and sees the change",
    });
    for (const { accessToken } of [user, second]) {
      await expectProblem(await call("/me/usage", { token: accessToken }), "session_revoked", 401);
    }
    const { error } = await second.client.auth.refreshSession();
    expect(error).not.toBeNull();
    await expectJson(await call("/me/usage", { token: other.accessToken }), 200);
    const back = await signIn(user.email, user.password);
    const usage = await expectJson(await call("/me/usage", { token: back.accessToken }), 200);
    expect(usage).toMatchObject({ tier: "enterprise" });
  });

  it("exits 2 for an unknown user or tier and 3 while Supabase Auth is away", async () => {
    const nobody = crypto.randomUUID();
    expect(await run("tier", "set", nobody, "pro")).toMatchObject({
      code: 2,
      err: `No user has the id or address "${nobody}"\n`,
    });
    const user = await createUser();
    expect(await run("tier", "set", user.id, "gold")).toMatchObject({ code: 2 });
    const away = { ...useStack().environment, SUPABASE_URL: "http://127.0.0.1:9" };
    expect(await heimdex(["tier", "set", user.id, "pro"], away)).toMatchObject({ code: 3 });
    expect(await authorityOf(user.id)).not.toHaveProperty("tier");
  });
});

describe("heimdex org", () => {
  let admin: TestUser;
  let member: TestUser;
  let organization: string;
  const name = `Archive ${crypto.randomUUID()}`;

  beforeAll(async () => {
    [admin, member] = await Promise.all([createUser(), createUser()]);
    const made = await change("org", "create", name, "--admin", admin.email);
    organization = String(made["organization_id"]);
  });

  it("create makes an organization with its first admin, once", async () => {
    expect(await rolesOf(admin.id)).toEqual({ [organization]: "admin" });
    expect(await authorityOf(admin.id))
      .toMatchObject({ organization_id: organization, role: "admin" });
    const again = await change("org", "create", ` ${name} `, "--admin", admin.id);
    expect(again).toMatchObject({ organization_id: organization, changed: false });
    expect(await run("org", "create", "two\nlines", "--admin", admin.id))
      .toMatchObject({ code: 2, err: expect.stringContaining("1 to 100 characters") });
  });

  it("add, role and remove change the table and the token's hint together", async () => {
    const user = await createUser();
    const steps: [string[], string | null][] = [
      [["add", name, user.email], "member"],
      [["add", name, user.email], "member"],
      [["role", organization, user.id, "admin"], "admin"],
      [["role", organization, user.id, "member"], "member"],
      [["remove", organization, user.id], null],
      [["remove", organization, user.id], null],
    ];
    for (const [args, role] of steps) {
      expect(await change("org", ...args)).toMatchObject({ user_id: user.id, role });
      expect(await rolesOf(user.id)).toEqual(role ? { [organization]: role } : {});
      const { organization_id, role: hint } = await authorityOf(user.id);
      expect({ organization_id, hint }).toEqual(
        role
          ? { organization_id: organization, hint: role }
          : { organization_id: undefined, hint: undefined },
      );
    }
    const events = await postgresSql()<{ type: string }[]>`
      select event_type as type from public.audit_events
      where user_id = ${user.id} and event_type like 'organization.%' order by created_at`;
    expect(events.map(({ type }) => type)).toEqual([
      "organization.member_added",
      "organization.role_changed",
      "organization.role_changed",
      "organization.member_removed",
    ]);
  });

  it("completes a change that was stopped between the table and Supabase Auth", async () => {
    const user = await createUser();
    await postgresSql()`insert into public.organization_members (organization_id, user_id)
      values (${organization}, ${user.id})`;
    expect(await change("org", "add", organization, user.id)).toMatchObject({ changed: true });
    expect(await authorityOf(user.id)).toMatchObject({ organization_id: organization });
    await postgresSql()`delete from public.organization_members where user_id = ${user.id}`;
    expect(await change("org", "remove", organization, user.id)).toMatchObject({ changed: true });
    expect(await authorityOf(user.id)).not.toHaveProperty("organization_id");
  });

  it("tells of an account that is deleted between the table and Supabase Auth", async () => {
    const user = await createUser();
    await using ctx = contextAfterwards(async () => {
      await adminClient().auth.admin.deleteUser(user.id);
    });
    const added = await addMember(ctx, organization, user.id, "member");
    expect(added).toMatchObject({ userId: user.id, role: "member", isChanged: true, isGone: true });
    expect(describeNext(added, undefined)).toContain("deleted meanwhile");
  });

  it("keeps the hint of a member of two organizations, and moves it when that one ends", async () => {
    const user = await createUser();
    const made = await change("org", "create", `Own ${user.id}`, "--admin", user.id);
    await change("org", "add", organization, user.id);
    expect(await authorityOf(user.id)).toMatchObject({ organization_id: made["organization_id"] });
    await change("org", "add", String(made["organization_id"]), member.id, "--role", "admin");
    await change("org", "remove", String(made["organization_id"]), user.id);
    expect(await authorityOf(user.id))
      .toMatchObject({ organization_id: organization, role: "member" });
  });

  it("keeps table and hint together when commands about one user run at the same time", async () => {
    const user = await createUser();
    const names = ["One", "Two", "Three"].map((one) => `${one} ${user.id}`);
    for (const one of names) await change("org", "create", one, "--admin", admin.id);
    await Promise.all(names.map((one) => change("org", "add", one, user.id)));
    const present = String((await authorityOf(user.id))["organization_id"]);
    expect(Object.keys(await rolesOf(user.id))).toContain(present);
    await Promise.all([
      change("org", "remove", present, user.id),
      ...names.map((one) => run("org", "role", one, user.id, "admin")),
    ]);
    const { organization_id, role } = await authorityOf(user.id);
    expect(await rolesOf(user.id)).toMatchObject({ [String(organization_id)]: role });
  });

  it("keeps the last admin, also when two are taken away at the same time", async () => {
    for (const args of [["remove"], ["role", "member"]]) {
      const [verb = "", ...rest] = args;
      expect(await run("org", verb, organization, admin.id, ...rest)).toMatchObject({
        code: 4,
        err: "The user is the only admin of this organization, make another member admin first\n",
      });
    }
    const [one, two] = await Promise.all([createUser(), createUser()]);
    const made = await change("org", "create", `Pair ${one.id}`, "--admin", one.id);
    const id = String(made["organization_id"]);
    await change("org", "add", id, two.id, "--role", "admin");
    const results = await Promise.all([
      run("org", "remove", id, one.id),
      run("org", "remove", id, two.id),
    ]);
    expect(results.map(({ code }) => code).sort()).toEqual([0, 4]);
  });

  it("lets a former member see nothing of the organization, with the old token", async () => {
    const user = await createUser();
    await change("org", "add", organization, user.id);
    const own = await signIn(user.email, user.password);
    const read = () => own.client.from("organizations").select("name");
    expect((await read()).data).toEqual([{ name }]);
    await change("org", "remove", organization, user.id);
    expect((await read()).data).toEqual([]);
  });

  it("exits 2 for what is not there", async () => {
    const nowhere = crypto.randomUUID();
    expect(await run("org", "add", nowhere, member.id)).toMatchObject({
      code: 2,
      err: `No organization has the id or name "${nowhere}"\n`,
    });
    expect(await run("org", "role", organization, nowhere, "admin")).toMatchObject({ code: 2 });
    const stranger = await createUser();
    expect(await run("org", "role", organization, stranger.id, "admin")).toMatchObject({
      code: 2,
      err: expect.stringContaining("heimdex org add"),
    });
  });

  it.each(["create", "add", "remove", "role"])("%s explains itself", async (verb) => {
    const { code, out } = await run("org", verb, "--help");
    expect(code).toBe(0);
    for (const part of ["Examples:\n  $ heimdex org", "--revoke-sessions", "refreshSession()"]) {
      expect(out).toContain(part);
    }
  });
});

describe.runIf(hasAdminSql())("user_metadata", () => {
  it("gives its user no tier, no role, no permission and no organization", async () => {
    const owner = await createUser();
    const made = await change("org", "create", `Closed ${owner.id}`, "--admin", owner.id);
    const organization = String(made["organization_id"]);
    const user = await createUser();
    const wish = {
      tier: "enterprise",
      role: "admin",
      permissions: ["everything"],
      organization_id: organization,
      app_metadata: { tier: "enterprise" },
    };
    const { error } = await user.client.auth.updateUser({ data: wish });
    expect(error).toBeNull();
    const { data } = await user.client.auth.refreshSession();
    const token = data.session?.access_token ?? "";
    expect(await expectJson(await call("/me", { token }), 200)).toMatchObject({ tier: "free" });
    const usage = await expectJson(await call("/me/usage", { token }), 200);
    expect(usage).toMatchObject({
      tier: "free",
      uploads_per_day: tierLimits.free.uploadsPerDay,
    });
    const refused = await call("/videos/upload/init", {
      token,
      json: {
        filename: "a.mp4",
        mime_type: "video/mp4",
        size_bytes: 1000,
        organization_id: organization,
      },
    });
    await expectProblem(refused, "organization_not_found", 404);
    expect((await user.client.from("organizations").select("name")).data).toEqual([]);
    const [row] = await adminSql()`select raw_app_meta_data ? 'tier' as given from auth.users
      where id = ${user.id}`;
    expect(row).toEqual({ given: false });
  });
});

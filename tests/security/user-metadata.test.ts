import { describe, expect, it } from "vitest";
import { toAuthUser } from "../../shared/auth/auth-user.ts";
import { postgresSql, type Transaction } from "../support/sql.ts";

/**
 * Who reads `user_metadata`, which its user writes, and what for. None of it decides about access.
 * A file that is not here, or a function of the database below, fails the run.
 */
const readers: Readonly<Record<string, string>> = {
  "shared/auth/auth-user.ts": "takes the profile fields out of a token",
  "shared/auth/claims.ts": "parses and clamps them",
  "shared/auth/metadata.ts": "measures the budget of the token",
  "shared/auth/profile.ts": "shows the profile",
  "shared/auth/update-profile.ts": "changes the profile",
  "shared/events/schemas.ts": "names a key of it in an event that a sender signs",
  "shared/export/profile.ts": "puts it into the export of its user",
  "shared/legacy/auth-admin.ts": "writes what the legacy system held",
  "shared/legacy/export/choose-step.ts": "as above",
  "shared/legacy/plan/accounts.ts": "compares it with the legacy system",
  "shared/legacy/rollback/restore-owners.ts": "writes it back to the legacy tables",
  "shared/legacy/target.ts": "says what the legacy system held",
  "shared/legacy/verify/compare-user.ts": "compares it",
};

/** Who reads the fields of a profile that come from it. */
const profileReaders: Readonly<Record<string, string>> = {
  "shared/auth/profile.ts": "shows them",
  "shared/legacy/target.ts": "says what the legacy system held",
};

const routines: Readonly<Record<string, string>> = {
  "custom_access_token_hook": "cuts it to our keys and to the budget of the token",
  "fit_metadata": "as above",
  "record_auth_event": "names the keys that changed, and counts onboarding",
};
const triggers: Readonly<Record<string, string>> = {
  "heimdex_record_updated_user": "fires when it changes",
};

const metadataWord = /\b(raw_)?user_?meta_?data\b|\braw_user_meta|\buserMetadata|UserMetadata/i;
const profileWord =
  /\b(user|verified)\.(displayName|onboardingCompleted|industry|jobTitle|emailConsent|preferences)\b/;

/** What stands in the code besides comments. */
function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|[^:"'`])\/\/.*$/gm, "$1");
}

const mentions = (source: string, word: RegExp) => word.test(withoutComments(source));

const root = new URL("../../", import.meta.url);

async function* listSources(folder: URL): AsyncGenerator<URL> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) yield* listSources(new URL(`${entry.name}/`, folder));
    else if (entry.name.endsWith(".ts")) yield new URL(entry.name, folder);
  }
}

async function filesThatMention(word: RegExp): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ["shared/", "supabase/functions/"]) {
    for await (const file of listSources(new URL(folder, root))) {
      if (mentions(await Deno.readTextFile(file), word)) {
        found.push(file.href.slice(root.href.length));
      }
    }
  }
  return found.sort();
}

/** What of a schema mentions it: policies, functions, triggers, checks and views, by name. */
async function findInCatalogue(sql: Transaction, schemas: readonly string[]) {
  const rows = await sql<{ kind: string; name: string }[]>`
    with texts as (
      select 'policy' as kind, policyname::text as name, schemaname::text as schema,
        concat(qual, with_check) as text from pg_policies
      union all
      select 'function', proname, pronamespace::regnamespace::text, prosrc from pg_proc
      union all
      select 'trigger', t.tgname, p.pronamespace::regnamespace::text, pg_get_triggerdef(t.oid)
      from pg_trigger t join pg_proc p on p.oid = t.tgfoid where not t.tgisinternal
      union all
      select 'constraint', conname, connamespace::regnamespace::text, pg_get_constraintdef(oid)
      from pg_constraint where contype = 'c'
      union all
      select 'view', viewname, schemaname, definition from pg_views
    )
    select kind, name from texts
    where schema = any(${[...schemas]}) and text ~* 'user_?meta_?data|raw_user_meta'
    order by 1, 2`;
  return rows.map(({ kind, name }) => `${kind} ${name}`);
}

const ours = ["public", "private", "storage", "legacy_archive"];

describe("user_metadata", () => {
  it("is read in the database by these only, and by no policy", async () => {
    const found = await postgresSql().begin((sql) => findInCatalogue(sql, ours));
    const known = [
      ...Object.keys(routines).map((name) => `function ${name}`),
      ...Object.keys(triggers).map((name) => `trigger ${name}`),
    ];
    expect(found.filter((name) => !name.includes("conformance"))).toEqual(known.sort());
  });

  it("would be found in a policy or a function", async () => {
    const undo = new Error("undo");
    const attempt = postgresSql().begin(async (sql) => {
      await sql.unsafe(`
        create temp table forged (owner uuid) on commit drop;
        create policy "pro users read" on forged for select to authenticated
          using ((auth.jwt() -> 'user_metadata' ->> 'tier') = 'pro');
        create function pg_temp.is_admin() returns boolean language sql
          as $$ select raw_user_meta_data ->> 'role' = 'admin' from auth.users where id = auth.uid() $$;`)
        .simple();
      const [row] = await sql`select pg_my_temp_schema()::regnamespace::text as name`;
      expect(await findInCatalogue(sql, [String(row?.["name"])]))
        .toEqual(["function is_admin", "policy pro users read"]);
      throw undo;
    });
    await expect(attempt).rejects.toBe(undo);
  });

  it("is read in the code by these files only", async () => {
    expect(await filesThatMention(metadataWord)).toEqual(Object.keys(readers).sort());
  });

  it("gives fields that only the profile shows", async () => {
    expect(await filesThatMention(profileWord)).toEqual(Object.keys(profileReaders).sort());
  });

  it.each([
    "if (claims.user_metadata.tier === 'pro') return true;",
    "const { user_metadata: mine } = claims;",
    "return userMetadata['role'] === 'admin';",
    "sql`select raw_user_meta_data from auth.users`",
  ])("would be found in: %s", (source) => {
    expect(mentions(source, metadataWord)).toBe(true);
  });

  it("would not be found in a comment, and its fields would be in a decision", () => {
    expect(mentions("/** Not from user_metadata. */\nconst a = 1; // user_metadata", metadataWord))
      .toBe(false);
    expect(mentions("if (user.onboardingCompleted) allow();", profileWord)).toBe(true);
  });

  it("gives no authority, whatever its user writes there", () => {
    const authority = {
      tier: "enterprise",
      permissions: ["admin"],
      organization_id: crypto.randomUUID(),
      role: "admin",
      email_verified: true,
      is_anonymous: false,
      aal: "aal2",
    };
    const claims = {
      sub: crypto.randomUUID(),
      session_id: crypto.randomUUID(),
      email: "mina@example.test",
      role: "authenticated",
      aal: "aal1",
      app_metadata: {},
    };
    const user = toAuthUser({ ...claims, user_metadata: authority });
    expect(user).toEqual(toAuthUser({ ...claims, user_metadata: {} }));
    expect(user).toMatchObject({
      tier: "free",
      permissions: [],
      organizationId: null,
      role: null,
      emailVerified: false,
      aal: "aal1",
    });
  });
});

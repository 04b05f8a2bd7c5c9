import { beforeAll, describe, expect, it } from "vitest";
import { checks } from "../../../cli/doctor/checks.ts";
import type { Result } from "../../../cli/doctor/run-checks.ts";
import { heimdex, heimdexHere } from "../../support/heimdex.ts";
import type { OwnStack } from "../../support/own-stack.ts";
import { startTamperingProxy, type Tamper } from "./tampering-proxy.ts";

/** One fault: what plants it, what takes it back, and the checks that must find it, and they alone. */
interface Fault {
  fault: string;
  finds: string[];
  /** SQL as supabase_admin. */
  plant?: string;
  undo?: string;
  /** Settings over those of the stack. */
  env?: Record<string, string | undefined>;
  tamper?: Tamper;
  /** How far this machine's clock is ahead, in seconds. */
  ahead?: number;
  args?: string[];
}

const at = (path: string, answer: () => Response): Tamper => (request) =>
  new URL(request.url).pathname === path ? answer() : undefined;

const planted = "7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a";
const oldKey = ["eyJhbGciOiJIUzI1NiJ9", "eyJyb2xlIjoic2VydmljZV9yb2xlIn0", "c2ln"].join(".");

const faults: Fault[] = [
  {
    fault: "a trigger on auth.users is disabled",
    finds: ["auth-triggers"],
    plant: "alter table auth.users disable trigger heimdex_record_deleted_user",
    undo: "alter table auth.users enable trigger heimdex_record_deleted_user",
  },
  {
    fault: "a trigger on auth.users is gone",
    finds: ["auth-triggers"],
    plant: "alter trigger heimdex_record_updated_user on auth.users rename to planted",
    undo: "alter trigger planted on auth.users rename to heimdex_record_updated_user",
  },
  {
    fault: "the hook is off: its function is gone",
    finds: ["token-hook", "access-token"],
    plant: "alter function public.custom_access_token_hook(jsonb) rename to planted",
    undo: "alter function public.planted(jsonb) rename to custom_access_token_hook",
    args: ["--probe"],
  },
  {
    fault: "Supabase Auth refuses every sign-in",
    finds: ["access-token"],
    tamper: at(
      "/auth/v1/token",
      () =>
        Response.json({ code: 500, error_code: "unexpected_failure", msg: "Error running hook" }, {
          status: 500,
        }),
    ),
    args: ["--probe"],
  },
  {
    fault: "nobody answers at SUPABASE_URL",
    finds: ["functions"],
    env: { SUPABASE_URL: "http://127.0.0.1:9" },
  },
  {
    fault: "Supabase Auth may not call the hook",
    finds: ["token-hook", "missing-grants"],
    plant:
      "revoke execute on function public.custom_access_token_hook(jsonb) from supabase_auth_admin",
    undo: "grant execute on function public.custom_access_token_hook(jsonb) to supabase_auth_admin",
  },
  {
    fault: "row level security is off on a table",
    finds: ["row-security"],
    plant: "alter table public.scenes disable row level security",
    undo: "alter table public.scenes enable row level security",
  },
  {
    fault: "a table was made without row level security",
    finds: ["row-security"],
    plant: "create table private.planted (id int)",
    undo: "drop table private.planted",
  },
  {
    fault: "a table lacks the restrictive policy",
    finds: ["session-policies"],
    plant:
      'alter policy "rows of jobs need a live session" on public.jobs using (true) with check (true)',
    undo: 'alter policy "rows of jobs need a live session" on public.jobs ' +
      "using ((select private.session_is_live())) with check ((select private.session_is_live()))",
  },
  {
    fault: "a policy calls auth.uid() for every row",
    finds: ["policy-form"],
    plant: "create policy planted on public.consents for select to authenticated " +
      "using (user_id = auth.uid())",
    undo: "drop policy planted on public.consents",
  },
  {
    fault: "a policy trusts user_metadata",
    finds: ["policy-metadata"],
    plant: "create policy planted on public.consents for select to authenticated " +
      "using ((select auth.jwt()) -> 'user_metadata' ->> 'role' = 'admin')",
    undo: "drop policy planted on public.consents",
  },
  {
    fault: "a function lacks its grant",
    finds: ["missing-grants"],
    plant: "revoke execute on function private.create_video(jsonb, jsonb) from authenticated",
    undo: "grant execute on function private.create_video(jsonb, jsonb) to authenticated",
  },
  {
    fault: "a table lacks its grant",
    finds: ["missing-grants"],
    plant: "revoke select on public.videos from authenticated",
    undo: "grant select on public.videos to authenticated",
  },
  {
    fault: "a column lacks its grant",
    finds: ["missing-grants"],
    plant: "revoke update (title) on public.video_metadata from authenticated",
    undo: "grant update (title) on public.video_metadata to authenticated",
  },
  {
    fault: "anon has a grant on a table",
    finds: ["anonymous-grants", "data-api"],
    plant: "grant select on public.videos to anon",
    undo: "revoke select on public.videos from anon",
  },
  {
    fault: "everybody may execute a function",
    finds: ["anonymous-grants"],
    plant: "grant execute on function private.session_state(uuid, uuid) to public",
    undo: "revoke execute on function private.session_state(uuid, uuid) from public",
  },
  {
    fault: "a definer function has no search_path",
    finds: ["definer-functions"],
    plant: "alter function private.record_consent(text, boolean, text) reset search_path",
    undo: "alter function private.record_consent(text, boolean, text) set search_path = ''",
  },
  {
    fault: "a foreign key to auth.users has no ON DELETE",
    finds: ["foreign-keys"],
    plant: "alter table public.consents add constraint planted " +
      "foreign key (user_id) references auth.users (id) not valid",
    undo: "alter table public.consents drop constraint planted",
  },
  {
    fault: "a bucket is public",
    finds: ["buckets"],
    plant: "update storage.buckets set public = true where id = 'uploads'",
    undo: "update storage.buckets set public = false where id = 'uploads'",
  },
  {
    fault: "a bucket takes every type",
    finds: ["buckets"],
    plant: "update storage.buckets set allowed_mime_types = null where id = 'sidecars'",
    undo:
      "update storage.buckets set allowed_mime_types = '{application/json}' where id = 'sidecars'",
  },
  {
    fault: "nobody drains",
    finds: ["drain"],
    plant: "update private.drain_heartbeats set finished_at = now() - interval '1 hour'",
    undo: "update private.drain_heartbeats set finished_at = now()",
  },
  {
    fault: "an event of the outbox is old",
    finds: ["drain"],
    plant: "insert into private.auth_events (event_id, type, user_id, created_at) " +
      `values ('${planted}', 'user.deleted', '${planted}', now() - interval '1 hour')`,
    undo: `delete from private.auth_events where event_id = '${planted}'`,
  },
  {
    fault: "an event was given up on",
    finds: ["dead-letters"],
    plant: "insert into private.auth_events (event_id, type, user_id, dead_at, attempts) " +
      `values ('${planted}', 'user.deleted', '${planted}', now(), 12)`,
    undo: `delete from private.auth_events where event_id = '${planted}'`,
  },
  {
    fault: "an erasure is held",
    finds: ["dead-letters"],
    plant: "insert into private.erasures (kind, user_id, origin, state, next_attempt_at) " +
      `values ('user', '${planted}', 'event', 'held', 'infinity')`,
    undo: `delete from private.erasures where user_id = '${planted}'`,
  },
  {
    fault: "orphans were counted",
    finds: ["orphans"],
    plant: "update private.orphan_counts set orphans = 2",
    undo: "update private.orphan_counts set orphans = 0",
  },
  {
    fault: "an organisation has lost its last admin",
    finds: ["organizations"],
    plant: `with planted as (insert into public.organizations (organization_id, name)
      values ('${planted}', 'planted') returning organization_id)
      insert into public.organization_members (organization_id, user_id)
      select organization_id, organization_id from planted`,
    undo: `delete from public.organizations where organization_id = '${planted}'`,
  },
  {
    fault: "a receipt has no copy",
    // It names no key either, and thus not the present one.
    finds: ["pseudonym-key", "receipts"],
    plant: "insert into private.erasure_receipts (sequence, erasure_id, stage, receipt, hash, " +
      `created_at) values (999999, '${planted}', 'final', '{}', 'planted', now() - interval '2 hours')`,
    undo: "delete from private.erasure_receipts where sequence = 999999",
  },
  {
    fault: "the receipt key is none",
    finds: ["receipts"],
    env: { HEIMDEX_RECEIPT_KEY: '{"kty":"OKP","crv":"Ed25519"}' },
  },
  {
    fault: "the pseudonym key was changed",
    finds: ["pseudonym-key"],
    plant: "insert into private.erased_users (subject, user_id) " +
      `values ('${"0".repeat(64)}', '${planted}')`,
    undo: `delete from private.erased_users where user_id = '${planted}'`,
  },
  {
    fault: "receipts were made with another pseudonym key",
    finds: ["pseudonym-key"],
    plant: "insert into private.erasure_receipts (sequence, erasure_id, stage, receipt, hash, " +
      `copied_at) values (1, '${planted}', 'final', '{"subject_key":"${"0".repeat(64)}"}', ` +
      `'${"0".repeat(64)}', now())`,
    undo: "truncate private.erasure_receipts",
  },
  {
    fault: "a migration is not pushed",
    finds: ["migrations"],
    plant: "update supabase_migrations.schema_migrations set version = 'x20261122102100' " +
      "where version = '20261122102100'",
    undo: "update supabase_migrations.schema_migrations set version = '20261122102100' " +
      "where version = 'x20261122102100'",
  },
  {
    fault: "a migration was edited after its push",
    finds: ["migrations"],
    plant:
      "update supabase_migrations.schema_migrations set statements = statements || array['select 1'] " +
      "where version = '20261122102100'",
    undo: "update supabase_migrations.schema_migrations " +
      "set statements = statements[:cardinality(statements) - 1] where version = '20261122102100'",
  },
  {
    fault: "a secret is missing",
    finds: ["settings"],
    env: { HEIMDEX_CURSOR_KEY: undefined },
  },
  {
    fault: "a secret is weak",
    finds: ["secret-strength"],
    env: { HEIMDEX_CRON_SECRET: "abababababababababababababab" },
  },
  {
    fault: "no webhook secret is set",
    finds: ["webhook-secrets"],
    env: { HEIMDEX_WEBHOOK_SECRETS: undefined },
  },
  {
    fault: "the old key of the project is in use",
    finds: ["legacy-keys"],
    env: { SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: oldKey }) },
  },
  {
    fault: "tokens of the old shared secret are accepted",
    finds: ["legacy-keys"],
    env: { HEIMDEX_LEGACY_JWT_SECRET: crypto.randomUUID() },
  },
  {
    fault: "the client address is not forwarded",
    finds: ["client-address"],
    env: { HEIMDEX_CLIENT_IP_HEADER: "x-real-ip" },
    plant: "insert into public.audit_events (user_id, event_type, metadata) " +
      `select '${planted}', 'planted', '{"request_id": "planted"}' from generate_series(1, 20)`,
    // Only so are audit events deleted outside an erasure.
    undo: "set session_replication_role = replica; " +
      "delete from public.audit_events where event_type = 'planted'; " +
      "set session_replication_role = origin",
  },
  { fault: "the clock of this machine is wrong", finds: ["clock"], ahead: 60 },
  {
    fault: "Supabase Auth has no asymmetric key",
    finds: ["signing-keys"],
    tamper: at("/auth/v1/.well-known/jwks.json", () => Response.json({ keys: [] })),
  },
  {
    fault: "the pinned keys miss the current one",
    finds: ["signing-keys"],
    env: { SUPABASE_JWKS: JSON.stringify({ keys: [{ kty: "EC", kid: "former" }] }) },
  },
  {
    fault: "addresses confirm themselves",
    finds: ["auth-settings"],
    tamper: at(
      "/auth/v1/settings",
      () => Response.json({ mailer_autoconfirm: true, external: { email: true } }),
    ),
  },
  {
    fault: "a function is not deployed",
    finds: ["functions"],
    tamper: at(
      "/functions/v1/search/doctor-looks-here",
      () => Response.json({ code: "NOT_FOUND" }, { status: 404 }),
    ),
  },
  {
    fault: "the platform asks for tokens before the functions do",
    finds: ["functions"],
    tamper: at(
      "/functions/v1/me/doctor-looks-here",
      () => Response.json({ code: 401, message: "Missing authorization header" }, { status: 401 }),
    ),
  },
  {
    fault: "the schema private is exposed",
    finds: ["data-api"],
    tamper: at("/rest/v1/auth_events", () => Response.json([])),
  },
];

const asksApi = [
  "webhook-secrets",
  "clock",
  "signing-keys",
  "auth-settings",
  "functions",
  "data-api",
  "access-token",
  "password-import",
];

/** What is planted in the database alone is looked for without the dozen requests of the others. */
function chooseChecks({ plant, finds }: Fault): string[] {
  if (!plant || finds.some((id) => asksApi.includes(id))) return [];
  return checks.filter(({ id }) => !asksApi.includes(id)).flatMap(({ id }) => ["--only", id]);
}

export function testDoctor(own: OwnStack): void {
  describe("heimdex doctor", () => {
    const settings = () => ({ ...own.stack.environment, DATABASE_URL: own.stack.databaseUrl });

    beforeAll(async () => {
      const response = await fetch(`${own.stack.url}/functions/v1/auth-webhook/drain`, {
        method: "POST",
        headers: { authorization: `Bearer ${own.stack.environment.HEIMDEX_CRON_SECRET}` },
      });
      expect(await response.text()).toContain("claimed");
    });

    it("finds nothing on a healthy stack and says what could not be looked at", async () => {
      const { code, out } = await heimdex(["doctor", "--probe", "--json"], settings());
      const { stage, checks: results } = JSON.parse(out) as { stage: string; checks: Result[] };
      expect({ code, stage, ill: results.filter(({ status }) => status === "finding") })
        .toEqual({ code: 0, stage: "embedded", ill: [] });
      expect(results.map(({ id }) => id)).toEqual(checks.map(({ id }) => id));
      expect(results.filter(({ status }) => status === "not_checked").map(({ id }) => id))
        .toEqual(["drain-schedule", "pseudonym-key", "client-address", "backups"]);
    });

    it.each(faults)("finds it when $fault", async (one) => {
      const { finds, plant, undo, env, tamper, ahead = 0, args = [] } = one;
      const proxy = tamper && startTamperingProxy(own.stack.url, tamper);
      if (plant) await own.sql.unsafe(plant);
      try {
        const given = { ...settings(), ...(proxy ? { SUPABASE_URL: proxy.url } : {}), ...env };
        const now = () => new Date(Date.now() + ahead * 1000);
        const { code, out } = await heimdexHere(
          ["doctor", "--json", ...args, ...chooseChecks(one)],
          given,
          { now },
        );
        const results = (JSON.parse(out) as { checks: Result[] }).checks;
        const ill = results.filter(({ status }) => status === "finding");
        expect({ code, ill: ill.map(({ id }) => id).sort() })
          .toEqual({ code: 1, ill: [...finds].sort() });
        for (const { findings, why, mend } of ill) {
          expect(findings.join("")).toMatch(/\S/);
          expect(why + mend).toMatch(/\S/);
        }
      } finally {
        if (undo) await own.sql.unsafe(undo);
        await proxy?.stop();
      }
    });

    it("finds nothing any more once every fault is taken back", async () => {
      const { code, out } = await heimdexHere(["doctor"], settings());
      expect({ code, out }).toEqual({
        code: 0,
        out: expect.stringContaining("; with findings: 0; "),
      });
    });

    it("says why a check was not made, without the settings and on a database of others", async () => {
      const bare = new URL(own.stack.databaseUrl);
      bare.pathname = "/template1";
      const { code, out } = await heimdexHere(["doctor", "--json"], { DATABASE_URL: bare.href });
      const results = (JSON.parse(out) as { checks: Result[] }).checks;
      expect(code).toBe(1);
      expect(results.find(({ id }) => id === "migrations")?.status).toBe("finding");
      for (const { id, status, not_checked: reason } of results) {
        if (status === "not_checked") expect(reason, id).toMatch(/^[A-Z]/);
      }
      expect(results.find(({ id }) => id === "clock")?.not_checked)
        .toBe("SUPABASE_URL is not set to the address of the project");
    });

    it("explains its checks, and makes only those it is told", async () => {
      const { code, out } = await heimdexHere(["doctor", "--explain"], {});
      expect(code).toBe(0);
      for (const { id, why, mend } of checks) {
        expect(out).toContain(`${id}\n`);
        expect(out).toContain(why);
        expect(out).toContain(mend);
      }
      const only = await heimdexHere(["doctor", "--only", "buckets"], settings());
      expect(only).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^fine {8}buckets: .+\nChecks \(embedded\): 1; /),
      });
    });
  });
}

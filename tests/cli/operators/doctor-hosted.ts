import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anonymousGrants } from "../../../cli/doctor/checks/anonymous-grants.ts";
import { backups } from "../../../cli/doctor/checks/backups.ts";
import { clientAddress } from "../../../cli/doctor/checks/client-address.ts";
import { definerFunctions } from "../../../cli/doctor/checks/definer-functions.ts";
import { drainSchedule } from "../../../cli/doctor/checks/drain-schedule.ts";
import { tokenHook } from "../../../cli/doctor/checks/token-hook.ts";
import type { Check } from "../../../cli/doctor/check.ts";
import { createDoctorContext, type DoctorContext } from "../../../cli/doctor/context.ts";
import type { OwnStack } from "../../support/own-stack.ts";

const now = new Date("2026-11-22T12:00:00Z");

/**
 * What only the hosted platform and `supabase start` have is stood in for by tables and answers of
 * the documented shape: it cannot run here.
 */
export function testDoctorHosted(own: OwnStack): void {
  describe("heimdex doctor on a hosted project", () => {
    let context: DoctorContext;
    const look = (check: Check, over: Partial<DoctorContext> = {}) =>
      check.run({ ...context, stage: "hosted", ...over });
    const answering = (body: unknown) => () =>
      Promise.resolve({ status: 200, headers: new Headers(), body });

    beforeAll(async () => {
      context = await createDoctorContext(
        {
          env: own.stack.environment,
          version: "",
          now: () => now,
          out: () => {},
          err: () => {},
        },
        { sql: own.sql, probe: false },
      );
      await own.sql.unsafe(`
        create schema cron; create schema net; create schema vault;
        create table cron.job (jobid bigint, jobname text, active boolean);
        create table cron.job_run_details (jobid bigint, status text, start_time timestamptz);
        create table vault.secrets (name text);`);
    });
    afterAll(() => own.sql.unsafe("drop schema cron, net, vault cascade"));

    it("follows the schedule of the drain from nothing to a job that runs", async () => {
      const secrets = [
        'Vault has no secret "heimdex_cron_secret"',
        'Vault has no secret "heimdex_drain_url"',
      ];
      const job = (rest: string) => `The job "heimdex-event-drain" ${rest}`;
      expect(await look(drainSchedule)).toEqual({ findings: [job("does not exist"), ...secrets] });
      await own.sql`insert into cron.job values (1, 'heimdex-event-drain', false)`;
      await own
        .sql`insert into vault.secrets values ('heimdex_cron_secret'), ('heimdex_drain_url')`;
      expect(await look(drainSchedule)).toEqual({ findings: [job("is not active")] });
      await own.sql`update cron.job set active = true`;
      expect(await look(drainSchedule)).toEqual({ findings: [] });
      await own.sql`insert into cron.job_run_details values
        (1, 'succeeded', now() - interval '1 minute'), (1, 'failed', now())`;
      expect(await look(drainSchedule)).toEqual({
        findings: ['The last run of the job "heimdex-event-drain" failed'],
      });
    });

    it("leaves the platform's own event trigger alone, which nobody can call", async () => {
      await own.sql.unsafe(`
        create function public.rls_auto_enable() returns event_trigger
        language plpgsql security definer set search_path = pg_catalog as 'begin end'`);
      try {
        expect(await look(definerFunctions)).toEqual({ findings: [] });
        expect(await look(anonymousGrants)).toEqual({ findings: [] });
      } finally {
        await own.sql`drop function public.rls_auto_enable()`;
      }
    });

    it("finds a hook that is there and not switched on", async () => {
      const off = answering({ hook_custom_access_token_enabled: false });
      const on = answering({
        hook_custom_access_token_enabled: true,
        hook_custom_access_token_uri: "pg-functions://postgres/public/custom_access_token_hook",
      });
      expect(await look(tokenHook, { manage: off })).toEqual({
        findings: ["The hook is not switched on in the project's authentication settings"],
      });
      expect(await look(tokenHook, { manage: on })).toEqual({ findings: [] });
    });

    it.each([
      { list: [], findings: ["The project has no complete backup"] },
      { list: [["COMPLETED", "2026-11-22T03:00:00Z"]], findings: [] },
      {
        list: [["FAILED", "2026-11-22T03:00:00Z"], ["COMPLETED", "2026-11-19T12:00:00Z"]],
        findings: ["The newest backup is 72 hours old"],
      },
    ])("answers $findings for backups $list", async ({ list, findings }) => {
      const body = { backups: list.map(([status, at]) => ({ status, inserted_at: at })) };
      const env = { SUPABASE_ACCESS_TOKEN: "given" };
      expect(await look(backups, { env, manage: answering(body) })).toEqual({ findings });
    });

    it("finds a client address that is not forwarded", async () => {
      expect(await look(clientAddress)).toEqual({
        findings: ["HEIMDEX_CLIENT_IP_HEADER is not set"],
      });
      const env = { HEIMDEX_CLIENT_IP_HEADER: "x-real-ip" };
      expect(await look(clientAddress, { env })).toEqual({
        findings: [
          "HEIMDEX_FORWARD_CLIENT_IP is not true: Supabase Auth sees one address for all users",
        ],
      });
      expect(await look(clientAddress, { env, stage: "local" })).toEqual({ findings: [] });
      expect(await look(clientAddress, { stage: "local" })).toHaveProperty("notChecked");
    });
  });
}

import { type Check, found, notChecked } from "../check.ts";

const secrets = ["heimdex_cron_secret", "heimdex_drain_url"];

export const drainSchedule: Check = {
  id: "drain-schedule",
  looks: "the job of pg_cron that calls the drain, its last runs, and the two secrets in Vault",
  why: "A job that is missing, inactive or without its secrets calls nobody, and no error is shown",
  mend: "Run the migration 20261122101600 again with pg_cron and pg_net enabled, and create the " +
    "secrets: select vault.create_secret('...', 'heimdex_drain_url'), " +
    "vault.create_secret('...', 'heimdex_cron_secret')",
  async run({ read, stage }) {
    if (stage === "embedded") {
      return notChecked("The embedded stack has no pg_cron: a timer of its own calls the drain");
    }
    return await read(async (sql) => {
      const [parts] = await sql<[{ cron: boolean; net: boolean; vault: boolean }]>`
        select to_regclass('cron.job') is not null as cron,
          to_regnamespace('net') is not null as net,
          to_regclass('vault.secrets') is not null as vault`;
      const missing = [
        ...parts.cron ? [] : ["pg_cron"],
        ...parts.net ? [] : ["pg_net"],
        ...parts.vault ? [] : ["Vault"],
      ];
      if (missing.length > 0) return found([`Not enabled here: ${missing.join(", ")}`]);
      const [job] = await sql<{ active: boolean; failed: boolean }[]>`
        select j.active, coalesce((
          select r.status = 'failed' from cron.job_run_details as r
          where r.jobid = j.jobid order by r.start_time desc limit 1), false) as failed
        from cron.job as j where j.jobname = 'heimdex-event-drain'`;
      const known = await sql<{ name: string }[]>`
        select name from vault.secrets where name = any(${secrets})`;
      const absent = secrets.filter((name) => !known.some((one) => one.name === name));
      return found([
        ...!job
          ? ['The job "heimdex-event-drain" does not exist']
          : !job.active
          ? ['The job "heimdex-event-drain" is not active']
          : job.failed
          ? ['The last run of the job "heimdex-event-drain" failed']
          : [],
        ...absent.map((name) => `Vault has no secret "${name}"`),
      ]);
    });
  },
};

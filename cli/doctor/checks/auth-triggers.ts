import { type Check, found } from "../check.ts";

const expected = ["heimdex_record_deleted_user", "heimdex_record_updated_user"];

export const authTriggers: Check = {
  id: "auth-triggers",
  looks: "the two triggers on auth.users: there, enabled, and calling the definer function of ours",
  why:
    "Without them a user who is deleted by the dashboard, the Admin API or SQL is never erased: " +
    "rows and files stay, and nothing says so",
  mend:
    'Run "alter table auth.users enable trigger <name>" as supabase_auth_admin\'s member, or the ' +
    "migration 20261122100800 again; then look for what was missed with heimdex orphans list",
  async run({ read }) {
    const triggers = await read((sql) =>
      sql<{ name: string; enabled: string; routine: string; definer: boolean }[]>`
        select t.tgname as name, t.tgenabled::text as enabled,
          p.pronamespace::regnamespace || '.' || p.proname as routine, p.prosecdef as definer
        from pg_trigger as t inner join pg_proc as p on p.oid = t.tgfoid
        where t.tgrelid = 'auth.users'::regclass and not t.tgisinternal`
    );
    return found(expected.flatMap((name) => {
      const trigger = triggers.find((one) => one.name === name);
      if (!trigger) return [`The trigger "${name}" is not on auth.users`];
      if (!["O", "A"].includes(trigger.enabled)) return [`The trigger "${name}" is disabled`];
      if (trigger.routine !== "private.record_auth_event" || !trigger.definer) {
        return [`The trigger "${name}" does not call private.record_auth_event as a definer`];
      }
      return [];
    }));
  },
};

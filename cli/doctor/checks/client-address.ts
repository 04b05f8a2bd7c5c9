import { type Check, found, notChecked } from "../check.ts";

const least = 20;

export const clientAddress: Check = {
  id: "client-address",
  looks: "HEIMDEX_CLIENT_IP_HEADER, and whether the audit of the last day knows addresses",
  why: "Without the caller's address no limit by address holds, all users share one budget of " +
    "logins at Supabase Auth, and the audit cannot say where from",
  mend:
    "Set HEIMDEX_CLIENT_IP_HEADER to the header in which the platform's proxy names the caller, " +
    "allow IP address forwarding in the project, and set HEIMDEX_FORWARD_CLIENT_IP to true",
  async run({ env, stage, knowsSettings, read }) {
    const { HEIMDEX_CLIENT_IP_HEADER: header } = env;
    if (!header && stage !== "hosted") {
      return notChecked("No proxy stands before a stack on this machine");
    }
    if (!header && !knowsSettings) {
      return notChecked("The settings of the functions are not in this environment");
    }
    if (!header) return found(["HEIMDEX_CLIENT_IP_HEADER is not set"]);
    const [row] = await read((sql) =>
      sql<[{ events: number; addresses: number }]>`
        select count(*)::int as events, count(ip_address)::int as addresses
        from (
          select ip_address from public.audit_events
          where created_at > now() - interval '1 day' and user_id is not null
            and metadata ? 'request_id'
          order by created_at desc limit 200) as latest`
    );
    const shared = stage === "hosted" && env.HEIMDEX_FORWARD_CLIENT_IP !== "true";
    const blind = row.events >= least && row.addresses === 0;
    return found([
      ...blind
        ? [
          `None of the last ${row.events} audited requests has an address: the proxy sends no "${header}"`,
        ]
        : [],
      ...shared
        ? ["HEIMDEX_FORWARD_CLIENT_IP is not true: Supabase Auth sees one address for all users"]
        : [],
    ]);
  },
};

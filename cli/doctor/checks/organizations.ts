import { type Check, found, listNames } from "../check.ts";

export const organizations: Check = {
  id: "organizations",
  looks: "organisations whose members have no admin",
  why:
    "An erasure is not held up for an organisation: its last admin goes, and nobody is left who " +
    "may manage what its members share",
  mend: "Ask its members who it shall be, then heimdex org role ORGANISATION USER admin",
  async run({ read }) {
    const rows = await read((sql) =>
      sql<{ id: string }[]>`
        select organization_id as id from public.organization_members
        group by organization_id having not bool_or(role = 'admin') order by organization_id`
    );
    return found(
      rows.length === 0 ? [] : [`Without an admin: ${listNames(rows.map((o) => o.id))}`],
    );
  },
};

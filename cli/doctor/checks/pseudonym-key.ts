import { keyedSubject } from "../../../shared/erasure/receipts/mod.ts";
import { type Check, found, notChecked } from "../check.ts";

export const pseudonymKey: Check = {
  id: "pseudonym-key",
  looks: "HEIMDEX_PSEUDONYM_KEY against a tombstone that still holds its id",
  why: "With another key than the one that named the erased users, a user who comes back with a " +
    "restored backup is not recognised and stays",
  mend: "Put the former key back: it is never changed",
  async run({ read, env }) {
    const { HEIMDEX_PSEUDONYM_KEY: key } = env;
    if (!key) return notChecked("HEIMDEX_PSEUDONYM_KEY is not in this environment");
    const [row] = await read((sql) =>
      sql<{ user_id: string; subject: string }[]>`
        select user_id, subject from private.erased_users
        where user_id is not null order by erased_at desc limit 1`
    );
    if (!row) return notChecked("No tombstone holds an id that could be compared");
    const same = await keyedSubject(key, "user", row.user_id) === row.subject;
    return found(same ? [] : ["The newest tombstone was named with another key"]);
  },
};

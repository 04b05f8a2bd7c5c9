import { keyedSubject, nameSubjectKey } from "../../../shared/erasure/receipts/mod.ts";
import { type Check, found, notChecked } from "../check.ts";

interface Traces {
  /** What the first and the last receipt say of the key. */
  named: string[];
  tombstone: { user_id: string; subject: string } | null;
}

export const pseudonymKey: Check = {
  id: "pseudonym-key",
  looks: "HEIMDEX_PSEUDONYM_KEY against receipts and a tombstone that still holds its id",
  why: "With another key than the one that named the erased users, a user who comes back with a " +
    "restored backup is not recognised and stays",
  mend: "Put the former key back: it is never changed",
  async run({ read, env }) {
    const { HEIMDEX_PSEUDONYM_KEY: key } = env;
    if (!key) return notChecked("HEIMDEX_PSEUDONYM_KEY is not in this environment");
    const [{ named, tombstone }] = await read((sql) =>
      sql<[Traces]>`
        select
          array(select receipt::jsonb ->> 'subject_key' from private.erasure_receipts
            where sequence in ((select min(sequence) from private.erasure_receipts),
              (select max(sequence) from private.erasure_receipts))) as named,
          (select jsonb_build_object('user_id', user_id, 'subject', subject)
            from private.erased_users where user_id is not null
            order by erased_at desc limit 1) as tombstone`
    );
    if (named.length === 0 && !tombstone) return notChecked("Nobody was erased yet");
    const present = await nameSubjectKey(key);
    const findings = named.every((one) => one === present)
      ? []
      : ["The first or the last receipt was made with another key"];
    if (tombstone && await keyedSubject(key, "user", tombstone.user_id) !== tombstone.subject) {
      findings.push("The newest tombstone was named with another key");
    }
    return found(findings);
  },
};

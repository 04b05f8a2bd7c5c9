import { type Check, found, notChecked } from "../check.ts";

export const passwordImport: Check = {
  id: "password-import",
  looks: "whether Supabase Auth takes an argon2id hash and signs its user in (--probe)",
  why: "Legacy users keep their passwords only where the hashes can be brought along",
  mend: "Update Supabase Auth; until then moved users have to choose a new password",
  async run({ probe }) {
    const session = await probe();
    if (!session) return notChecked("It needs --probe, which signs in a user and deletes it");
    return found(
      session.importedHash ? [] : ["A user created with an argon2id hash cannot sign in with it"],
    );
  },
};

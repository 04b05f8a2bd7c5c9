import { type Check, found } from "../check.ts";
import { readPolicies } from "../policies.ts";

export const policyMetadata: Check = {
  id: "policy-metadata",
  looks: "policies that read user_metadata",
  why:
    "Every user can write their own user_metadata: such a policy lets anybody choose what they " +
    "may see",
  mend: "Compare columns of the row, or ask a table that only the server writes, such as " +
    "organization_members",
  async run({ read }) {
    const policies = await readPolicies(read);
    return found(
      policies.filter(({ text }) => /user_metadata|raw_user_meta_data/.test(text)).map((
        { table, name },
      ) => `The policy "${name}" on ${table} reads user_metadata`),
    );
  },
};

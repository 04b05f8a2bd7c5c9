import { type Check, found } from "../check.ts";
import { type Policy, readPolicies } from "../policies.ts";

export const policyForm: Check = {
  id: "policy-form",
  looks: "how policies call functions: (select auth.uid()), once a statement, or once a row",
  why:
    "A call for every row makes a list over a large table seconds slower, and it grows with the " +
    "table",
  mend: "Wrap the call: (select auth.uid()) instead of auth.uid()",
  async run({ read }) {
    const policies = await readPolicies(read);
    return found(
      policies.filter(callsForEachRow).map(({ table, name }) =>
        `The policy "${name}" on ${table} calls a function for every row`
      ),
    );
  },
};

/** Functions that do not depend on the row; PostgreSQL prints a wrapped call as "( SELECT f()". */
const call = /\b(?:auth|private)\.\w+\(\)|\bcurrent_setting\(/g;
const wrapped = /\bSELECT (?:\(*)?(?:(?:auth|private)\.\w+\(\)|current_setting\()/gi;

function callsForEachRow({ text }: Policy): boolean {
  return (text.match(call)?.length ?? 0) > (text.match(wrapped)?.length ?? 0);
}

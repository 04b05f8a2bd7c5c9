import { type Check, found, notChecked } from "../check.ts";

/** What a route or the drain cannot do without. */
const needed = {
  HEIMDEX_CURSOR_KEY: "lists and searches fail",
  HEIMDEX_CRON_SECRET: "nobody can call the drain",
  HEIMDEX_PSEUDONYM_KEY: "no erasure can begin",
  HEIMDEX_ALLOWED_ORIGINS: "no browser may read an answer",
} as const;

export const settings: Check = {
  id: "settings",
  looks: "the settings of the functions in this environment: complete and well-formed",
  why: "A missing one is an internal_error on the first request that needs it",
  mend:
    "Set it for the functions (supabase secrets set) and here; the table in README.md lists all",
  run({ env, settingProblems, knowsSettings }) {
    if (!knowsSettings) {
      return Promise.resolve(notChecked(
        "The settings of the functions are not in this environment: load the file you give to " +
          '"supabase secrets set"',
      ));
    }
    return Promise.resolve(found([
      ...settingProblems,
      ...Object.entries(needed)
        .filter(([name]) => !env[name])
        .map(([name, effect]) => `${name} is not set: ${effect}`),
    ]));
  },
};

import { parseJson } from "../../../shared/json.ts";
import { type Check, found, notChecked } from "../check.ts";

const places = [
  "SUPABASE_PUBLISHABLE_KEYS",
  "SUPABASE_PUBLISHABLE_KEY",
  "SUPABASE_SECRET_KEYS",
  "SUPABASE_SECRET_KEY",
];

export const legacyKeys: Check = {
  id: "legacy-keys",
  looks:
    "whether the project is used with the old anon and service_role keys, or verifies tokens " +
    "with the old shared secret",
  why: "The old keys live ten years and cannot be changed one by one; whoever holds the shared " +
    "secret signs tokens for every user",
  mend: "Create publishable and secret keys in the dashboard, set SUPABASE_PUBLISHABLE_KEYS and " +
    "SUPABASE_SECRET_KEYS, move to asymmetric signing keys, take HEIMDEX_LEGACY_JWT_SECRET away " +
    "and disable the old keys",
  run({ env }) {
    const given = places.filter((name) => env[name]);
    const fallback = ["SUPABASE_ANON_KEY", "SUPABASE_SERVICE_ROLE_KEY"].filter((name) => env[name]);
    if (given.length === 0 && fallback.length === 0) {
      return Promise.resolve(notChecked("No key of the project is in this environment"));
    }
    const isTold = (kind: string) => given.some((name) => name.includes(kind));
    return Promise.resolve(found([
      ...given.filter((name) => holdsToken(env[name] ?? "")).map((name) =>
        `${name} holds a key of the old kind`
      ),
      ...env.SUPABASE_ANON_KEY && !isTold("PUBLISHABLE")
        ? ["SUPABASE_ANON_KEY is used, for want of SUPABASE_PUBLISHABLE_KEYS"]
        : [],
      ...env.SUPABASE_SERVICE_ROLE_KEY && !isTold("SECRET")
        ? ["SUPABASE_SERVICE_ROLE_KEY is used, for want of SUPABASE_SECRET_KEYS"]
        : [],
      ...env.HEIMDEX_LEGACY_JWT_SECRET
        ? ["HEIMDEX_LEGACY_JWT_SECRET is set: tokens signed with the shared secret are accepted"]
        : [],
    ]));
  },
};

/** The old keys are tokens, which begin with an encoded brace. */
function holdsToken(value: string): boolean {
  const parsed = parseJson(value);
  const keys = typeof parsed === "object" && parsed !== null ? Object.values(parsed) : [value];
  return keys.some((key) => typeof key === "string" && key.startsWith("eyJ"));
}

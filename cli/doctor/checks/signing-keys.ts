import { z } from "zod";
import { parseJson } from "../../../shared/json.ts";
import { type Check, found } from "../check.ts";

const setSchema = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().optional() })),
});

export const signingKeys: Check = {
  id: "signing-keys",
  looks: "the public keys of Supabase Auth, and SUPABASE_JWKS where it is set",
  why: "Without an asymmetric key every token is signed with a shared secret; and keys pinned in " +
    "SUPABASE_JWKS that miss the current one are of no use to a function that starts",
  mend:
    "Create an asymmetric signing key (ES256) in the dashboard and rotate to it; after a rotation " +
    "set SUPABASE_JWKS anew or take it away",
  async run({ env, call }) {
    const { status, body } = await call("/auth/v1/.well-known/jwks.json");
    const served = setSchema.safeParse(body);
    if (status !== 200 || !served.success) {
      return found([`Supabase Auth answered ${status} instead of its public keys`]);
    }
    const asymmetric = served.data.keys.filter(({ kty }) => ["EC", "RSA", "OKP"].includes(kty));
    const pinned = setSchema.safeParse(parseJson(env.SUPABASE_JWKS ?? ""));
    const known = pinned.success ? pinned.data.keys.map(({ kid }) => kid) : [];
    const missing = pinned.success ? asymmetric.filter(({ kid }) => !known.includes(kid)) : [];
    return found([
      ...asymmetric.length === 0 ? ["Supabase Auth has no asymmetric signing key"] : [],
      ...missing.map(({ kid }) => `SUPABASE_JWKS lacks the key "${kid ?? "without a kid"}"`),
    ]);
  },
};

import { type Check, found, notChecked } from "../check.ts";
import { SignInRefusedError } from "../probe.ts";

export const accessToken: Check = {
  id: "access-token",
  looks:
    "the sign-in of a throwaway user (--probe) and its token: hook, signature, issuer, size, GET /me",
  why:
    "Only a real login shows that Supabase Auth calls the hook, signs with the new keys and names " +
    "the issuer that the functions expect",
  mend: "Switch the hook on under Authentication, Hooks; rotate to the asymmetric key; set " +
    "HEIMDEX_JWT_ISSUER to the issuer of the tokens where the address differs",
  async run({ probe, settings, call }) {
    const session = await probe().catch((error) => {
      if (error instanceof SignInRefusedError) return error;
      throw error;
    });
    // A hook that fails has Supabase Auth refuse everybody.
    if (session instanceof SignInRefusedError) return found([session.message]);
    if (!session || !settings) {
      return notChecked("It needs --probe, which signs in a user and deletes it");
    }
    const { claims, algorithm, accessToken: token } = session;
    const { status } = await call("/functions/v1/me", {
      headers: { authorization: `Bearer ${token}`, apikey: settings.publishableKey },
    });
    return found([
      ..."user_created_at" in claims && claims.email_verified === true
        ? []
        : ["The token lacks the claims of the hook: it is switched off"],
      ...algorithm.startsWith("HS")
        ? [`The token is signed with a shared secret (${algorithm})`]
        : [],
      ...claims.iss === settings.jwtIssuer ? [] : [
        `The token names the issuer "${claims.iss}", the functions expect "${settings.jwtIssuer}"`,
      ],
      ...token.length > 4096 ? [`The token of a new user has ${token.length} bytes`] : [],
      ...status === 200 ? [] : [`GET /me answered ${status} to a fresh token`],
    ]);
  },
};

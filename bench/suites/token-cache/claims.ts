import { fixedEnvironment } from "../cold-start/environment.ts";

/** Issuer of the tokens that the suite brings. */
export const tokenIssuer = `${fixedEnvironment["SUPABASE_URL"]}/auth/v1`;

/** What every token of the suite says, beside its times. */
export const sampleClaims = {
  sub: crypto.randomUUID(),
  session_id: crypto.randomUUID(),
  email: "editor@studio.example.test",
  role: "authenticated",
  aal: "aal1",
  user_metadata: { display_name: "Kim Minji", industry: "Broadcasting", pref_theme: "dark" },
  app_metadata: { tier: "pro", permissions: ["videos.write"], role: "admin" },
};

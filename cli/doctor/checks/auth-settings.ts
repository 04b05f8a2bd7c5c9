import { z } from "zod";
import { type Check, found, notChecked } from "../check.ts";

const schema = z.looseObject({
  mailer_autoconfirm: z.boolean(),
  external: z.looseObject({ email: z.boolean(), anonymous_users: z.boolean().optional() }),
});

export const authSettings: Check = {
  id: "auth-settings",
  looks: "the public settings of Supabase Auth: confirmation of addresses, anonymous users",
  why: "Where addresses confirm themselves, email_verified proves nothing and somebody registers " +
    "with the address of another",
  mend:
    'Switch "Confirm email" on under Authentication, Sign In (or "supabase config push"); switch ' +
    "anonymous sign-ins off unless the app needs them",
  async run({ call, settings }) {
    if (!settings) return notChecked("The settings of the functions are not complete here");
    const { status, body } = await call("/auth/v1/settings", {
      headers: { apikey: settings.publishableKey },
    });
    const parsed = schema.safeParse(body);
    if (status !== 200 || !parsed.success) {
      return found([`Supabase Auth answered ${status} instead of its settings`]);
    }
    const { mailer_autoconfirm: auto, external } = parsed.data;
    return found([
      ...auto ? ["Addresses are confirmed without a mail"] : [],
      ...external.email ? [] : ["Signing in by e-mail is switched off"],
      ...external.anonymous_users ? ["Anonymous users may sign in"] : [],
    ]);
  },
};

import { z } from "zod";
import { validationFailed } from "./errors.ts";
import { flagField, objectField, textField } from "./fields.ts";
import { parseGoDuration } from "./go-duration.ts";

/** The body of a create and of an update; unknown keys are ignored. */
export const adminUserSchema = z.object({
  id: textField,
  aud: textField,
  role: textField,
  email: textField,
  phone: textField,
  password: z.string().nullish().transform((value) => value ?? null),
  password_hash: textField,
  email_confirm: flagField,
  phone_confirm: flagField,
  user_metadata: objectField,
  app_metadata: objectField,
  ban_duration: textField,
});

export type AdminUser = z.output<typeof adminUserSchema>;

/** Milliseconds of a ban, 0 for "none"; null when the field is absent. */
export function readBanDuration(text: string): number | null {
  if (text === "") return null;
  if (text === "none") return 0;
  const duration = parseGoDuration(text);
  if (duration !== null) return duration;
  throw validationFailed(
    `invalid format for ban duration: time: invalid duration ${JSON.stringify(text)}`,
  );
}

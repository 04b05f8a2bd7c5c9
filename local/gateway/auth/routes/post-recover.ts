import { z } from "zod";
import { readBody } from "../body.ts";
import type { AuthApp } from "../context.ts";
import { validationFailed } from "../errors.ts";
import { textField } from "../fields.ts";
import { callLite } from "../lite-backend.ts";
import { assertMailPause } from "../one-time-tokens.ts";
import { challengeFields, openFlow, readChallenge } from "../pkce.ts";
import { assertWithinLimit } from "../rate-limit.ts";
import { findUserByEmail, normaliseEmail } from "../users.ts";

const bodySchema = z.object({ email: textField, ...challengeFields });

/** Mails a recovery link; an unknown address gets the same answer and no mail. */
export function registerPostRecover(app: AuthApp): void {
  app.post("/recover", async (c) => {
    assertWithinLimit(c, "mail");
    const { services } = c.var;
    const body = await readBody(c, bodySchema);
    if (body.email === "") throw validationFailed("Password recovery requires an email");
    const email = normaliseEmail(body.email);
    const user = await findUserByEmail(services.sql, email);
    if (!user) return c.json({});
    assertMailPause(user.recovery_sent_at, services.settings.emailFrequencySeconds);
    const challenge = readChallenge(body);
    if (challenge) await openFlow(services.sql, user.id, "recovery", challenge);
    await callLite(c, "/recover", { body: { email }, isPkce: challenge !== null });
    return c.json({});
  });
}

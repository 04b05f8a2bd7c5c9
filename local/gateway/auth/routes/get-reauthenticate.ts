import { requireUser } from "../bearer.ts";
import type { AuthApp } from "../context.ts";
import { callLite } from "../lite-backend.ts";
import { signLiteToken } from "../lite-token.ts";
import { assertMailPause } from "../one-time-tokens.ts";

/** Mails the signed-in user a code. */
export function registerGetReauthenticate(app: AuthApp): void {
  app.get("/reauthenticate", async (c) => {
    const { services } = c.var;
    const { user, claims } = await requireUser(c);
    assertMailPause(user.reauthentication_sent_at, services.settings.emailFrequencySeconds);
    const token = await signLiteToken(claims, services.liteJwtSecret);
    await callLite(c, "/reauthenticate", { method: "GET", token });
    return c.json({});
  });
}

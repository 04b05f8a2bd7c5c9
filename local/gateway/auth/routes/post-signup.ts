import { readBody } from "../body.ts";
import type { AuthApp } from "../context.ts";
import { assertWithinLimit } from "../rate-limit.ts";
import { signUp, signUpSchema } from "../sign-up.ts";

/** POST /signup: the user whose address has to be confirmed, or a session where mails need not. */
export function registerPostSignup(app: AuthApp): void {
  app.post("/signup", async (c) => {
    assertWithinLimit(c, "mail");
    const body = await readBody(c, signUpSchema);
    return c.json(await signUp(c, body));
  });
}

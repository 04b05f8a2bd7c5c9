import { z } from "zod";
import { readBody } from "../body.ts";
import type { AuthApp } from "../context.ts";
import { inTransaction } from "../database.ts";
import { AuthError, validationFailed } from "../errors.ts";
import { textField } from "../fields.ts";
import { readMarkedToken } from "../pkce.ts";
import { assertWithinLimit } from "../rate-limit.ts";
import { readClient } from "../request-client.ts";
import { openSession } from "../sessions.ts";
import { normaliseEmail, normalisePhone } from "../users.ts";
import {
  applyVerification,
  findVerified,
  FIRST_CONFIRMATION,
  type Proof,
  readVerificationKind,
} from "../verification.ts";

const bodySchema = z.object({
  type: textField,
  token: textField,
  token_hash: textField,
  email: textField,
  phone: textField,
  redirect_to: textField,
});

/** Exchanges a mailed code or the hash of a link for a session. */
export function registerPostVerify(app: AuthApp): void {
  app.post("/verify", async (c) => {
    assertWithinLimit(c, "verify");
    const { services } = c.var;
    const body = await readBody(c, bodySchema);
    const proof = readProof(body);
    const kind = readVerificationKind(body.type);
    const session = await inTransaction(services.sql, async (tx) => {
      const verified = await findVerified(tx, services, kind, proof);
      const user = await applyVerification(tx, services, verified);
      return user && await openSession(tx, services, user, "otp", readClient(c));
    });
    return c.json(session ?? { msg: FIRST_CONFIRMATION, code: "200" });
  });
}

function readProof(body: z.output<typeof bodySchema>): Proof {
  if (body.token === "" && body.token_hash === "") {
    throw validationFailed("Verify requires a token or a token hash");
  }
  if (body.token !== "" && body.token_hash !== "") {
    throw validationFailed("Verify requires either a token or a token hash");
  }
  if (body.token_hash !== "") {
    if (body.email === "" && body.phone === "" && body.redirect_to === "") {
      return { tokenHash: readMarkedToken(body.token_hash).hash };
    }
    throw validationFailed("Only the token_hash and type should be provided");
  }
  if (body.email !== "" && body.phone === "") return readMailedCode(body.email, body.token);
  if (body.phone !== "" && body.email === "") throw refusePhoneCode(body.phone);
  throw validationFailed("Only an email address or phone number should be provided on verify");
}

function readMailedCode(email: string, code: string): Proof {
  try {
    return { email: normaliseEmail(email), code };
  } catch {
    throw validationFailed("Invalid email format", 422);
  }
}

/** No number was ever sent a code from here: as wrong as any other wrong code. */
function refusePhoneCode(phone: string): AuthError {
  normalisePhone(phone);
  return new AuthError(403, "otp_expired", "Token has expired or is invalid");
}

import type { AuthError } from "@supabase/supabase-js";
import { argon2id } from "hash-wasm";
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from "jose";
import type { Env } from "../../shared/env.ts";
import { loadClient } from "../../shared/http/supabase-client.ts";
import { UnavailableError } from "./unavailable.ts";

/** What the sign-in of a throwaway user showed. */
export interface Probe {
  /** Of the access token. Nothing is verified here: it comes straight from Supabase Auth. */
  claims: JWTPayload;
  algorithm: string;
  accessToken: string;
  /** True where Supabase Auth took the hash of the password as the legacy system made it. */
  importedHash: boolean;
  /** Deletes the user. Throws UnavailableError when that fails. */
  remove(): Promise<void>;
}

/** Supabase Auth would not make a user or sign one in; the message says which, with its code. */
export class SignInRefusedError extends UnavailableError {
  override name = "SignInRefusedError";
}

/**
 * Creates a confirmed user with an argon2id hash, as an import of legacy users does, and signs in.
 * @throws SignInRefusedError when Supabase Auth does not do it; UnavailableError without the settings
 */
export async function signInThrowaway(settings: Env | null): Promise<Probe> {
  if (!settings) throw new UnavailableError("The settings of the functions are not complete");
  const [admin, anonymous] = await Promise.all([
    loadClient(settings.supabaseUrl, settings.secretKey),
    loadClient(settings.supabaseUrl, settings.publishableKey),
  ]);
  const email = `heimdex-doctor-${crypto.randomUUID()}@example.com`;
  const password = `${crypto.randomUUID()}-Aa1!`;
  const { data: created, error } = await admin.auth.admin.createUser({
    email,
    password_hash: await hash(password),
    email_confirm: true,
  });
  if (error) throw refusal("A throwaway user cannot be created", error);
  const { id } = created.user;
  const remove = async () => {
    const { error: kept } = await admin.auth.admin.deleteUser(id);
    if (!kept) return;
    const advice = `The throwaway user ${email} was not deleted: delete it in the dashboard`;
    throw new UnavailableError(advice, { cause: kept });
  };
  let { data, error: refused } = await anonymous.auth.signInWithPassword({ email, password });
  const importedHash = !refused;
  if (refused) {
    await admin.auth.admin.updateUserById(id, { password });
    ({ data, error: refused } = await anonymous.auth.signInWithPassword({ email, password }));
  }
  const accessToken = data.session?.access_token;
  if (refused || !accessToken) {
    await remove();
    throw refusal("A throwaway user cannot sign in", refused);
  }
  return {
    claims: decodeJwt(accessToken),
    algorithm: decodeProtectedHeader(accessToken).alg ?? "none",
    accessToken,
    importedHash,
    remove,
  };
}

function refusal(what: string, error: AuthError | null): SignInRefusedError {
  const reason = error?.code ?? error?.status ?? "no session";
  return new SignInRefusedError(`${what} (${reason})`, { cause: error });
}

/** With the parameters of the legacy system. */
function hash(password: string): Promise<string> {
  return argon2id({
    password,
    salt: crypto.getRandomValues(new Uint8Array(16)),
    parallelism: 4,
    iterations: 3,
    memorySize: 65_536,
    hashLength: 32,
    outputType: "encoded",
  });
}

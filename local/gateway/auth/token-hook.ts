import { z } from "zod";
import { assertClaims } from "./claims.ts";
import { jsonOf, type Metadata, type Sql } from "./database.ts";
import { AuthError, unexpectedFailure } from "./errors.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

const outputSchema = z.looseObject({
  claims: z.unknown().optional(),
  error: z.looseObject({ http_code: z.number().optional(), message: z.string().optional() })
    .optional(),
});

export interface HookCall {
  userId: string;
  claims: Metadata;
  /** How the caller authenticated; `token_refresh` on a refresh. */
  method: string;
}

/**
 * Runs the custom access token hook in the caller's transaction, as the role of the connection
 * and within 2 s. Without such a function the claims stay as they are; a failure is the login's.
 */
export async function runTokenHook(
  tx: Sql,
  hook: string | null,
  call: HookCall,
): Promise<Metadata> {
  const name = hook === null ? null : quoteFunction(hook);
  if (name === null || !await functionExists(tx, name)) return call.claims;
  const output = outputSchema.safeParse(await callHook(tx, name, call));
  if (!output.success) throw unexpectedFailure(`The hook ${hook} did not return an object`);
  const { error } = output.data;
  if (error?.message) throw refuseByHook(error.http_code ?? 500, error.message);
  return assertClaims(output.data.claims);
}

function refuseByHook(status: number, message: string): AuthError {
  return new AuthError(status, status === 500 ? "unexpected_failure" : "unknown", message);
}

async function callHook(tx: Sql, name: string, call: HookCall): Promise<unknown> {
  const event = {
    metadata: {
      uuid: crypto.randomUUID(),
      time: new Date().toISOString(),
      name: "customize-access-token",
    },
    user_id: call.userId,
    claims: call.claims,
    authentication_method: call.method,
  };
  await tx`set local statement_timeout = '2000'`;
  try {
    const [row] = await tx<{ output: unknown }[]>`
      select ${tx.unsafe(name)}(${jsonOf(tx, event)}::jsonb)::jsonb as output`;
    await tx`set local statement_timeout to default`;
    return row?.output;
  } catch (cause) {
    const message = "error generating jwt token";
    throw unexpectedFailure(message, cause);
  }
}

async function functionExists(tx: Sql, name: string): Promise<boolean> {
  const [row] = await tx<{ found: boolean }[]>`
    select to_regprocedure(${name + "(jsonb)"}) is not null as found`;
  return row?.found ?? false;
}

function quoteFunction(hook: string): string {
  const parts = hook.split(".");
  if (parts.length !== 2 || !parts.every((part) => NAME.test(part))) {
    throw unexpectedFailure(`The hook "${hook}" must be named schema.function`);
  }
  return parts.map((part) => `"${part}"`).join(".");
}

import {
  type DeletionTicketBody,
  deletionTicketSchema,
  type ErasureStatusBody,
  erasureStatusSchema,
} from "../../../supabase/functions/auth-onboarding/schemas.ts";
import { createApp } from "../../../supabase/functions/auth-onboarding/app.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { call, type CallOptions, expectJson, toRequestInit } from "../../support/call.ts";
import { mailCode, readMail } from "../../support/mail.ts";
import { adminSql, claimsOf } from "../../support/sql.ts";
import { mintToken } from "../../support/tokens.ts";
import { adminClient, type TestUser } from "../../support/users.ts";
import { post, readSession } from "./support.ts";

/** DELETE /account; without a body when `json` is undefined. */
export function deleteAccount(token: string, json?: unknown): Promise<Response> {
  return call("/auth-onboarding/account", toDeletion(token, json));
}

/** The same in this process, with these dependencies. */
export async function deleteAccountWith(
  deps: Deps,
  token: string,
  json?: unknown,
): Promise<Response> {
  return await createApp(deps).request(
    "/auth-onboarding/account",
    toRequestInit(toDeletion(token, json)),
  );
}

function toDeletion(token: string, json: unknown): CallOptions {
  return { method: "DELETE", token, ...(json === undefined ? {} : { json }) };
}

export async function readTicket(response: Response): Promise<DeletionTicketBody> {
  return deletionTicketSchema.parse(await expectJson(response, 202));
}

/** GET /account/erasure with a status token or an access token. */
export function getErasure(token: string): Promise<Response> {
  return call("/auth-onboarding/account/erasure", { token });
}

export function cancelErasure(token: string): Promise<Response> {
  return call("/auth-onboarding/account/erasure", { method: "DELETE", token });
}

export async function readStatus(response: Response): Promise<ErasureStatusBody> {
  return erasureStatusSchema.parse(await expectJson(response, 200));
}

/** ISO time in so many days. */
export function inDays(days: number, from = Date.now()): string {
  return new Date(from + days * 86_400_000).toISOString();
}

/** A session that was opened by a code from a mail. */
export async function signInByMail({ email }: TestUser): Promise<string> {
  await expectJson(await post("magic-link", { email }), 202);
  const body = { type: "email", email, token: mailCode(await readMail(email)) };
  return (await readSession(await post("verify", body))).access_token;
}

/** The user's own session with other claims about how it was opened. */
export function withClaims(
  { accessToken }: { accessToken: string },
  claims: Record<string, unknown>,
): Promise<string> {
  return mintToken({ ...claimsOf(accessToken), ...claims });
}

/** One entry of `amr`: a sign-in so many seconds ago. */
export function signIn(method: string, secondsAgo: number) {
  return { method, timestamp: Math.floor(Date.now() / 1000) - secondsAgo };
}

/** What Supabase Auth knows of a user who never gave an address. */
export async function makeAnonymous({ id }: TestUser): Promise<void> {
  await adminSql()`update auth.users set is_anonymous = true, email = null where id = ${id}`;
}

/** An organization with these members. */
export async function createOrganization(
  name: string,
  members: { user: TestUser; role: "admin" | "member" }[],
): Promise<string> {
  const id = crypto.randomUUID();
  await adminSql()`insert into public.organizations (organization_id, name) values (${id}, ${name})`;
  for (const { user, role } of members) {
    await adminSql()`
      insert into public.organization_members (organization_id, user_id, role)
      values (${id}, ${user.id}, ${role})`;
  }
  return id;
}

/** Whether Supabase Auth still has the user. */
export async function accountExists(userId: string): Promise<boolean> {
  const { data } = await adminClient().auth.admin.getUserById(userId);
  return data.user !== null;
}

import { type AdminUser, adminUserSchema, readBanDuration } from "../../admin-fields.ts";
import { requireSubject } from "../../admin-subject.ts";
import { describeSubject, writeAudit } from "../../audit.ts";
import { readBody } from "../../body.ts";
import type { AuthApp } from "../../context.ts";
import { inTransaction, jsonOf, type Sql, type UserRow } from "../../database.ts";
import { unexpectedFailure } from "../../errors.ts";
import { assertPasswordStrong, hashPassword } from "../../passwords.ts";
import { replacePassword } from "../../replace-password.ts";
import {
  confirmEmail,
  confirmPhone,
  findUserById,
  insertIdentity,
  loadUserJson,
  normaliseEmail,
  normalisePhone,
  setAppMetadata,
  setBan,
  setUserMetadata,
} from "../../users.ts";

interface Change {
  body: AdminUser;
  ban: number | null;
  passwordHash: string | null;
}

/** PUT /admin/users/:id; `id` and `password_hash` are ignored, as in Supabase Auth. */
export function registerUpdateUser(app: AuthApp): void {
  app.put("/admin/users/:id", async (c) => {
    const user = await requireSubject(c);
    const { sql, settings } = c.var.services;
    const body = await readBody(c, adminUserSchema);
    if (body.email !== "") body.email = normaliseEmail(body.email);
    if (body.phone !== "") body.phone = normalisePhone(body.phone);
    if (body.password !== null) assertPasswordStrong(body.password, settings);
    const passwordHash = body.password === null
      ? null
      : await hashPassword(body.password, settings.bcryptCost);
    const change = { body, ban: readBanDuration(body.ban_duration), passwordHash };
    await inTransaction(sql, (tx) => updateUser(tx, user, change)).catch((cause) => {
      throw unexpectedFailure("Error updating user", cause);
    });
    return c.json(await loadUserJson(sql, user.id));
  });
}

async function updateUser(tx: Sql, user: UserRow, change: Change): Promise<void> {
  const { body, ban, passwordHash } = change;
  if (ban !== null) await setBan(tx, user.id, ban);
  if (body.role !== "") {
    await tx`update auth.users set role = ${body.role}, updated_at = now() where id = ${user.id}`;
  }
  if (body.email_confirm) await confirmEmail(tx, user.id);
  if (body.phone_confirm) await confirmPhone(tx, user.id);
  if (passwordHash !== null) await replacePassword(tx, user, passwordHash, null);
  if (body.email !== "") await setEmail(tx, user, body.email, body.email_confirm);
  if (body.phone !== "") await setPhone(tx, user, body.phone, body.phone_confirm);
  const current = await findUserById(tx, user.id) ?? user;
  if (body.app_metadata !== null) await setAppMetadata(tx, current, body.app_metadata);
  if (body.user_metadata !== null) await setUserMetadata(tx, current, body.user_metadata);
  await writeAudit(tx, null, "user_modified", "user", describeSubject(user));
}

async function setEmail(tx: Sql, user: UserRow, email: string, verified: boolean): Promise<void> {
  await tx`update auth.users set email = ${email}, updated_at = now() where id = ${user.id}`;
  await setIdentity(tx, user.id, "email", email, { email, email_verified: verified });
}

async function setPhone(tx: Sql, user: UserRow, phone: string, verified: boolean): Promise<void> {
  await tx`update auth.users set phone = ${phone}, updated_at = now() where id = ${user.id}`;
  await setIdentity(tx, user.id, "phone", phone, { phone, phone_verified: verified });
}

async function setIdentity(
  tx: Sql,
  userId: string,
  provider: "email" | "phone",
  address: string,
  data: Record<string, unknown>,
): Promise<void> {
  const updated = await tx`
    update auth.identities
    set identity_data = identity_data || ${jsonOf(tx, data)}, updated_at = now()
    where user_id = ${userId} and provider = ${provider} returning id`;
  if (updated.length === 0) await insertIdentity(tx, userId, provider, address);
}

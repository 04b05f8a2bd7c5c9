import { type AdminUser, adminUserSchema, readBanDuration } from "../../admin-fields.ts";
import { describeSubject, writeAudit } from "../../audit.ts";
import { requireAdmin } from "../../bearer.ts";
import { readBody } from "../../body.ts";
import type { AuthApp, AuthServices } from "../../context.ts";
import { inTransaction, type Sql } from "../../database.ts";
import { emailExists } from "../../email-change.ts";
import { AuthError, unexpectedFailure, validationFailed } from "../../errors.ts";
import { recogniseHash } from "../../password-hash.ts";
import { hashPassword } from "../../passwords.ts";
import {
  confirmEmail,
  confirmPhone,
  findUserByEmail,
  findUserById,
  insertUser,
  isUuid,
  loadUserJson,
  type NewUser,
  normaliseEmail,
  normalisePhone,
  setAppMetadata,
  setBan,
} from "../../users.ts";

const NIL_UUID = "00000000-0000-0000-0000-000000000000";

/** POST /admin/users: no mail, no hook, no rate limit, and it works with sign-ups disabled. */
export function registerCreateUser(app: AuthApp): void {
  app.post("/admin/users", async (c) => {
    await requireAdmin(c);
    const { services } = c.var;
    const body = await readBody(c, adminUserSchema);
    const user = await readNewUser(services, body);
    const ban = readBanDuration(body.ban_duration);
    await inTransaction(services.sql, (tx) => createUser(tx, user, body, ban)).catch((cause) => {
      throw unexpectedFailure("Database error creating new user", cause);
    });
    return c.json(await loadUserJson(services.sql, user.id));
  });
}

async function readNewUser(services: AuthServices, body: AdminUser): Promise<NewUser> {
  if (body.email === "" && body.phone === "") {
    throw validationFailed("Cannot create a user without either an email or phone");
  }
  const email = body.email === "" ? null : normaliseEmail(body.email);
  const phone = body.phone === "" ? null : normalisePhone(body.phone);
  if (email !== null) await assertEmailFree(services.sql, email);
  if (phone !== null) await assertPhoneFree(services.sql, phone);
  if (body.id !== "" && (!isUuid(body.id) || body.id === NIL_UUID)) {
    throw validationFailed("ID must conform to the uuid v4 format");
  }
  return {
    id: body.id === "" ? crypto.randomUUID() : body.id.toLowerCase(),
    aud: body.aud || "authenticated",
    email,
    phone,
    encryptedPassword: await readPassword(body, services.settings.bcryptCost),
    userMetadata: body.user_metadata ?? {},
  };
}

async function assertEmailFree(sql: Sql, email: string): Promise<void> {
  const [identity] = await sql`
    select id from auth.identities where email = ${email} and provider not like 'sso:%' limit 1`;
  if (identity || await findUserByEmail(sql, email)) throw emailExists();
}

async function assertPhoneFree(sql: Sql, phone: string): Promise<void> {
  const [user] = await sql`select id from auth.users where phone = ${phone}`;
  if (!user) return;
  throw new AuthError(422, "phone_exists", "Phone number already registered by another user");
}

async function readPassword(body: AdminUser, cost: number): Promise<string> {
  if (body.password !== null && body.password_hash !== "") {
    throw validationFailed("Only a password or a password hash should be provided");
  }
  if (body.password_hash === "") return await hashPassword(body.password || null, cost);
  if (recogniseHash(body.password_hash) === null) throw unexpectedFailure("Error creating user");
  return body.password_hash;
}

/**
 * Role, metadata and confirmation follow the insert by updates of their own: triggers see the
 * same rows as with Supabase Auth.
 */
async function createUser(
  tx: Sql,
  user: NewUser,
  body: AdminUser,
  ban: number | null,
): Promise<void> {
  await insertUser(tx, user, body.role || "authenticated");
  const row = await findUserById(tx, user.id);
  if (!row) throw new Error(`The user ${user.id} was not inserted`);
  await writeAudit(tx, null, "user_signedup", "team", describeSubject(row));
  if (body.app_metadata !== null) await setAppMetadata(tx, row, body.app_metadata);
  if (body.email_confirm) await confirmEmail(tx, user.id);
  if (body.phone_confirm) await confirmPhone(tx, user.id);
  if (ban !== null) await setBan(tx, user.id, ban);
}

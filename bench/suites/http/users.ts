import { importJWK, SignJWT } from "jose";
import postgres from "postgres";
import type { Stack } from "../../../local/stack.ts";

/** The profile of a user who filled in everything; its answer takes some 400 octets. */
const profile = {
  user_metadata: {
    display_name: "Kim Minji",
    onboarding_completed: true,
    industry: "Broadcasting and post-production",
    job_title: "Senior archive editor",
    email_consent: true,
    pref_language: "ko",
    pref_theme: "dark",
    pref_timezone: "Asia/Seoul",
  },
  app_metadata: { tier: "enterprise", permissions: ["videos.write"] },
};

/** The id of a numbered user, and of their only session. */
export function toUserId(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

function toSessionId(number: number): string {
  return `00000000-0000-4000-9000-${String(number).padStart(12, "0")}`;
}

function toAddress(number: number): string {
  return `editor-${number}@studio.example.test`;
}

/** Signs access tokens of numbered users, each of its own even for the same user. */
export type Mint = (number: number) => Promise<string>;

/** A mint with the key that the stack's functions trust. */
export async function createMint({ signingKey, jwtIssuer }: Stack): Promise<Mint> {
  const key = await importJWK(signingKey, "ES256");
  const { kid } = signingKey as { kid: string };
  let serial = 0;
  return (number) =>
    new SignJWT({
      email: toAddress(number),
      email_verified: true,
      user_created_at: "2026-11-01T00:00:00.000Z",
      role: "authenticated",
      aal: "aal1",
      amr: [{ method: "password", timestamp: serial++ }],
      session_id: toSessionId(number),
      is_anonymous: false,
      ...profile,
    })
      .setProtectedHeader({ alg: "ES256", kid, typ: "JWT" })
      .setIssuer(jwtIssuer)
      .setAudience("authenticated")
      .setSubject(toUserId(number))
      .setIssuedAt()
      .setExpirationTime("8h")
      .sign(key);
}

/** A token of each of so many users. */
export function mintTokens(mint: Mint, users: number, count = users): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => mint(index % users)));
}

/** So many accounts, each with a session that lives; `connect` as superuser. */
export async function seedAccounts(sql: postgres.Sql, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, number) => ({
    id: toUserId(number),
    session_id: toSessionId(number),
    email: toAddress(number),
  }));
  await sql.begin(async (tx) => {
    await tx`select set_config('session_replication_role', 'replica', true)`;
    await tx`
      insert into auth.users (id, aud, role, email, raw_user_meta_data, raw_app_meta_data,
        email_confirmed_at, created_at, updated_at)
      select id, 'authenticated', 'authenticated', email, ${sql.json(profile.user_metadata)},
        ${sql.json(profile.app_metadata)}, now(), now(), now()
      from jsonb_to_recordset(${sql.json(rows)}) as r (id uuid, email text)`;
    await tx`
      insert into auth.sessions (id, user_id, created_at, updated_at)
      select session_id, id, now(), now()
      from jsonb_to_recordset(${sql.json(rows)}) as r (id uuid, session_id uuid)`;
  });
}

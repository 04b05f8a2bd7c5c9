import { z } from "zod";
import type { Metadata, Sql, UserRow } from "./database.ts";
import { unexpectedFailure } from "./errors.ts";

/** One way in which a session was authenticated; `timestamp` in seconds. */
export interface AmrEntry {
  method: string;
  timestamp: number;
}

export interface ClaimsInput {
  user: UserRow;
  sessionId: string;
  aal: string;
  amr: AmrEntry[];
  issuer: string;
  /** Seconds since 1970. */
  issuedAt: number;
  expiresAt: number;
}

/** The whole claim set of an access token before the token hook. */
export function buildClaims(input: ClaimsInput): Metadata {
  const { user } = input;
  return {
    iss: input.issuer,
    sub: user.id,
    aud: user.aud ?? "authenticated",
    exp: input.expiresAt,
    iat: input.issuedAt,
    email: user.email ?? "",
    phone: user.phone ?? "",
    app_metadata: user.raw_app_meta_data ?? {},
    user_metadata: user.raw_user_meta_data ?? {},
    role: user.role ?? "",
    aal: input.aal,
    amr: input.amr,
    session_id: input.sessionId,
    is_anonymous: user.is_anonymous,
  };
}

const claimsSchema = z.looseObject({
  aud: z.union([z.string(), z.array(z.string())]),
  exp: z.int(),
  iat: z.int(),
  sub: z.string(),
  email: z.string(),
  phone: z.string(),
  role: z.string(),
  aal: z.string(),
  session_id: z.string(),
  is_anonymous: z.boolean(),
  iss: z.string().optional(),
  nbf: z.int().optional(),
  amr: z.array(z.union([z.string(), z.record(z.string(), z.unknown())])).optional(),
  app_metadata: z.record(z.string(), z.unknown()).optional(),
  user_metadata: z.record(z.string(), z.unknown()).optional(),
});

/** Refuses, with 500, claims from a hook that lack what Supabase Auth requires. */
export function assertClaims(claims: unknown): Metadata {
  const parsed = claimsSchema.safeParse(claims);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) =>
    `- ${issue.path.join(".") || "(root)"}: ${issue.message}`
  );
  throw unexpectedFailure(
    `output claims do not conform to the expected schema: \n${faults.join("\n")}`,
  );
}

/** Methods of a session, newest first. */
export async function readAmr(sql: Sql, sessionId: string): Promise<AmrEntry[]> {
  const rows = await sql<{ method: string; seconds: number }[]>`
    select authentication_method as method, extract(epoch from updated_at)::float8 as seconds
    from auth.mfa_amr_claims where session_id = ${sessionId}
    order by updated_at desc`;
  return rows.map((row) => ({ method: row.method, timestamp: Math.floor(row.seconds) }));
}

export async function addAmr(sql: Sql, sessionId: string, method: string): Promise<void> {
  await sql`
    insert into auth.mfa_amr_claims
      (id, session_id, authentication_method, created_at, updated_at)
    values (${crypto.randomUUID()}, ${sessionId}, ${method}, clock_timestamp(), clock_timestamp())
    on conflict (session_id, authentication_method)
    do update set updated_at = excluded.updated_at`;
}

import type { EmailOtpType, Session } from "@supabase/supabase-js";
import { type AuthClients, callAuth, toAuthFailure } from "../../../shared/auth/clients.ts";
import type { Metadata } from "../../../shared/auth/metadata.ts";
import { toFreshProfile } from "../../../shared/auth/profile.ts";
import { type ConsentChange, consentTextVersions } from "../../../shared/auth/update-profile.ts";
import type { MailBody, OnboardingBody, RegisterBody, SessionBody, VerifyBody } from "./schemas.ts";

/**
 * Signs a user up. Answers the session where the project confirms addresses by itself, otherwise
 * null. The user record that Supabase Auth returns is not read: for a known address it is made up.
 */
export async function signUp(auth: AuthClients, body: RegisterBody): Promise<SessionBody | null> {
  const client = await auth.anonymous();
  const { data, error } = await client.auth.signUp({
    email: body.email,
    password: body.password,
    options: {
      data: {
        ...(body.display_name === undefined ? {} : { display_name: body.display_name }),
        onboarding_completed: false,
      },
      ...(body.redirect_to === undefined ? {} : { emailRedirectTo: body.redirect_to }),
    },
  });
  throwUnlessHidden(error);
  return data.session ? toSession(data.session) : null;
}

export async function signIn(
  auth: AuthClients,
  credentials: { email: string; password: string },
): Promise<SessionBody> {
  const client = await auth.anonymous();
  const { session } = await callAuth(client.auth.signInWithPassword(credentials));
  return toSession(session);
}

export async function refreshSession(auth: AuthClients, token: string): Promise<SessionBody> {
  return toSession(await auth.refresh(token));
}

export async function sendPasswordReset(auth: AuthClients, body: MailBody): Promise<void> {
  const options = body.redirect_to === undefined ? {} : { redirectTo: body.redirect_to };
  const client = await auth.anonymous();
  const { error } = await client.auth.resetPasswordForEmail(body.email, options);
  throwUnlessHidden(error);
}

/** Sends a sign-in link to users only: registration has its own route. */
export async function sendMagicLink(auth: AuthClients, body: MailBody): Promise<void> {
  const client = await auth.anonymous();
  const { error } = await client.auth.signInWithOtp({
    email: body.email,
    options: {
      shouldCreateUser: false,
      ...(body.redirect_to === undefined ? {} : { emailRedirectTo: body.redirect_to }),
    },
  });
  throwUnlessHidden(error);
}

/** Null when a change of address still waits for its second confirmation. */
export async function verifyCode(auth: AuthClients, body: VerifyBody): Promise<SessionBody | null> {
  const type: EmailOtpType = body.type;
  const { token_hash, email = "", token = "" } = body;
  const client = await auth.anonymous();
  const { session } = await callAuth(
    client.auth.verifyOtp(
      token_hash === undefined ? { type, email, token } : { type, token_hash },
    ),
  );
  return session ? toSession(session) : null;
}

/** What finishing the onboarding changes in `user_metadata`. */
export function toMetadata(body: OnboardingBody): Metadata {
  const { industry, job_title, email_consent, display_name } = body;
  return { industry, job_title, email_consent, display_name, onboarding_completed: true };
}

/** The decision about mails, recorded even when it is a no. */
export function toConsents(body: OnboardingBody): ConsentChange[] {
  const textVersion = body.consent_text_version ?? consentTextVersions.email;
  return [{ kind: "email", granted: body.email_consent, textVersion }];
}

/** Errors that would tell whether an address is known; the limit on mails is kept per address. */
const hiddenCodes = new Set([
  "user_already_exists",
  "email_exists",
  "user_not_found",
  "otp_disabled",
  "user_banned",
  "over_email_send_rate_limit",
]);

function throwUnlessHidden(error: Parameters<typeof toAuthFailure>[0] | null): void {
  if (error && !hiddenCodes.has(error.code ?? "")) throw toAuthFailure(error);
}

function toSession(session: Session): SessionBody {
  return {
    access_token: session.access_token,
    token_type: "bearer",
    expires_in: session.expires_in,
    refresh_token: session.refresh_token,
    user: toFreshProfile(session.user),
  };
}

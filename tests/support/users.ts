import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { useStack } from "./stack.ts";

export interface TestUser {
  id: string;
  email: string;
  password: string;
  accessToken: string;
  refreshToken: string;
  /** Signed in as this user; keeps nothing on disk and refreshes nothing. */
  client: SupabaseClient;
}

export interface UserOptions {
  email?: string;
  password?: string;
  userMetadata?: Record<string, unknown>;
  appMetadata?: Record<string, unknown>;
}

const quiet = {
  auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
};

/** Supabase client with the publishable key, signed in as nobody. */
export function anonymousClient(): SupabaseClient {
  return createClient(useStack().url, useStack().publishableKey, quiet);
}

/** Supabase client with the secret key. It never signs in. */
export function adminClient(): SupabaseClient {
  return createClient(useStack().url, useStack().secretKey, quiet);
}

/** An address nobody used before; external stacks keep their users between runs. */
export function uniqueEmail(name = "user"): string {
  return `${name}-${crypto.randomUUID().slice(0, 13)}@example.test`;
}

/** Creates a confirmed user through the Admin API and signs in through the real token endpoint. */
export async function createUser(options: UserOptions = {}): Promise<TestUser> {
  const email = options.email ?? uniqueEmail();
  const password = options.password ?? `pw-${crypto.randomUUID()}`;
  const { error } = await adminClient().auth.admin.createUser({
    email,
    password,
    email_confirm: true,
    ...(options.userMetadata ? { user_metadata: options.userMetadata } : {}),
    ...(options.appMetadata ? { app_metadata: options.appMetadata } : {}),
  });
  if (error) throw new Error(`Cannot create ${email}: ${error.message}`, { cause: error });
  return await signIn(email, password);
}

/** Opens one more session of a user who exists. */
export async function signIn(email: string, password: string): Promise<TestUser> {
  const client = anonymousClient();
  const { data, error } = await client.auth.signInWithPassword({ email, password });
  if (error) throw new Error(`Cannot sign in ${email}: ${error.message}`, { cause: error });
  return {
    id: data.user.id,
    email,
    password,
    accessToken: data.session.access_token,
    refreshToken: data.session.refresh_token,
    client,
  };
}

/** A token that verifies but whose session has been signed out. */
export async function createDeadSession(): Promise<TestUser> {
  const user = await createUser();
  const { error } = await user.client.auth.signOut({ scope: "global" });
  if (error) throw new Error(`Cannot sign out ${user.email}: ${error.message}`, { cause: error });
  return user;
}

import type { Session, SupabaseClient, User } from "@supabase/supabase-js";
import type { Env } from "../env.ts";
import { loadClient } from "../http/supabase-client.ts";
import { authUnavailable } from "./auth-failure.ts";
import { isSession, isUser, requestAuth } from "./auth-rest.ts";
import type { Metadata } from "./metadata.ts";

export { callAuth, toAuthFailure } from "./auth-failure.ts";

/** What a user may change about itself at Supabase Auth; only the given members are touched. */
export interface OwnUserChanges {
  /** Merged key by key into `user_metadata`; null deletes a key. */
  data?: Metadata;
  password?: string;
  current_password?: string;
  /** Code of the reauthentication mail, where the project asks for one. */
  nonce?: string;
}

/** Which sessions a sign-out ends. */
export type SignOutScope = "global" | "local" | "others";

/** Calls to Supabase Auth in the name of one access token. */
export interface CallerAuth {
  /** The user as Supabase Auth knows it now, not as the token remembers it. */
  getUser(): Promise<User>;
  updateUser(changes: OwnUserChanges): Promise<User>;
  signOut(scope: SignOutScope): Promise<void>;
}

/** The ways to Supabase Auth. All of them throw AppErrors, auth_unavailable (503) in an outage. */
export interface AuthClients {
  /** A client with the publishable key and no stored session: make a new one for each request. */
  anonymous(): Promise<SupabaseClient>;
  /** The admin client (secret key). It never signs in, so it can never act as a user. */
  admin(): Promise<SupabaseClient>;
  asCaller(token: string): CallerAuth;
  /** Trades a refresh token for a new session. */
  refresh(refreshToken: string): Promise<Session>;
}

/** Builds the clients of a deployment; nothing connects before a call. */
export function createAuthClients(env: Env): AuthClients {
  let admin: Promise<SupabaseClient> | undefined;
  return {
    anonymous: () => loadClient(env.supabaseUrl, env.publishableKey),
    admin: () => admin ??= loadClient(env.supabaseUrl, env.secretKey),
    asCaller: (token) => createCallerAuth(env, token),
    refresh: async (refreshToken) => {
      const body = await requestAuth(env, {
        method: "POST",
        path: "/token?grant_type=refresh_token",
        body: { refresh_token: refreshToken },
      });
      return expectBody(body, isSession);
    },
  };
}

function createCallerAuth(env: Env, token: string): CallerAuth {
  return {
    getUser: async () =>
      expectBody(await requestAuth(env, { method: "GET", path: "/user", token }), isUser),
    updateUser: async (body) =>
      expectBody(await requestAuth(env, { method: "PUT", path: "/user", token, body }), isUser),
    signOut: async (scope) => {
      await requestAuth(env, { method: "POST", path: `/logout?scope=${scope}`, token });
    },
  };
}

/** A 2xx of another shape did not come from Supabase Auth. */
function expectBody<T>(body: unknown, is: (body: unknown) => body is T): T {
  if (is(body)) return body;
  throw authUnavailable(new Error("Supabase Auth answered an unknown body"));
}

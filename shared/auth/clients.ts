import type { Session, SupabaseClient, User } from "@supabase/supabase-js";
import type { Env } from "../env.ts";
import { loadClient } from "../http/supabase-client.ts";
import { authUnavailable } from "./auth-failure.ts";
import { forwardedFor, isSession, isUser, requestAuth } from "./auth-rest.ts";
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
  /**
   * A client for sign-in and the like with no stored session: make a new one for each request. It
   * has the publishable key; on behalf of an address the secret one, with which alone Supabase Auth
   * believes the address.
   */
  anonymous(): Promise<SupabaseClient>;
  /** The admin client (secret key). It never signs in, so it can never act as a user. */
  admin(): Promise<SupabaseClient>;
  asCaller(token: string): CallerAuth;
  /** Trades a refresh token for a new session. */
  refresh(refreshToken: string): Promise<Session>;
  /**
   * The same, but every call tells Supabase Auth the address of the caller (`Sb-Forwarded-For`):
   * otherwise all users of this service share one bucket of its limits by address.
   */
  onBehalfOf(clientIp: string): AuthClients;
}

/** Builds the clients of a deployment; nothing connects before a call. */
export function createAuthClients(env: Env): AuthClients {
  let admin: Promise<SupabaseClient> | undefined;
  const forCaller = (clientIp?: string): AuthClients => ({
    anonymous: () =>
      loadClient(env.supabaseUrl, clientIp === undefined ? env.publishableKey : env.secretKey, {
        headers: forwardedFor(clientIp),
      }),
    admin: () => admin ??= loadClient(env.supabaseUrl, env.secretKey),
    asCaller: (token) => createCallerAuth(env, token, clientIp),
    refresh: async (refreshToken) => {
      const body = await requestAuth(env, {
        method: "POST",
        path: "/token?grant_type=refresh_token",
        clientIp,
        body: { refresh_token: refreshToken },
      });
      return expectBody(body, isSession);
    },
    onBehalfOf: forCaller,
  });
  return forCaller();
}

function createCallerAuth(env: Env, token: string, clientIp: string | undefined): CallerAuth {
  const send = (method: "GET" | "POST" | "PUT", path: string, body?: unknown) =>
    requestAuth(env, { method, path, token, clientIp, body });
  return {
    getUser: async () => expectBody(await send("GET", "/user"), isUser),
    updateUser: async (body) => expectBody(await send("PUT", "/user", body), isUser),
    signOut: async (scope) => {
      await send("POST", `/logout?scope=${scope}`);
    },
  };
}

/** A 2xx of another shape did not come from Supabase Auth. */
function expectBody<T>(body: unknown, is: (body: unknown) => body is T): T {
  if (is(body)) return body;
  throw authUnavailable(new Error("Supabase Auth answered an unknown body"));
}

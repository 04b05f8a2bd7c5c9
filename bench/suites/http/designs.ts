import { createClient } from "@supabase/supabase-js";
import { withSupabase } from "@supabase/server/adapters/hono";
import { Hono, type MiddlewareHandler } from "hono";
import postgres from "postgres";
import type { AuthUser } from "../../../shared/auth/auth-user.ts";
import { type Profile, toProfile } from "../../../shared/auth/profile.ts";
import { readEnv } from "../../../shared/env.ts";
import { type AppEnv, createBaseApp } from "../../../shared/http/base-app.ts";
import { createDeps, type Deps } from "../../../shared/http/deps.ts";
import { requireUser, type UserEnv } from "../../../shared/http/require-user.ts";
import { createApp } from "../../../supabase/functions/me/app.ts";
import { createApp as createPeople } from "../../../supabase/functions/people/app.ts";
import { createApp as createSearch } from "../../../supabase/functions/search/app.ts";
import { createApp as createVideos } from "../../../supabase/functions/videos/app.ts";

/** What a design is told. */
export interface DesignSettings {
  environment: Record<string, string>;
  /** A valid token: the user of designs that know only one. */
  token: string;
}

/** A running design. */
export interface RunningDesign {
  fetch(request: Request): Response | Promise<Response>;
  close?(): Promise<void>;
}

type Create = (settings: DesignSettings) => RunningDesign | Promise<RunningDesign>;

/** Ways to answer GET /me of the user who asks, by the name a result gives them. */
export const designs: Readonly<Record<string, Create>> = {
  "all functions": createAllFunctions,
  "ours": ({ environment }) => createApp(createDeps(readEnv(environment))),
  "constant user": createConstantUser,
  "bare hono": createBareHono,
  "@supabase/server": createSupabaseServer,
  "getUser": createGetUser,
  "users query": (settings) => createUsersQuery(settings, { prepare: false }),
  "users query, prepared": (settings) => createUsersQuery(settings, { prepare: true }),
};

/** The functions of a signed-in user in one process, as the embedded stack runs them. */
function createAllFunctions({ environment }: DesignSettings): RunningDesign {
  const deps = createDeps(readEnv(environment));
  const apps = new Map(
    Object.entries({
      me: createApp(deps),
      people: createPeople(deps),
      search: createSearch(deps),
      videos: createVideos(deps),
    }),
  );
  return {
    fetch: (request) => {
      const name = /\/functions\/v1\/([^/?]+)/.exec(request.url)?.[1] ?? "";
      return apps.get(name)?.fetch(request) ?? new Response(null, { status: 404 });
    },
    close: () => deps.database.close(),
  };
}

async function verifyOne(deps: Deps, token: string) {
  return await deps.verifier.verify(token);
}

/** The whole app, without any check of the token. */
async function createConstantUser(settings: DesignSettings): Promise<RunningDesign> {
  const deps = createDeps(readEnv(settings.environment));
  const verified = await verifyOne(deps, settings.token);
  const verifier = { verify: () => Promise.resolve(verified), recall: () => verified };
  return createApp({ ...deps, verifier });
}

/** One route that answers the profile, and nothing else. */
async function createBareHono(settings: DesignSettings): Promise<RunningDesign> {
  const { user } = await verifyOne(createDeps(readEnv(settings.environment)), settings.token);
  const profile = toProfile(user);
  return new Hono().get("/functions/v1/me", (c) => c.json(profile));
}

/** Our base app around GET /me of somebody else. */
function createPeer<V extends object>(
  { environment }: DesignSettings,
  answer: (base: Hono<{ Variables: AppEnv["Variables"] & V }>) => void,
): RunningDesign {
  const base = createBaseApp("me", createDeps(readEnv(environment)));
  answer(base as unknown as Hono<{ Variables: AppEnv["Variables"] & V }>);
  return base;
}

interface Metadata {
  display_name?: string;
  onboarding_completed?: boolean;
  industry?: string;
  job_title?: string;
  email_consent?: boolean;
}

/** The profile as an application would take it out of what a library answers, unchecked. */
function plainProfile(
  user: { id: string; email: string; metadata: Metadata; tier: Profile["tier"] },
): Profile {
  const { display_name, onboarding_completed, industry, job_title, email_consent } = user.metadata;
  const preferences = Object.entries(user.metadata).filter(([name]) => name.startsWith("pref_"));
  return {
    id: user.id,
    email: user.email,
    email_verified: true,
    display_name: display_name ?? null,
    onboarding_completed: onboarding_completed ?? false,
    industry: industry ?? null,
    job_title: job_title ?? null,
    email_consent: email_consent ?? false,
    preferences: Object.fromEntries(preferences.map(([name, value]) => [name.slice(5), value])),
    tier: user.tier,
    created_at: null,
  };
}

/** The adapter that Supabase publishes, with the same key set. */
function createSupabaseServer(settings: DesignSettings): RunningDesign {
  const env = readEnv(settings.environment);
  const authenticate: MiddlewareHandler = withSupabase({
    auth: "user",
    audience: "authenticated",
    issuer: env.jwtIssuer,
    env: {
      url: env.supabaseUrl,
      publishableKeys: { default: env.publishableKey },
      secretKeys: { default: env.secretKey },
      jwks: env.jwks ?? null,
    },
  });
  return createPeer(settings, (app) => {
    app.get("/", authenticate, (c) => {
      const { userClaims } = c.get("supabaseContext" as never) as SupabaseContext;
      return c.json(plainProfile({
        id: userClaims.id,
        email: userClaims.email,
        metadata: userClaims.userMetadata,
        tier: userClaims.appMetadata.tier,
      }));
    });
  });
}

interface SupabaseContext {
  userClaims: {
    id: string;
    email: string;
    userMetadata: Metadata;
    appMetadata: { tier: Profile["tier"] };
  };
}

/** What most guides show: Supabase Auth is asked who the bearer is, at each request. */
function createGetUser(settings: DesignSettings): RunningDesign {
  const { SUPABASE_URL = "", SUPABASE_PUBLISHABLE_KEYS = "{}" } = settings.environment;
  const client = createClient(SUPABASE_URL, JSON.parse(SUPABASE_PUBLISHABLE_KEYS).default, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  });
  return createPeer(settings, (app) => {
    app.get("/", async (c) => {
      const token = c.req.header("authorization")?.slice("Bearer ".length);
      const { data: { user }, error } = await client.auth.getUser(token);
      if (!user) return c.json({ error: error?.message }, 401);
      return c.json(plainProfile({
        id: user.id,
        email: user.email ?? "",
        metadata: user.user_metadata,
        tier: user.app_metadata["tier"] ?? "free",
      }));
    });
  });
}

/** A row of the users table before. */
interface UserRow extends Omit<Profile, "id" | "preferences" | "created_at"> {
  supabase_user_id: string;
  created_at: Date;
}

/**
 * The design before: the same check of the token, then the user is read from a table of ours.
 * Statements are not prepared where functions reach the database through a transaction pooler.
 */
function createUsersQuery(
  settings: DesignSettings,
  { prepare }: { prepare: boolean },
): RunningDesign {
  const sql = postgres(settings.environment["BENCH_USERS_URL"] ?? "", { max: 20, prepare });
  const app = createPeer<UserEnv["Variables"]>(settings, (app) => {
    app.get("/", requireUser(), async (c) => {
      const user = c.get("user");
      const [row] = await sql<UserRow[]>`
        select * from bench.users where supabase_user_id = ${user.supabaseUserId}`;
      return row ? c.json(rowProfile(row, user)) : c.json({ error: "unknown user" }, 404);
    });
  });
  return { fetch: app.fetch, close: () => sql.end({ timeout: 5 }) };
}

/** Preferences stood nowhere in the table. */
function rowProfile(row: UserRow, { preferences }: AuthUser): Profile {
  return {
    id: row.supabase_user_id,
    email: row.email,
    email_verified: row.email_verified,
    display_name: row.display_name,
    onboarding_completed: row.onboarding_completed,
    industry: row.industry,
    job_title: row.job_title,
    email_consent: row.email_consent,
    preferences,
    tier: row.tier,
    created_at: row.created_at.toISOString(),
  };
}

import { createClient } from "@supabase/supabase-js";
import { expect } from "vitest";
import { z } from "zod";
import type { Stack } from "../../../local/stack.ts";
import { adminOf } from "./seed.ts";

/** What came of a sign-in: a token, or the code of the refusal. */
export type SignIn = { token: string; refusal?: never } | { token?: never; refusal: string };

const quiet = { auth: { persistSession: false, autoRefreshToken: false } };

/** Signs in with a password, as an app does. */
export async function signInWithPassword(
  { url, publishableKey }: Stack,
  credentials: { email: string; password: string },
): Promise<SignIn> {
  const { auth } = createClient(url, publishableKey, quiet);
  const { data, error } = await auth.signInWithPassword(credentials);
  return data.session ? { token: data.session.access_token } : { refusal: error?.code ?? "none" };
}

/** Signs in by a link sent to the address, which confirms it: the way of who has no password. */
export async function signInByMail(stack: Stack, email: string): Promise<SignIn> {
  const { data, error } = await adminOf(stack).auth.admin.generateLink({ type: "recovery", email });
  if (error) return { refusal: error.code ?? "none" };
  const { auth } = createClient(stack.url, stack.publishableKey, quiet);
  const verified = await auth.verifyOtp({
    type: "recovery",
    token_hash: data.properties.hashed_token,
  });
  const token = verified.data.session?.access_token;
  return token ? { token } : { refusal: verified.error?.code ?? "none" };
}

/** What a signed-in user sees of the own library. */
export interface Library {
  userId: string;
  tier: string;
  /** Ids of videos, each with those of its scenes. */
  videos: Record<string, string[]>;
  /** Names of people by their ids. */
  people: Record<string, string>;
}

const meSchema = z.object({ id: z.string(), tier: z.string() });
const videosSchema = z.object({
  videos: z.array(z.object({ video_id: z.string() })),
  has_more: z.literal(false),
});
const scenesSchema = z.object({
  scenes: z.array(z.object({ scene_id: z.string() })),
  has_more: z.literal(false),
});
const peopleSchema = z.object({
  people: z.array(z.object({ person_id: z.string(), name: z.string() })),
  has_more: z.literal(false),
});

/** Reads the library of a signed-in user through the functions. */
export async function readLibrary({ url }: Stack, token: string): Promise<Library> {
  const get = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/functions/v1${path}`, { headers });
    const text = await response.text();
    expect({ path, status: response.status, text }).toMatchObject({ status: 200 });
    return schema.parse(JSON.parse(text));
  };
  const me = await get("/me", meSchema);
  const { videos } = await get("/videos?limit=100", videosSchema);
  const { people } = await get("/people?limit=100", peopleSchema);
  const withScenes = await Promise.all(videos.map(async ({ video_id }) => {
    const { scenes } = await get(`/videos/${video_id}/scenes?limit=100`, scenesSchema);
    return [video_id, scenes.map(({ scene_id }) => scene_id).sort()] as const;
  }));
  return {
    userId: me.id,
    tier: me.tier,
    videos: Object.fromEntries(withScenes),
    people: Object.fromEntries(people.map(({ person_id, name }) => [person_id, name])),
  };
}

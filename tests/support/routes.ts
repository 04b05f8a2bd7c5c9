import type { CallOptions } from "./call.ts";

/** Ids of things that belong to somebody; each is replaced in paths and bodies. */
export interface Ids {
  videoId: string;
  personId: string;
  exportId: string;
}

/**
 * Who may call a route:
 * - `user`: a valid token of a session that lives
 * - `token`: a valid token, alive or not (GET /me answers from the token alone)
 * - `public`: anybody
 * - `webhook`: a body signed with a webhook secret
 * - `cron`: the cron secret
 * - `worker`: a worker key
 */
export type RouteAuth = "user" | "token" | "public" | "webhook" | "cron" | "worker";

export interface RouteCase {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path below the function as the app registers it, with `:name` for parameters. */
  path: string;
  auth: RouteAuth;
  /** A request this route would accept, so that only who asks can be at fault. */
  request?: (ids: Ids) => CallOptions;
  /** Query string of such a request. */
  query?: string;
  /** What somebody else's id gives, where the route takes one. */
  foreign?: "video_not_found" | "person_not_found" | "export_not_found";
}

const json = (value: (ids: Ids) => unknown) => (ids: Ids): CallOptions => ({ json: value(ids) });

const captions = "WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n";

/** Every route of every function. A route missing here, or gone from its app, fails the run. */
export const routes: Readonly<Record<string, readonly RouteCase[]>> = {
  "auth-onboarding": [
    { method: "POST", path: "/register", auth: "public" },
    { method: "POST", path: "/login", auth: "public" },
    { method: "POST", path: "/refresh", auth: "public" },
    { method: "POST", path: "/password-reset", auth: "public" },
    { method: "POST", path: "/magic-link", auth: "public" },
    { method: "POST", path: "/verify", auth: "public" },
    { method: "POST", path: "/logout", auth: "user", request: json(() => ({})) },
    {
      method: "POST",
      path: "/password-update",
      auth: "user",
      request: json(() => ({ password: `pw-${crypto.randomUUID()}` })),
    },
    {
      method: "POST",
      path: "/onboarding",
      auth: "user",
      request: json(() => ({ industry: "Shipping", job_title: "Archivist", email_consent: true })),
    },
    { method: "GET", path: "/account/erasure-preview", auth: "user" },
    {
      method: "DELETE",
      path: "/account",
      auth: "user",
      request: json(() => ({ password: "never tried" })),
    },
    { method: "GET", path: "/account/erasure", auth: "user" },
    { method: "DELETE", path: "/account/erasure", auth: "user" },
  ],
  me: [
    { method: "GET", path: "/", auth: "token" },
    { method: "PATCH", path: "/", auth: "user", request: json(() => ({ display_name: "Mina" })) },
    { method: "GET", path: "/usage", auth: "user" },
    { method: "POST", path: "/export", auth: "user" },
    { method: "GET", path: "/export/:id", auth: "user", foreign: "export_not_found" },
  ],
  videos: [
    {
      method: "POST",
      path: "/upload/init",
      auth: "user",
      request: json(() => ({ filename: "a.mp4", mime_type: "video/mp4", size_bytes: 1000 })),
    },
    {
      method: "POST",
      path: "/upload/complete",
      auth: "user",
      request: json(({ videoId }) => ({ video_id: videoId })),
      foreign: "video_not_found",
    },
    { method: "GET", path: "/", auth: "user" },
    { method: "GET", path: "/:id", auth: "user", foreign: "video_not_found" },
    { method: "GET", path: "/:id/status", auth: "user", foreign: "video_not_found" },
    { method: "GET", path: "/:id/scenes", auth: "user", foreign: "video_not_found" },
    {
      method: "PATCH",
      path: "/:id",
      auth: "user",
      request: json(() => ({ title: "Mine now" })),
      foreign: "video_not_found",
    },
    {
      method: "PUT",
      path: "/:id/captions",
      auth: "user",
      request: () => ({ body: captions, headers: { "content-type": "text/vtt" } }),
      foreign: "video_not_found",
    },
    { method: "DELETE", path: "/:id", auth: "user", foreign: "video_not_found" },
    { method: "POST", path: "/jobs/claim", auth: "worker", request: json(() => ({})) },
    {
      method: "POST",
      path: "/jobs/:id/progress",
      auth: "worker",
      request: json(({ videoId }) => ({ lease_id: videoId, progress: 0.5 })),
    },
    {
      method: "POST",
      path: "/jobs/:id/complete",
      auth: "worker",
      request: json(({ videoId }) => ({ lease_id: videoId })),
    },
    {
      method: "POST",
      path: "/jobs/:id/fail",
      auth: "worker",
      request: json(({ videoId }) => ({ lease_id: videoId, error: "No sound", retry: true })),
    },
    {
      method: "POST",
      path: "/jobs/:id/uploads",
      auth: "worker",
      request: json(({ videoId }) => ({ lease_id: videoId, sidecar: true })),
    },
    {
      method: "PUT",
      path: "/:id/scenes",
      auth: "worker",
      request: json(({ videoId }) => ({
        lease_id: videoId,
        revision: videoId,
        part: 1,
        final: true,
        parts: 1,
        scenes: [],
      })),
    },
  ],
  people: [
    { method: "GET", path: "/", auth: "user" },
    { method: "POST", path: "/", auth: "user", request: json(() => ({ name: "Captain Han" })) },
    { method: "GET", path: "/:id", auth: "user", foreign: "person_not_found" },
    {
      method: "PATCH",
      path: "/:id",
      auth: "user",
      request: json(() => ({ name: "Mine now" })),
      foreign: "person_not_found",
    },
    {
      method: "POST",
      path: "/:id/photos",
      auth: "user",
      request: json(() => ({ content_type: "image/png" })),
      foreign: "person_not_found",
    },
    {
      method: "POST",
      path: "/:id/photos/complete",
      auth: "user",
      request: json(() => ({ photo_key: "faces/nobody/nothing/photo.png" })),
      foreign: "person_not_found",
    },
    {
      method: "POST",
      path: "/:id/merge",
      auth: "user",
      request: json(() => ({ into: crypto.randomUUID() })),
      foreign: "person_not_found",
    },
    { method: "GET", path: "/:id/scenes", auth: "user", foreign: "person_not_found" },
    {
      method: "PUT",
      path: "/:id/face-vector",
      auth: "worker",
      request: json(() => ({ vector: new Uint8Array(2048).fill(63).toBase64() })),
    },
    { method: "DELETE", path: "/:id", auth: "user", foreign: "person_not_found" },
  ],
  search: [
    { method: "GET", path: "/", auth: "user", query: "?q=harbour" },
    { method: "POST", path: "/", auth: "user", request: json(() => ({ q: "harbour" })) },
  ],
  "auth-webhook": [
    {
      method: "POST",
      path: "/",
      auth: "webhook",
      request: json(() => ({
        type: "user.deleted",
        timestamp: new Date().toISOString(),
        data: { user_id: crypto.randomUUID() },
      })),
    },
    { method: "POST", path: "/drain", auth: "cron", request: json(() => ({})) },
  ],
};

/** Path of a route with ids in place: `/:id` of people takes a person's, of me an export's. */
export function pathOf(name: string, { path, query = "" }: RouteCase, ids: Ids): string {
  const own: Record<string, string> = { people: ids.personId, me: ids.exportId };
  const id = own[name] ?? ids.videoId;
  const inside = path === "/" ? "" : path.replace(":id", id);
  return `/${name}${inside}${query}`;
}

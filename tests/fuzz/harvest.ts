import type { FuzzRequest } from "./requests.ts";
import { type Answer, type SentRequest, viewerOf } from "./send.ts";
import type { FuzzUser, World } from "./world.ts";

interface Exchange {
  request: FuzzRequest;
  sent: SentRequest;
  answer: Answer;
  world: World;
  route: string;
}

const kinds: Readonly<Record<string, string>> = {
  video_id: "video",
  person_id: "person",
  scene_id: "scene",
  export_id: "export",
  next_cursor: "cursor",
  photo_key: "photo",
  status_token: "ticket",
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Remembers what an answer gave its sender, so that later requests can use it, does the upload that
 * a ticket asks for, and brings a user back whose session a request ended.
 */
export async function harvest({ request, sent, answer, world, route }: Exchange): Promise<void> {
  const { role, index } = request.sender;
  // A code counts once, and this one may have been asked for by nobody yet.
  const isVerify = route.endsWith("/verify") && sent.told.includes('"magiclink"');
  if (isVerify) {
    await world.refreshMail(world.user(index)).catch(() => world.revive(world.user(index)));
  }
  if (answer.status >= 300) return await mend(request, answer, { world, route });
  if (
    sent.method === "HEAD" || !answer.headers.get("content-type")?.startsWith("application/json")
  ) {
    if (role !== "user") return;
    const viewer = viewerOf(request.sender, world);
    if (sent.method === "DELETE") world.forget(viewer, sent.url.pathname);
    return keepPassword(route, sent, viewer);
  }
  const body: unknown = JSON.parse(answer.text);
  if (role === "worker") return keepClaim(world, { route, path: sent.url.pathname, body });
  const viewer = viewerOf(request.sender, world);
  if (!world.users.includes(viewer)) return;
  walk(body, (key, value) => {
    const kind = kinds[key];
    if (kind === undefined) return;
    if (role === "user" || kind === "ticket") world.keep(viewer, kind, value);
    if (UUID.test(value) && !world.owners.has(value)) world.owners.set(value, viewer.index);
  });
  keepSession(body, viewer, world);
  await upload(body, sent, viewer);
}

async function mend(
  { sender }: FuzzRequest,
  { text }: Answer,
  { world, route }: Pick<Exchange, "world" | "route">,
): Promise<void> {
  if (sender.role !== "user") return;
  const user = world.user(sender.index);
  if (/"(session_revoked|token_expired)"/.test(text)) return await world.revive(user);
  // A quota of a day is not over before the run is.
  const isQuota = text.includes('"upload_quota_exceeded"') ||
    (route.endsWith("/me/export") && text.includes('"rate_limited"'));
  if (isQuota) await world.replace(user);
}

function walk(value: unknown, visit: (key: string, value: string) => void): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (typeof member === "string") visit(key, member);
    else walk(member, visit);
  }
}

/** A session of the same user replaces the one that is used. */
function keepSession(body: unknown, viewer: FuzzUser, world: World): void {
  const token = read(body, "access_token");
  const refresh = read(body, "refresh_token");
  const user: unknown = typeof body === "object" && body !== null
    ? Reflect.get(body, "user")
    : null;
  if (token === undefined || refresh === undefined || read(user, "id") !== viewer.id) return;
  viewer.accessToken = token;
  world.keep(viewer, "refresh", refresh);
}

function keepPassword(route: string, { body }: SentRequest, viewer: FuzzUser): void {
  if (!route.endsWith("/password-update") || typeof body !== "string") return;
  const changed = read(JSON.parse(body), "password");
  if (changed !== undefined) viewer.password = changed;
}

function keepClaim(
  world: World,
  { route, path, body }: { route: string; path: string; body: unknown },
): void {
  if (/\/(complete|fail)$/.test(route)) {
    const done = world.claims.findIndex(({ job }) => path.includes(job));
    if (done >= 0) world.claims.splice(done, 1);
  }
  if (!route.endsWith("/jobs/claim") || typeof body !== "object" || body === null) return;
  const claimed: unknown = Reflect.get(body, "job");
  const video: unknown = typeof claimed === "object" && claimed !== null
    ? Reflect.get(claimed, "video")
    : undefined;
  const [job, lease] = [read(claimed, "job_id"), read(claimed, "lease_id")];
  const id = read(video, "video_id");
  if (job === undefined || lease === undefined || id === undefined) return;
  world.claims.push({ job, lease, video: id });
  if (world.claims.length > 8) world.claims.shift();
}

function read(value: unknown, key: string): string | undefined {
  const member: unknown = typeof value === "object" && value !== null
    ? Reflect.get(value, key)
    : null;
  return typeof member === "string" ? member : undefined;
}

/** The smallest PNG, which is what photos are taken for. */
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg==",
  "base64",
);

/** Half of the tickets are used, so that completing an upload has both outcomes. */
async function upload(body: unknown, sent: SentRequest, viewer: FuzzUser): Promise<void> {
  const url = read(body, "upload_url");
  if (url === undefined || typeof sent.body !== "string") return;
  const asked: unknown = JSON.parse(sent.body);
  const size: unknown = typeof asked === "object" && asked !== null
    ? Reflect.get(asked, "size_bytes")
    : undefined;
  const type = read(asked, "mime_type") ?? read(asked, "content_type");
  const isPhoto = read(body, "photo_key") !== undefined;
  if (type === undefined || (!isPhoto && (typeof size !== "number" || size > 64))) return;
  const bytes = isPhoto ? png : new Uint8Array(Number(size)).fill(viewer.index + 1);
  if (Number(size ?? 0) % 2 === 1) return;
  await fetch(url, {
    method: "PUT",
    headers: { "content-type": type },
    body: new Uint8Array(bytes),
  }).then((response) => response.body?.cancel());
}

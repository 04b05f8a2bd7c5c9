import { createHmac } from "node:crypto";
import type { FuzzRequest, Sender } from "./requests.ts";
import type { FuzzUser, World } from "./world.ts";

/** A request as it goes over the wire. */
export interface SentRequest {
  url: URL;
  method: string;
  headers: Record<string, string>;
  body: string | Uint8Array<ArrayBuffer> | undefined;
  /** Everything the sender told: what an answer repeats of it is no leak. */
  told: string;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

const PLACE = /\{\{(own|other|canary|days)\.([a-z0-9]+)\}\}/g;
const TIMEOUT_MS = 30_000;

/** Whose data the sender of a request may see. */
export function viewerOf({ role, index }: Sender, world: World): FuzzUser {
  if (role === "dead") return world.dead;
  if (role === "erased") return world.erased;
  return world.user(index);
}

/** Puts the ids and secrets of this run into a request; undefined when its path leaves the functions. */
export function prepare(request: FuzzRequest, world: World): SentRequest | undefined {
  const fill = (text: string) => fillIn(text, request.sender, world);
  const path = fill(request.path);
  const url = new URL(path, world.target.url);
  const home = request.operation.path.split("/").slice(0, 4).join("/");
  if (url.pathname !== home && !url.pathname.startsWith(`${home}/`)) return undefined;
  const body = typeof request.body === "string" ? fill(request.body) : request.body;
  const headers = {
    ...Object.fromEntries(Object.entries(request.headers).map(([k, v]) => [k, fill(v)])),
    ...credentials(request.sender, world, body),
  };
  const told = [path, decode(path), asText(body), ...Object.values(headers)].join("\n");
  return { url, method: request.method, headers, body, told };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return "";
  }
}

function asText(body: SentRequest["body"]): string {
  return typeof body === "string" ? body : new TextDecoder().decode(body);
}

function fillIn(text: string, sender: Sender, world: World): string {
  return text.replaceAll(PLACE, (_match, whose: string, kind: string) => {
    if (whose === "days") return new Date(Date.now() + Number(kind) * 86_400_000).toISOString();
    if (whose === "canary") return thingOf(world.canary, kind, sender.index);
    if (whose === "other") return thingOf(world.user(sender.index + 1), kind, sender.index);
    const claim = sender.role === "worker" ? pick(world.claims, sender.index) : undefined;
    const held = claim && new Map(Object.entries(claim)).get(kind);
    return held ?? thingOf(viewerOf(sender, world), kind, sender.index);
  });
}

const nobodys = "0d3f3c56-52f4-4a8e-9d0f-6a1b2c3d4e5f";

function thingOf(user: FuzzUser, kind: string, index: number): string {
  switch (kind) {
    case "user":
      return user.id;
    case "email":
      return user.email;
    case "password":
      return user.password;
    case "word":
      return user.word;
    case "refresh":
      return user.things.get(kind)?.at(-1) ?? nobodys;
    case "spare":
      return thingOf(user, "person", index + 1);
    case "photo":
      return photoOf(user, thingOf(user, "person", index));
  }
  return pick(user.things.get(kind) ?? [], index) ?? nobodys;
}

/** A photo of the person whom the path of the same request names. */
function photoOf(user: FuzzUser, person: string): string {
  const photos = user.things.get("photo") ?? [];
  return photos.findLast((key) => key.includes(person)) ?? photos.at(-1) ?? nobodys;
}

function pick<T>(values: readonly T[], index: number): T | undefined {
  return values[index % Math.max(values.length, 1)];
}

function credentials(
  sender: Sender,
  world: World,
  body: SentRequest["body"],
): Record<string, string> {
  const { environment, publishableKey, secretKey } = world.target;
  const bearer = (token: string | undefined) => ({ authorization: `Bearer ${token}` });
  switch (sender.role) {
    case "anonymous":
      return {};
    case "ticket":
      return bearer(thingOf(world.user(sender.index), "ticket", sender.index));
    case "worker":
      return bearer(environment["HEIMDEX_WORKER_KEYS"]?.split(",")[0]);
    case "cron":
      return bearer(environment["HEIMDEX_CRON_SECRET"]);
    case "webhook":
      return sign(environment["HEIMDEX_WEBHOOK_SECRETS"] ?? "", body);
    case "forged":
      return bearer(forge(world.user(sender.index).accessToken));
    case "publishable":
      return bearer(publishableKey);
    case "secret":
      return bearer(secretKey);
    case "garbage":
      return { authorization: sender.authorization ?? "" };
    default:
      return bearer(viewerOf(sender, world).accessToken);
  }
}

/** The claims of a real token under a signature that is none of theirs. */
function forge(token: string): string {
  const [header, payload] = token.split(".");
  return `${header}.${payload}.${Buffer.alloc(64, 7).toString("base64url")}`;
}

/** Headers of Standard Webhooks, made with the secret the functions know. */
function sign(secrets: string, body: SentRequest["body"]): Record<string, string> {
  const key = Buffer.from(secrets.split("|")[0]?.replace(/^v1,whsec_/, "") ?? "", "base64");
  const id = `msg_${crypto.randomUUID()}`;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", key)
    .update(`${id}.${timestamp}.`).update(body ?? "").digest("base64");
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  };
}

/** Sends a request; an answer that does not come is an error. */
export async function send({ url, method, headers, body }: SentRequest): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers,
    redirect: "manual",
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined || method === "GET" || method === "HEAD" ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

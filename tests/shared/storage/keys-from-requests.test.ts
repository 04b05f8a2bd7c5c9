import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { App } from "../../../shared/http/base-app.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import type { ObjectStore } from "../../../shared/storage/object-store.ts";
import { createApp as createPeople } from "../../../supabase/functions/people/app.ts";
import { createApp as createVideos } from "../../../supabase/functions/videos/app.ts";
import { createConsentingUser, createPerson } from "../../functions/people/support.ts";
import { beginUpload } from "../../functions/videos/support.ts";
import { depsWith } from "../../support/app.ts";
import { toRequestInit } from "../../support/call.ts";
import { adminSql } from "../../support/sql.ts";
import { setting } from "../../support/stack.ts";
import type { TestUser } from "../../support/users.ts";

const uuid = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
/** Every shape a key may have; Storage is never asked for another one. */
const shapes = [
  `^videos/${uuid}/${uuid}\\.(?:mp4|mov|avi|mkv|webm)$`,
  `^faces/${uuid}/${uuid}/photo_\\d{17}-[0-9a-f]{8}\\.(?:jpg|png)$`,
  `^${uuid}/${uuid}/${uuid}\\.jpg$`,
  `^${uuid}/${uuid}\\.json$`,
].map((shape) => new RegExp(shape));

/** What somebody would send who wants to choose the key. */
const wishes = [
  "../../../etc/passwd",
  "..\\..\\secret.mp4",
  "videos/11111111-1111-4111-8111-111111111111/clip.mp4",
  "faces/x/y/photo.png",
  "%2e%2e%2fclip.mp4",
  "clip\0.mp4",
  "CON.mp4",
  "x".repeat(600),
  "\u202egpj.mp4",
];

const asked: string[] = [];
let deps: Deps;
let videos: App;
let people: App;
let user: TestUser;
let videoId: string;
let personId: string;

/** The real store, which notes every key it is asked for. */
function spyOn(store: ObjectStore): ObjectStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        asked.push(...args.slice(1, 2).flat().filter((one) => typeof one === "string"));
        return Reflect.apply(member, target, args);
      };
    },
  });
}

beforeAll(async () => {
  const real = depsWith();
  deps = { ...real, objects: spyOn(real.objects) };
  videos = createVideos(deps);
  people = createPeople(deps);
  user = await createConsentingUser();
  ({ video_id: videoId } = await beginUpload(user));
  ({ person_id: personId } = await createPerson(user, "Somebody"));
});
afterAll(() => deps.database.close());

async function send(app: App, path: string, json: unknown, o: { token?: string; method?: string }) {
  const method = o.method ?? "POST";
  const response = await app.request(
    path,
    toRequestInit({ method, token: o.token ?? user.accessToken, json }),
  );
  await response.body?.cancel();
  return response.status;
}

describe.each(wishes)("no key is made of wish %#", (wish) => {
  it("as a file name, an id, a type or a key", async () => {
    asked.length = 0;
    const upload = { filename: wish, mime_type: "video/mp4", size_bytes: 10 };
    await adminSql()`delete from public.rate_limits where user_id = ${user.id}`;
    expect(await send(videos, "/videos/upload/init", upload, {})).toBe(201);
    expect(asked).toHaveLength(1);
    const path = encodeURIComponent(wish);
    const refused = [
      await send(videos, "/videos/upload/init", { ...upload, mime_type: wish }, {}),
      await send(videos, "/videos/upload/init", { ...upload, video_id: wish, key: wish }, {}),
      await send(videos, "/videos/upload/complete", { video_id: wish }, {}),
      await send(videos, `/videos/${path}`, undefined, { method: "DELETE" }),
      await send(people, `/people/${personId}/photos`, { content_type: wish }, {}),
      await send(people, `/people/${path}/photos`, { content_type: "image/png" }, {}),
      await send(people, `/people/${personId}/photos/complete`, { photo_key: wish }, {}),
      await send(videos, `/videos/${videoId}/scenes`, sceneWith(wish), {
        method: "PUT",
        token: setting("HEIMDEX_WORKER_KEYS").split(",")[0] ?? "",
      }),
    ];
    expect(refused.filter((status) => status < 400)).toEqual([]);
    expect(asked.filter((key) => !shapes.some((shape) => shape.test(key)))).toEqual([]);
    expect(asked.every((key) => key.includes(user.id))).toBe(true);
    const rows = await adminSql()`
      select storage_key as key from public.videos where user_id = ${user.id}
      union all select unnest(photo_keys) from public.face_profiles where user_id = ${user.id}`;
    for (const { key } of rows) expect(shapes.some((shape) => shape.test(key)), key).toBe(true);
  });
});

function sceneWith(key: string) {
  const [lease_id, revision, scene_id] = [1, 2, 3].map(() => crypto.randomUUID());
  const scene = { scene_id, start_s: 0, end_s: 1, thumbnail_key: key, sidecar_key: key };
  return { lease_id, revision, part: 1, final: true, parts: 1, scenes: [scene] };
}

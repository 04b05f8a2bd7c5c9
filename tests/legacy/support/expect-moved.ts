import { expect } from "vitest";
import type { Decision } from "../../../shared/legacy/decisions.ts";
import type { LegacyWorld } from "../../../local/legacy-world.ts";
import type { LegacyUserModel } from "./arbitraries.ts";
import { adminOf } from "./seed.ts";
import { type Library, readLibrary, signInByMail, signInWithPassword } from "./sign-in.ts";
import type { WrittenModel, WrittenUser } from "./write-model.ts";

/** The account each legacy user has after the export, by legacy id. */
export type IdMap = ReadonlyMap<string, string>;

export async function readIdMap({ sql }: LegacyWorld): Promise<IdMap> {
  const rows = await sql()<{ legacy: string; supabase: string }[]>`
    select legacy_user_id as legacy, supabase_user_id as supabase from private.legacy_exports`;
  return new Map(rows.map(({ legacy, supabase }) => [legacy, supabase]));
}

/** Expects every user behind the right account, and what each may see to be exactly the own. */
export async function expectMoved(
  world: LegacyWorld,
  written: WrittenModel,
  decisions: readonly Decision[],
): Promise<void> {
  const map = await readIdMap(world);
  expect([...map.keys()].sort()).toEqual(written.users.map(({ model }) => model.userId).sort());
  expect(new Set(map.values()).size).toBe(map.size);
  for (const user of written.users) {
    const decided = decisions.filter(({ subject }) => subject === user.model.userId);
    const id = map.get(user.model.userId) ?? "";
    expect(id).toBe(expectedId(user, decided) ?? id);
    const library = await enter(world, user, decided);
    expect(library).toEqual({
      userId: id,
      tier: user.model.tier,
      videos: videosOf(user.model),
      people: library.people,
    });
    expectPeople(user.model, library.people);
  }
  await expectObjects(world, written, map);
}

/** The account a user must have; undefined where any new one will do. */
function expectedId(user: WrittenUser, decided: readonly Decision[]): string | undefined {
  const { model, linkedId, account } = user;
  if (linkedId !== null) return linkedId;
  if (decided.some(({ action }) => action === "link")) return account?.id;
  if (model.standing !== "id held") return model.userId;
  expect(account?.id).toBe(model.userId);
  return undefined;
}

/** Signs in as a user would: with the old password where it can be taken over, else by mail. */
async function enter(
  { stack }: LegacyWorld,
  user: WrittenUser,
  decided: readonly Decision[],
): Promise<Library> {
  const email = decided.find(({ action }) => action === "use_email")?.value ??
    user.email.toLowerCase();
  const isOwnAccount = user.model.standing === "linked" ||
    decided.some(({ action }) => action === "link");
  const password = isOwnAccount ? user.account?.password ?? "" : user.password;
  const isKnown = isOwnAccount || hasUsableHash(user.model);
  const isConfirmed = isOwnAccount || user.model.isConfirmed;
  const first = await signInWithPassword(stack, { email, password });
  if (!isKnown) expect(first).toEqual({ refusal: "invalid_credentials" });
  else if (!isConfirmed) expect(first).toEqual({ refusal: "email_not_confirmed" });
  const entered = isKnown && isConfirmed ? first : await signInByMail(stack, email);
  expect(entered, `${user.model.standing} ${email}`).toEqual({ token: expect.any(String) });
  if (isKnown && !isConfirmed) {
    const again = await signInWithPassword(stack, { email, password });
    expect(again).toEqual({ token: expect.any(String) });
  }
  return await readLibrary(stack, entered.token ?? "");
}

const hasUsableHash = ({ password }: LegacyUserModel) =>
  password !== "none" && password !== "unsupported";

/** Videos that the legacy system had marked as deleted are not shown. */
function videosOf({ videos }: LegacyUserModel): Library["videos"] {
  const shown = videos.filter(({ state }) => state !== "deleted");
  return Object.fromEntries(
    shown.map(({ videoId, scenes }) => [videoId, scenes.map(({ sceneId }) => sceneId).sort()]),
  );
}

/** Everybody is there; of people with one name all but one have another one that begins like it. */
function expectPeople({ people }: LegacyUserModel, seen: Library["people"]): void {
  expect(Object.keys(seen).sort()).toEqual(people.map(({ personId }) => personId).sort());
  const names = Object.values(seen);
  expect(new Set(names).size).toBe(names.length);
  for (const { name } of people) expect(names).toContain(name);
  for (const { personId, name } of people) {
    const start = [...name].slice(0, [...name].length - " (99)".length).join("");
    expect(seen[personId]?.startsWith(start)).toBe(true);
  }
}

/** Every object has its content under the key with the new id, and none is left under the old. */
async function expectObjects(
  { stack }: LegacyWorld,
  { objects }: WrittenModel,
  map: IdMap,
): Promise<void> {
  const { storage } = adminOf(stack);
  for (const { bucket, key, body } of objects) {
    const newKey = key.replace(
      /^((?:videos|faces)\/)?([0-9a-f-]{36})(?=\/)/,
      (whole, folder, id) => {
        const moved = map.get(id);
        return moved === undefined ? whole : `${folder ?? ""}${moved}`;
      },
    );
    const { data, error } = await storage.from(bucket).download(newKey);
    expect(error, `${bucket}/${newKey}`).toBeNull();
    expect(await data?.text()).toBe(body);
    if (newKey === key) continue;
    expect((await storage.from(bucket).download(key)).data, `${bucket}/${key}`).toBeNull();
  }
}

/** Every object lies under the key it had before. */
export async function expectOldObjects(
  { stack }: LegacyWorld,
  { objects }: WrittenModel,
): Promise<void> {
  const { storage } = adminOf(stack);
  for (const { bucket, key, body } of objects) {
    const { data, error } = await storage.from(bucket).download(key);
    expect(error, `${bucket}/${key}`).toBeNull();
    expect(await data?.text()).toBe(body);
  }
}

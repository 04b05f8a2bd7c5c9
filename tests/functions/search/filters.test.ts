import { beforeAll, describe, expect, test } from "vitest";
import { adminSql } from "../../support/sql.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import { createPerson } from "../people/support.ts";
import { createIndexedVideo } from "../videos/support.ts";
import { captions, find, found } from "./support.ts";

let ada: TestUser;
let short: string;
let long: string;

beforeAll(async () => {
  ada = await createUser({ appMetadata: { tier: "enterprise" } });
  short = await addVideo("Short", 30, "2026-01-10T00:00:00Z");
  long = await addVideo("Long", 3000, "2026-02-10T12:00:00.000001Z");
  await addVideo("Unknown length", null, "2026-03-10T00:00:00Z");
});

async function addVideo(title: string, duration: number | null, created: string): Promise<string> {
  const { video_id } = await createIndexedVideo(ada, {
    title,
    captions: captions(`kettle of ${title}`),
  });
  await adminSql()`
    update public.videos set duration_s = ${duration}, created_at = ${created}::text::timestamptz
    where video_id = ${video_id}`;
  return video_id;
}

/** Puts people into the scenes of a video, by the order of the scenes. */
async function appear(videoId: string, ...people: string[][]): Promise<void> {
  for (const [n, ids] of people.entries()) {
    for (const id of ids) {
      await adminSql()`
        insert into public.scene_people (scene_id, person_id, confidence, frame_count)
        select scene_id, ${id}, ${0.9 - n / 10}, 5 from public.scenes
        where video_id = ${videoId} order by start_s offset ${n} limit 1`;
    }
  }
}

const titles = async (parameters: Record<string, string | number>) =>
  (await find(ada, { q: "kettle", ...parameters })).results.map((hit) => hit.video_title).sort();

describe("filters of the video", () => {
  test.each([
    [{ min_duration: 31 }, ["Long"]],
    [{ max_duration: 3000 }, ["Long", "Short"]],
    [{ min_duration: 30, max_duration: 30 }, ["Short"]],
    [{ min_duration: 5000 }, []],
    [{ created_from: "2026-02-01T00:00:00Z" }, ["Long", "Unknown length"]],
    [{ created_to: "2026-02-10T13:00:00+01:00" }, ["Short"]],
    [{ created_from: "2026-01-10T00:00:00Z", created_to: "2026-01-10T00:00:00Z" }, ["Short"]],
    [{ created_from: "2026-02-01T00:00:00Z", max_duration: 100 }, []],
  ])("%j", async (parameters, expected) => {
    expect(await titles(parameters)).toEqual(expected);
    const metadata = await find(ada, { q: "short or long or length", ...parameters });
    expect(metadata.results.map((hit) => hit.video_title).sort()).toEqual(expected);
  });

  test("one video", async () => {
    expect(await titles({ video_id: short })).toEqual(["Short"]);
    expect(await titles({ video_id: long, max_duration: 30 })).toEqual([]);
  });
});

describe("people", () => {
  let maker: TestUser;
  let mina: string;
  let bob: string;
  let party: string;

  beforeAll(async () => {
    maker = await createUser({ appMetadata: { tier: "enterprise" } });
    [mina, bob] = (await Promise.all([
      createPerson(maker, "김민아"),
      createPerson(maker, "Bob O'Neil"),
    ])).map((person) => person.person_id) as [string, string];
    party = (await createIndexedVideo(maker, {
      title: "Party",
      captions: captions("cake one", "cake two", "cake three", "song four"),
    })).video_id;
    await appear(party, [mina], [mina, bob], [bob], [mina]);
  });

  test("are all in each scene that a filter by several lets through", async () => {
    expect((await found(maker, "cake", { person_id: [mina] })).sort()).toEqual([
      "cake one",
      "cake two",
    ]);
    expect(await found(maker, "cake", { person_id: [mina, bob] })).toEqual(["cake two"]);
    expect(await found(maker, "cake", { person_id: [mina, mina] })).toHaveLength(2);
    expect(await found(maker, "party", { person_id: [bob] })).toEqual(["cake two"]);
  });

  test("of nobody or of another user find nothing", async () => {
    expect(await found(maker, "cake", { person_id: [crypto.randomUUID()] })).toEqual([]);
    const { person_id } = await createPerson(ada, "Carl");
    expect(await found(maker, "cake", { person_id: [person_id] })).toEqual([]);
    expect(await found(ada, "cake", { person_id: [mina] })).toEqual([]);
  });

  test("are found by their names, the surest scene first", async () => {
    const { results } = await find(maker, { q: "bob o'neil", explain: "true" });
    expect(results.map((hit) => [hit.transcript, hit.ranks?.people])).toEqual([
      ["cake two", 1],
      ["cake three", 2],
    ]);
    expect(results[0]?.score).toBe(0.3 / 61);
  });

  test("who are named raise their scenes among those of the other words", async () => {
    const { results } = await find(maker, { q: "김민아가 cake", explain: "true" });
    expect(results.map((hit) => hit.transcript).slice(0, 2).sort()).toEqual([
      "cake one",
      "cake two",
    ]);
    expect(results.map((hit) => hit.transcript).slice(2).sort()).toEqual([
      "cake three",
      "song four",
    ]);
  });

  test("who are both named come first where both appear", async () => {
    const { results } = await find(maker, { q: "김민아 bob o'neil" });
    expect(results[0]?.transcript).toBe("cake two");
    expect(results).toHaveLength(4);
  });

  test("are not named by a part of a word, nor where they must not be", async () => {
    const { person_id } = await createPerson(maker, "Cak");
    await appear(party, [], [], [], [person_id]);
    expect(await found(maker, "cake")).not.toContain("song four");
    expect(await found(maker, "cake -cak")).not.toContain("song four");
  });

  test("who are being deleted are not named any more", async () => {
    const { person_id } = await createPerson(maker, "Zed");
    await appear(party, [person_id]);
    expect(await found(maker, "zed")).toEqual(["cake one"]);
    await adminSql()`
      update public.face_profiles set deleted_at = now() where person_id = ${person_id}`;
    expect(await found(maker, "zed")).toEqual([]);
  });
});

describe("organisations", () => {
  let owner: TestUser;
  let member: TestUser;
  let stranger: TestUser;
  const studio = crypto.randomUUID();

  beforeAll(async () => {
    [owner, member, stranger] = await Promise.all([createUser(), createUser(), createUser()]);
    await adminSql()`
      insert into public.organizations (organization_id, name) values (${studio}, 'Studio')`;
    await adminSql()`
      insert into public.organization_members (organization_id, user_id)
      values (${studio}, ${owner.id}), (${studio}, ${member.id})`;
    await createIndexedVideo(owner, {
      title: "Shared harbour",
      organization_id: studio,
      captions: captions("shared kettle", "빨간 주전자"),
    });
    await createIndexedVideo(owner, { title: "Own", captions: captions("own kettle") });
    await createIndexedVideo(member, { title: "Mine", captions: captions("my kettle") });
  });

  test("show members their scenes beside their own", async () => {
    expect((await found(owner, "kettle")).sort()).toEqual(["own kettle", "shared kettle"]);
    expect((await found(member, "kettle")).sort()).toEqual(["my kettle", "shared kettle"]);
    expect(await found(member, "harbor")).toEqual(["shared kettle"]);
    expect(await found(member, "주전자")).toEqual(["빨간 주전자"]);
    expect(await found(stranger, "kettle or harbour")).toEqual([]);
  });

  test("are a filter", async () => {
    const within = { organization_id: studio };
    expect(await found(owner, "kettle", within)).toEqual(["shared kettle"]);
    expect(await found(member, "kettle or mine", within)).toEqual(["shared kettle"]);
    expect(await found(stranger, "kettle", within)).toEqual([]);
    expect(await found(owner, "kettle", { organization_id: crypto.randomUUID() })).toEqual([]);
  });

  test("are gone at once for who leaves, in the middle of a search too", async () => {
    const first = await find(member, { q: "kettle or 주전자", limit: 1 });
    expect(first.has_more).toBe(true);
    await adminSql()`delete from public.organization_members where user_id = ${member.id}`;
    expect(await found(member, "kettle")).toEqual(["my kettle"]);
    const next = await find(member, { q: "kettle or 주전자", cursor: first.next_cursor ?? "" });
    expect(next.results.map((hit) => hit.transcript)).not.toContain("빨간 주전자");
  });
});

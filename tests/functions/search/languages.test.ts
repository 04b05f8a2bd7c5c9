import { beforeAll, describe, expect, test } from "vitest";
import { call, expectJson } from "../../support/call.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import { createIndexedVideo } from "../videos/support.ts";
import { captions, find, found } from "./support.ts";

let user: TestUser;

const english = "She was running past the boxes";
const german = "Die Häuser am Fluss gingen unter";
const kettle = "빨간 주전자를 닦는다";
const sea = "푸른 바다 위를 달리는 K팝스타";
const cat = "赤いケトルの隣に猫がいる";
const mixed = "오늘은 kettles 세 개를 샀어요";

beforeAll(async () => {
  user = await createUser({ appMetadata: { tier: "enterprise" } });
  await createIndexedVideo(user, { title: "One", language: "en-US", captions: captions(english) });
  await createIndexedVideo(user, { title: "Zwei", language: "de", captions: captions(german) });
  await createIndexedVideo(user, {
    title: "셋",
    language: "ko",
    captions: captions(kettle, sea, mixed),
  });
  await createIndexedVideo(user, { title: "Four", language: "ja-JP", captions: captions(cat) });
});

describe("words of a language", () => {
  test.each([
    ["run", english],
    ["runs box", english],
    ["Haus", german],
    ["flüsse", german],
    ["kettle", mixed],
    ["FLUSS", german],
    ["ＢＯＸ", english],
    ['"running past the box"', english],
  ])("%s is found by its stem", async (q, text) => {
    expect(await found(user, q)).toEqual([text]);
  });

  test("are marked as they stand", async () => {
    const { results } = await find(user, { q: "runs box" });
    expect(results[0]?.highlights).toMatchObject([
      { text: "She was <mark>running</mark> past the <mark>boxes</mark>" },
    ]);
  });

  test("do not make a phrase of a word and the stem behind it", async () => {
    expect(await found(user, '"boxes running"')).toEqual([]);
  });

  test("follow the language of the video when it is corrected", async () => {
    const other = await createUser();
    const { video_id } = await createIndexedVideo(other, {
      title: "Häuser",
      captions: captions(german),
    });
    expect(await found(other, "haus am fluss")).toEqual([]);
    const response = await call(`/videos/${video_id}`, {
      method: "PATCH",
      token: other.accessToken,
      json: { language: "de" },
    });
    await expectJson(response, 200);
    expect(await found(other, "haus am fluss")).toEqual([german]);
    const { results } = await find(other, { q: "haus", explain: "true" });
    expect(results).toMatchObject([{ ranks: { text: 1, metadata: 1 } }]);
  });
});

describe("Hangul, Kana and Han", () => {
  test.each([
    ["주전자", kettle, "주전자"],
    ["주전자를", kettle, "주전자를"],
    ["빨간 주전자", kettle, "빨간"],
    ['"빨간 주전자"', kettle, "빨간"],
    ["빨간주전자", kettle, "빨간 주전자"],
    ["바다위를", sea, "바다 위를"],
    ["바다", sea, "바다"],
    ["팝스타", sea, "팝스타"],
    ["K팝", sea, "팝"],
    ["푸", sea, "푸"],
    ["위", sea, "위"],
    ["猫", cat, "猫"],
    ["ケトル", cat, "ケトル"],
    ["ｹﾄﾙ", cat, "ケトル"],
    ["赤い", cat, "赤い"],
    ["kettle 오늘", mixed, "오늘"],
    ["빨간 -바다", kettle, "빨간"],
  ])("%s is found and marked", async (q, text, mark) => {
    const { results } = await find(user, { q });
    expect(results.map((hit) => hit.transcript)).toEqual([text]);
    expect(results[0]?.highlights[0]?.text).toContain(`<mark>${mark}</mark>`);
  });

  test.each([
    "간주",
    "자바",
    "빨간전자",
    "주전자빨간",
    '"빨간주전자"',
    '"주전자 빨간"',
    "주전차를",
    "바위",
    "빨주",
    "빨간 -주전자",
    "ルケ",
  ])(
    "%s, pairs of other words or in another order, is not found",
    async (q) => {
      expect(await found(user, q)).toEqual([]);
    },
  );

  test("are found in decomposed form too", async () => {
    expect(await found(user, "주전자".normalize("NFD"))).toEqual([kettle]);
  });

  test("are told apart by the language asked for", async () => {
    expect(await found(user, "kettle or run or 猫", { language: "ko" })).toEqual([mixed]);
    expect(await found(user, "kettle or run or 猫", { language: "en" })).toEqual([english]);
    expect(await found(user, "kettle or run or 猫", { language: "ja" })).toEqual([cat]);
    expect(await found(user, "kettle or run or 猫", { language: "fr" })).toEqual([]);
  });
});

describe("a title with a letter wrong", () => {
  let maker: TestUser;

  beforeAll(async () => {
    maker = await createUser({ appMetadata: { tier: "enterprise" } });
    for (const title of ["Kitchen tour", "Kitten at play", "바다의 하루", "Holiday 2025"]) {
      await createIndexedVideo(maker, { title, captions: captions("nothing to see") });
    }
  });

  const titles = async (q: string) =>
    (await find(maker, { q })).results.map((hit) => hit.video_title);

  test.each([
    ["kichen", "Kitchen tour"],
    ["kitchem", "Kitchen tour"],
    ["kiitchen", "Kitchen tour"],
    ["ktichen", "Kitchen tour"],
    ["itchen", "Kitchen tour"],
    ["kichen tuor", "Kitchen tour"],
    ["the kichen", "Kitchen tour"],
    ["kiten", "Kitten at play"],
    ["바디의", "바다의 하루"],
    ["hoilday 2025", "Holiday 2025"],
  ])("%s finds the title", async (q, title) => {
    expect(await titles(q)).toEqual([title]);
  });

  test.each(["kicen", "kitchen2", "holidy 2026", "tor kittchenn", "plax kichen", "kichen -tour"])(
    "%s is too far from every title",
    async (q) => {
      expect(await titles(q)).toEqual([]);
    },
  );

  test("ranks behind every match of a word, and is marked", async () => {
    await createIndexedVideo(maker, { title: "Other", captions: captions("many kitchens") });
    await createIndexedVideo(maker, { title: "Kitchens", captions: captions("no word") });
    await createIndexedVideo(maker, { title: "Kitchin", captions: captions("no word") });
    const { results } = await find(maker, { q: "kitchin", explain: "true" });
    expect(results[0]).toMatchObject({ video_title: "Kitchin", ranks: { metadata: 1 } });
    expect(results.slice(1).map((hit) => [hit.video_title, hit.ranks?.metadata]).sort()).toEqual([
      ["Kitchen tour", expect.any(Number)],
    ]);
    expect(results[1]?.ranks?.metadata).toBeGreaterThan(2000);
    expect(results[1]?.highlights[0]?.text).toBe("<mark>Kitchen</mark> tour · kitchen");
  });
});

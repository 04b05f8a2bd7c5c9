import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { findByPattern } from "../../bench/suites/library/statements.ts";
import { depsWith } from "../support/app.ts";
import { createUser, type TestUser } from "../support/users.ts";
import { captions, find } from "../functions/search/support.ts";
import { createIndexedVideo } from "../functions/videos/support.ts";

const fixtures = new URL("../fixtures/relevance/", import.meta.url);

async function readFixture<T>(name: string, schema: z.ZodType<T>): Promise<T> {
  return schema.parse(JSON.parse(await readFile(new URL(name, fixtures), "utf8")));
}

const videos = await readFixture(
  "videos.json",
  z.record(
    z.string(),
    z.strictObject({
      language: z.string(),
      title: z.string(),
      description: z.string(),
      tags: z.array(z.string()),
      scenes: z.array(z.string()),
    }),
  ),
);

/** A label is "video/scene", or "video" where any scene of it will do; 2 is right, 1 is related. */
const queries = await readFixture(
  "queries.json",
  z.array(z.strictObject({
    language: z.enum(["en", "ko", "ja", "mixed"]),
    q: z.string(),
    relevant: z.record(z.string(), z.int().min(1).max(2)),
  })),
);

const depth = 10;

/** Least mean nDCG@10 of each language. */
const floors = { all: 0.92, en: 0.9, ko: 0.95, ja: 0.8, mixed: 0.9 };

/** Labels of what a search found, best first: "video/scene", or "video" without a scene. */
type Found = string[];

let user: TestUser;
/** Labels by video_id and by scene_id. */
const labels = new Map<string, string>();
const scenesOf = new Map<string, string>();

beforeAll(async () => {
  user = await createUser({ appMetadata: { tier: "enterprise" } });
  for (const [name, { scenes, ...metadata }] of Object.entries(videos)) {
    const video = await createIndexedVideo(user, { ...metadata, captions: captions(...scenes) });
    labels.set(video.video_id, name);
    scenes.forEach((text, number) => scenesOf.set(text, `${name}/${number}`));
  }
});

async function findOurs(q: string): Promise<Found> {
  const { results } = await find(user, { q, limit: depth });
  return results.map(({ transcript, video_id }) => labelOf(transcript, video_id));
}

/** The original's query: the whole text as one pattern, the newest first. */
async function findLike(q: string): Promise<Found> {
  const { database } = depsWith();
  try {
    const rows = await database.asService((sql) =>
      findByPattern(sql, { userId: user.id, q, limit: depth })
    );
    return rows.map(({ transcript, video_id }) => labelOf(transcript, video_id));
  } finally {
    await database.close();
  }
}

function labelOf(transcript: string | null, videoId: string): string {
  const label = scenesOf.get(transcript ?? "") ?? labels.get(videoId);
  if (label === undefined) throw new Error("A scene was found that no fixture has");
  return label;
}

/** Normalised discounted cumulative gain of the first ten; each label counts once. */
function toGain(found: Found, relevant: Record<string, number>): number {
  const left = new Map(Object.entries(relevant));
  const gains = found.map((scene) => {
    const [video = ""] = scene.split("/");
    const label = left.has(scene) ? scene : video;
    const gain = left.get(label) ?? 0;
    left.delete(label);
    return gain;
  });
  const ideal = Object.values(relevant).toSorted((a, b) => b - a).slice(0, depth);
  return discount(gains) / discount(ideal);
}

const discount = (gains: number[]) =>
  gains.reduce((sum, gain, at) => sum + (2 ** gain - 1) / Math.log2(at + 2), 0);

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("the labelled queries", () => {
  test("are sixty or more and name scenes that are there", () => {
    expect(queries.length).toBeGreaterThanOrEqual(60);
    for (const label of queries.flatMap(({ relevant }) => Object.keys(relevant))) {
      const [video = "", scene] = label.split("/");
      expect(videos, label).toHaveProperty([video]);
      if (scene !== undefined) expect(videos[video]?.scenes[Number(scene)], label).toBeDefined();
    }
  });

  test("find what a person means, far better than LIKE", { timeout: 120_000 }, async () => {
    const results: { language: string; q: string; ours: number; like: number }[] = [];
    for (const { language, q, relevant } of queries) {
      const ours = toGain(await findOurs(q), relevant);
      const like = toGain(await findLike(q), relevant);
      results.push({ language, q, ours, like });
    }
    const summary = Object.entries(floors).map(([language, floor]) => {
      const those = results.filter((one) => language === "all" || one.language === language);
      const [ours, like] = [mean(those.map((one) => one.ours)), mean(those.map((one) => one.like))];
      return { language, queries: those.length, ours, like, ratio: ours / like, floor };
    });
    for (const { language, queries, ours, like, ratio } of summary) {
      process.stdout.write(
        `nDCG@${depth} ${language} (${queries} queries): ours ${ours.toFixed(3)}, ` +
          `LIKE ${like.toFixed(3)}, ratio ${ratio.toFixed(2)}\n`,
      );
    }
    const poor = results.filter((one) => one.ours < 0.8).map(({ q, ours }) => [q, ours.toFixed(2)]);
    process.stdout.write(`below 0.8: ${JSON.stringify(poor)}\n`);
    for (const { language, ours, floor } of summary) {
      expect(ours, language).toBeGreaterThanOrEqual(floor);
    }
    expect(summary[0]?.ratio).toBeGreaterThanOrEqual(2);
  });
});

import { firstScene, harbour, secondScene } from "./story.ts";
import type { FunctionExamples } from "./types.ts";

const answer = {
  query: "blue containers",
  search_type: "text",
  results: [{
    scene_id: secondScene,
    video_id: harbour,
    video_title: "Harbour at dawn",
    start_s: 1.25,
    end_s: 2.75,
    timecode: "00:00:01.250",
    transcript: "Two cranes lift the blue containers",
    highlights: [{
      text: "Two cranes lift the <mark>blue</mark> <mark>containers</mark>",
      start_s: 1.25,
      timecode: "00:00:01.250",
    }],
    score: 0.0164,
  }],
  next_cursor: null,
  has_more: false,
};

const hit = {
  ...answer.results[0],
  scene_id: firstScene,
  ranks: { text: 1, metadata: 1, people: null, vector: null },
};

const problems = ["feature_disabled"] as const;

export const search: FunctionExamples = {
  getSearch: { responses: { 200: answer }, problems },
  postSearch: {
    request: { q: "blue containers", limit: 10, explain: true },
    responses: { 200: { ...answer, results: [hit] } },
    problems,
  },
};

import {
  captain,
  downloadUrl,
  firstScene,
  harbour,
  mina,
  person,
  photoPath,
  token,
  uploadUrl,
} from "./story.ts";
import type { FunctionExamples } from "./types.ts";

const missing = ["person_not_found"] as const;
const faceProblems = [
  "person_not_found",
  "consent_required",
  "feature_disabled",
] as const;

export const people: FunctionExamples = {
  listPeople: {
    responses: {
      200: { people: [person], next_cursor: null, has_more: false },
    },
    problems: ["rate_limited"],
  },
  createPerson: {
    request: { name: "Captain Han" },
    responses: { 201: { ...person, photo_count: 0 } },
    problems: ["person_exists"],
  },
  getPerson: { responses: { 200: person }, problems: missing },
  renamePerson: {
    request: { name: "Captain Han" },
    responses: { 200: person },
    problems: [...missing, "person_exists"],
  },
  deletePerson: { responses: { 204: null }, problems: missing },
  createPhoto: {
    request: { content_type: "image/png", size_bytes: 70 },
    responses: {
      201: {
        upload_url: uploadUrl("uploads", photoPath),
        token,
        bucket: "uploads",
        path: photoPath,
        photo_key: photoPath,
        expires_in: 7200,
      },
    },
    problems: [...faceProblems, "photo_limit_reached"],
  },
  completePhoto: {
    request: { photo_key: photoPath },
    responses: {
      202: {
        person_id: captain,
        photo_count: 1,
        message: "The photo belongs to the person",
      },
    },
    problems: [
      ...faceProblems,
      "photo_not_found",
      "photo_limit_reached",
      "upload_missing",
      "upload_mismatch",
    ],
  },
  mergePeople: {
    request: { into: captain },
    responses: { 200: { ...person, photo_count: 2 } },
    problems: missing,
  },
  listPersonScenes: {
    responses: {
      200: {
        scenes: [{
          scene_id: firstScene,
          video_id: harbour,
          video_title: "Harbour at dawn",
          start_s: 0,
          end_s: 1,
          transcript: "Good morning, this is the harbour",
          thumbnail_url: downloadUrl("thumbnails", `${mina}/${harbour}/${firstScene}.jpg`),
          confidence: 0.93,
          frame_count: 24,
        }],
        next_cursor: null,
        has_more: false,
      },
    },
    problems: missing,
  },
  putFaceVector: {
    request: { vector: new Uint8Array(2048).fill(63).toBase64() },
    responses: { 204: null },
    problems: faceProblems,
  },
};

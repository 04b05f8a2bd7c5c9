import {
  captain,
  downloadUrl,
  firstScene,
  harbour,
  job,
  lease,
  mina,
  revision,
  secondScene,
  token,
  uploadPath,
  uploadUrl,
  video,
} from "./story.ts";
import type { FunctionExamples } from "./types.ts";

const thumbnailPath = `${mina}/${harbour}/${firstScene}.jpg`;
const sidecarPath = `${mina}/${harbour}.json`;
const leaseUntil = "2026-11-22T10:10:40.000Z";

const captions = `WEBVTT

00:00.000 --> 00:01.000
Good morning, this is the harbour

00:01.250 --> 00:02.750
Two cranes lift the blue containers
`;

const workerProblems = [
  "job_not_found",
  "lease_lost",
  "job_cancelled",
] as const;

export const videos: FunctionExamples = {
  initUpload: {
    request: {
      filename: "harbour.mp4",
      mime_type: "video/mp4",
      size_bytes: 12_693,
      title: "Harbour at dawn",
      tags: ["harbour"],
    },
    responses: {
      201: {
        video_id: harbour,
        bucket: "uploads",
        path: uploadPath,
        token,
        upload_url: uploadUrl("uploads", uploadPath),
        expires_in: 7200,
      },
    },
    problems: [
      "organization_not_found",
      "idempotency_conflict",
      "video_state_conflict",
      "upload_quota_exceeded",
    ],
  },
  completeUpload: {
    request: { video_id: harbour },
    responses: {
      202: {
        video_id: harbour,
        state: "validating",
        message: "The upload has arrived and is being checked",
      },
    },
    problems: [
      "video_not_found",
      "upload_missing",
      "video_state_conflict",
      "upload_mismatch",
    ],
  },
  listVideos: {
    responses: { 200: { videos: [video], next_cursor: null, has_more: false } },
    problems: ["rate_limited"],
  },
  getVideo: { responses: { 200: video }, problems: ["video_not_found"] },
  getVideoStatus: {
    responses: {
      200: {
        video_id: harbour,
        state: "processing",
        error_text: null,
        jobs: [{
          job_id: job,
          stage: "asr_fast",
          state: "running",
          progress: 0.4,
          error_text: null,
          started_at: "2026-11-22T10:05:40.000Z",
          finished_at: null,
        }],
      },
    },
    problems: ["video_not_found"],
  },
  listScenes: {
    responses: {
      200: {
        scenes: [{
          scene_id: firstScene,
          video_id: harbour,
          start_s: 0,
          end_s: 1,
          transcript: "Good morning, this is the harbour",
          thumbnail_url: downloadUrl("thumbnails", thumbnailPath),
          people: [{
            person_id: captain,
            name: "Captain Han",
            confidence: 0.93,
          }],
        }, {
          scene_id: secondScene,
          video_id: harbour,
          start_s: 1.25,
          end_s: 2.75,
          transcript: "Two cranes lift the blue containers",
          thumbnail_url: null,
          people: [],
        }],
        next_cursor: null,
        has_more: false,
      },
    },
    problems: ["video_not_found"],
  },
  updateVideo: {
    request: {
      title: "Harbour at dawn",
      description: null,
      tags: ["harbour", "cranes"],
    },
    responses: {
      200: { ...video, description: null, tags: ["harbour", "cranes"] },
    },
    problems: ["video_not_found", "forbidden"],
  },
  deleteVideo: { responses: { 204: null }, problems: ["video_not_found"] },
  putCaptions: {
    request: captions,
    responses: { 200: video },
    problems: ["video_not_found", "video_state_conflict", "captions_invalid"],
  },
  claimJob: {
    request: { stages: ["asr_fast"], lease_seconds: 300, worker: "gpu-7" },
    responses: {
      200: {
        job: {
          job_id: job,
          lease_id: lease,
          lease_until: leaseUntil,
          stage: "asr_fast",
          attempt: 1,
          video: {
            video_id: harbour,
            language: "en",
            mime_type: "video/mp4",
            size_bytes: 12_693,
            duration_s: null,
            scenes_from: null,
            download_url: downloadUrl("uploads", uploadPath),
          },
        },
      },
      204: null,
    },
  },
  progressJob: {
    request: {
      lease_id: lease,
      progress: 0.5,
      message: "Half of the sound is heard",
    },
    responses: {
      200: {
        job_id: job,
        state: "running",
        progress: 0.5,
        lease_until: leaseUntil,
      },
    },
    problems: workerProblems,
  },
  completeJob: {
    request: {
      lease_id: lease,
      next_stages: ["scene_detect"],
      video: { duration_s: 3 },
    },
    responses: {
      200: {
        job_id: job,
        state: "completed",
        video_state: "processing",
        next_stages: ["scene_detect"],
      },
    },
    problems: workerProblems,
  },
  failJob: {
    request: { lease_id: lease, error: "The file has no sound", retry: false },
    responses: {
      200: {
        job_id: job,
        state: "failed",
        video_state: "failed",
        attempts: 1,
        retry_at: null,
      },
    },
    problems: workerProblems,
  },
  createJobUploads: {
    request: { lease_id: lease, scene_ids: [firstScene], sidecar: true },
    responses: {
      201: {
        thumbnails: [{
          scene_id: firstScene,
          bucket: "thumbnails",
          path: thumbnailPath,
          token,
          upload_url: uploadUrl("thumbnails", thumbnailPath),
        }],
        sidecar: {
          bucket: "sidecars",
          path: sidecarPath,
          token,
          upload_url: uploadUrl("sidecars", sidecarPath),
        },
        expires_in: 7200,
      },
    },
    problems: workerProblems,
  },
  putScenes: {
    request: {
      lease_id: lease,
      revision,
      part: 1,
      final: true,
      parts: 1,
      scenes: [{
        scene_id: firstScene,
        start_s: 0,
        end_s: 1,
        transcript: "Good morning, this is the harbour",
        language: "en",
        vision_tags: ["harbour", "crane"],
        people: [{ person_id: captain, confidence: 0.93, frame_count: 24 }],
      }],
    },
    responses: {
      200: {
        video_id: harbour,
        revision,
        part: 1,
        scenes: 1,
        swapped: true,
        total_scenes: 1,
        vectors_stored: true,
      },
    },
    problems: [
      "video_not_found",
      "person_not_found",
      "lease_lost",
      "job_cancelled",
      "revision_conflict",
      "parts_missing",
    ],
  },
};

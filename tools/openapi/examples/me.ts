import { downloadUrl, exportId, mina, profile } from "./story.ts";
import type { FunctionExamples } from "./types.ts";

const requestedAt = "2026-11-22T18:15:00.000Z";

export const me: FunctionExamples = {
  getProfile: { responses: { 200: profile } },
  updateProfile: {
    request: {
      display_name: "Mina Park",
      preferences: { theme: "dark", autoplay: null },
    },
    responses: { 200: { ...profile, refresh_required: true } },
    problems: ["metadata_too_large"],
  },
  getUsage: {
    responses: {
      200: {
        tier: "free",
        uploads_today: 1,
        uploads_per_day: 3,
        can_upload: true,
        uploads_reset_at: "2026-11-23T00:00:00.000Z",
        videos: 1,
        people: 1,
        scenes: 2,
        storage_bytes: 12_693,
      },
    },
    problems: ["rate_limited"],
  },
  requestExport: {
    responses: {
      202: { export_id: exportId, state: "pending", requested_at: requestedAt },
    },
    problems: ["rate_limited"],
  },
  getExport: {
    responses: {
      200: {
        export_id: exportId,
        state: "completed",
        requested_at: requestedAt,
        started_at: "2026-11-22T18:15:20.000Z",
        finished_at: "2026-11-22T18:15:23.000Z",
        expires_at: "2026-11-29T18:15:23.000Z",
        reason: null,
        files: [{
          name: "heimdex-export.zip",
          size_bytes: 482_113,
          sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
          url: downloadUrl("exports", `${mina}/${exportId}/heimdex-export.zip`),
          expires_at: "2026-11-22T19:20:00.000Z",
        }],
      },
    },
    problems: ["export_not_found"],
  },
};

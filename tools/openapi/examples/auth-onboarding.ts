import { erasureId, profile, session } from "./story.ts";
import type { FunctionExamples } from "./types.ts";

const credentials = {
  email: "mina@example.com",
  password: "correct horse battery staple",
};
const mail = {
  email: "mina@example.com",
  redirect_to: "https://app.example.com/welcome",
};
const signInProblems = [
  "email_not_confirmed",
  "user_banned",
  "rate_limited",
] as const;

const erasure = {
  erasure_id: erasureId,
  requested_at: "2026-11-22T12:00:00.000Z",
  effective_at: "2026-11-22T12:00:00.000Z",
};

export const authOnboarding: FunctionExamples = {
  register: {
    request: { ...credentials, display_name: "Mina Park" },
    responses: {
      201: session,
      202: {
        message: "If this address can be registered, a confirmation mail is on its way",
      },
    },
    problems: ["weak_password", "feature_disabled", "rate_limited"],
  },
  login: {
    request: credentials,
    responses: { 200: session },
    problems: ["invalid_credentials", ...signInProblems],
  },
  refresh: {
    request: { refresh_token: session.refresh_token },
    responses: { 200: session },
    problems: ["refresh_token_invalid", "user_banned", "rate_limited"],
  },
  logout: { request: { scope: "local" }, responses: { 204: null } },
  sendPasswordReset: {
    request: mail,
    responses: {
      202: {
        message: "If an account with this address exists, a mail with a reset link is on its way",
      },
    },
    problems: ["rate_limited"],
  },
  updatePassword: {
    request: { password: "battery staple correct horse" },
    responses: { 204: null },
    problems: [
      "reauthentication_required",
      "code_invalid",
      "invalid_credentials",
      "insufficient_aal",
      "weak_password",
      "same_password",
    ],
  },
  sendMagicLink: {
    request: mail,
    responses: {
      202: {
        message: "If an account with this address exists, a mail with a sign-in link is on its way",
      },
    },
    problems: ["rate_limited"],
  },
  verify: {
    request: { type: "signup", email: "mina@example.com", token: "123456" },
    responses: {
      200: session,
      202: {
        message: "Confirmed, now follow the link in the mail to the other address",
      },
    },
    problems: ["code_invalid", "user_banned", "rate_limited"],
  },
  completeOnboarding: {
    request: {
      industry: "Shipping",
      job_title: "Archivist",
      email_consent: true,
    },
    responses: { 200: { ...profile, refresh_required: true } },
    problems: ["metadata_too_large"],
  },
  getErasurePreview: {
    problems: ["rate_limited"],
    responses: {
      200: {
        videos: { count: 1, bytes: 12_693 },
        scenes: { count: 2 },
        people: { count: 1 },
        photos: { count: 1, bytes: 70 },
        files: {
          uploads: { count: 2, bytes: 12_763 },
          thumbnails: { count: 0, bytes: 0 },
        },
        tables: {
          "public.videos": 1,
          "public.scenes": 2,
          "public.face_profiles": 1,
        },
        organization_videos: { count: 0, bytes: 0 },
        blocked_by: [],
        confirmation: "password",
        second_factor_required: false,
      },
    },
  },
  deleteAccount: {
    request: { password: credentials.password },
    responses: {
      202: {
        erasure_id: erasureId,
        state: "pending",
        effective_at: erasure.effective_at,
        status_token: `erasure_${"example".repeat(6)}s`,
      },
    },
    problems: [
      "invalid_password",
      "reauthentication_required",
      "insufficient_aal",
      "last_admin",
      "rate_limited",
    ],
  },
  getErasure: {
    responses: {
      200: {
        ...erasure,
        state: "provisional",
        provisional_at: "2026-11-22T12:00:04.000Z",
        late_sweep_at: "2026-11-22T14:05:04.000Z",
        finished_at: null,
        counts: {
          before: {
            tables: { "public.videos": 1, "public.scenes": 2 },
            buckets: { uploads: { objects: 2, bytes: 12_763 } },
          },
          after: {
            tables: { "public.videos": 0, "public.scenes": 0 },
            buckets: { uploads: { objects: 0, bytes: 0 } },
          },
        },
      },
    },
    problems: ["erasure_not_found"],
  },
  cancelErasure: {
    responses: {
      200: {
        ...erasure,
        effective_at: "2026-12-01T09:00:00.000Z",
        state: "cancelled",
        provisional_at: null,
        late_sweep_at: null,
        finished_at: null,
      },
    },
    problems: ["erasure_not_found", "erasure_not_cancellable"],
  },
};

/** The one story that all examples tell: Mina, her film of a harbour and the captain in it. */
export const mina = "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11";
export const harbour = "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31";
export const firstScene = "7b7a9f0c-2d5e-4c1a-9b7e-1f2a3b4c5d6e";
export const secondScene = "8c8b0a1d-3e6f-4d2b-8c8f-2a3b4c5d6e7f";
export const captain = "b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d";
export const exportId = "0c8f3a57-51f4-4f1c-9c55-0d3d0d3f7a11";
export const erasureId = "3f9d1c5e-6b7a-4e8f-a0b1-c2d3e4f5a6b7";
export const job = "d4c3b2a1-0f9e-4d8c-b7a6-958473625140";
export const lease = "e5d4c3b2-1a0f-4e9d-8cb7-a69584736251";
export const revision = "f6e5d4c3-2b1a-4f0e-9dc8-b7a695847362";

const origin = "https://project.supabase.co/storage/v1/object";
// Shorter than a real one and never valid.
export const token = "example.of-a.token";

export const uploadPath = `videos/${mina}/${harbour}.mp4`;
export const photoPath = `faces/${mina}/${captain}/photo_1795341600000.png`;

/** A signed URL to upload to. */
export function uploadUrl(bucket: string, path: string): string {
  return `${origin}/upload/sign/${bucket}/${path}?token=${token}`;
}

/** A signed URL to read from. */
export function downloadUrl(bucket: string, path: string): string {
  return `${origin}/sign/${bucket}/${path}?token=${token}`;
}

export const profile = {
  id: mina,
  email: "mina@example.com",
  email_verified: true,
  display_name: "Mina Park",
  onboarding_completed: true,
  industry: "Shipping",
  job_title: "Archivist",
  email_consent: true,
  preferences: { theme: "dark" },
  tier: "free",
  created_at: "2026-11-22T10:00:00.000Z",
};

export const session = {
  access_token: token,
  token_type: "bearer",
  expires_in: 3600,
  refresh_token: "v1a2b3c4d5e6",
  user: profile,
};

export const video = {
  video_id: harbour,
  user_id: mina,
  organization_id: null,
  title: "Harbour at dawn",
  description: "Cranes and containers before the first ship",
  tags: ["harbour"],
  filename: "harbour.mp4",
  language: "en",
  mime_type: "video/mp4",
  size_bytes: 12_693,
  duration_s: 3,
  state: "indexed",
  error_text: null,
  thumbnail_url: downloadUrl("thumbnails", `${mina}/${harbour}/${firstScene}.jpg`),
  created_at: "2026-11-22T10:05:00.000Z",
  indexed_at: "2026-11-22T10:06:10.000Z",
};

export const person = {
  person_id: captain,
  user_id: mina,
  name: "Captain Han",
  photo_count: 1,
  created_at: "2026-11-22T10:10:00.000Z",
};

import { describe, expect, test } from "vitest";
import {
  sidecarKey,
  thumbnailKey,
  userPrefixes,
  videoKey,
  videoMimeTypes,
} from "../../../shared/storage/keys.ts";

describe("object keys", () => {
  test.each(
    [
      ["video/mp4", "mp4"],
      ["video/quicktime", "mov"],
      ["video/x-msvideo", "avi"],
      ["video/x-matroska", "mkv"],
      ["video/webm", "webm"],
    ] as const,
  )("a video of type %s ends in .%s", (mimeType, extension) => {
    expect(videoKey("u", "v", mimeType)).toBe(`videos/u/v.${extension}`);
  });

  test("thumbnails and sidecars lie under user and video", () => {
    expect(thumbnailKey("u", "v", "s")).toBe("u/v/s.jpg");
    expect(sidecarKey("u", "v")).toBe("u/v.json");
  });

  test("every key of a user lies under one of the user's prefixes", () => {
    const prefixes = userPrefixes("u");
    const keys = [
      { bucket: "uploads", key: videoKey("u", "v", "video/mp4") },
      { bucket: "uploads", key: "faces/u/p/photo_1.jpg" },
      { bucket: "thumbnails", key: thumbnailKey("u", "v", "s") },
      { bucket: "sidecars", key: sidecarKey("u", "v") },
    ];
    for (const { bucket, key } of keys) {
      expect(prefixes.some((p) => p.bucket === bucket && key.startsWith(p.prefix))).toBe(true);
    }
    expect(userPrefixes("u1").some((p) => `videos/u10/v.mp4`.startsWith(p.prefix))).toBe(false);
  });

  test("five video types are allowed", () => {
    expect(videoMimeTypes).toHaveLength(5);
  });
});

import { describe, expect, test } from "vitest";
import { findUploadFault } from "../../../supabase/functions/videos/videos.ts";

describe("upload check", () => {
  const announced = { mime_type: "video/mp4", size_bytes: 10 };

  test("passes what was announced", () => {
    expect(findUploadFault({ size: 10, contentType: "video/mp4" }, announced)).toBeUndefined();
  });

  test("names every difference", () => {
    expect(findUploadFault({ size: 9, contentType: "" }, announced)).toMatch(
      /9 bytes.*and its type is ""/,
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  photoExtensions,
  photoKey,
  photoMimeTypes,
  readPhotoKey,
} from "../../../shared/storage/keys.ts";

const userId = "7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a";
const personId = "c1f6b1d2-0b0e-4c55-8f0e-52d1ad7f9a10";
const owner = { userId, personId };

describe("photoKey", () => {
  it("names user, person, UTC time to the millisecond and type", () => {
    const time = new Date("2026-03-04T05:06:07.089+09:00");
    expect(photoKey({ ...owner, time, random: "0123abcd", mimeType: "image/jpeg" }))
      .toBe(`faces/${userId}/${personId}/photo_20260303200607089-0123abcd.jpg`);
  });
});

describe("readPhotoKey", () => {
  it("reads the type of every key that photoKey makes", () => {
    fc.assert(fc.property(
      fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }),
      fc.constantFrom(...photoMimeTypes),
      fc.uuid(),
      (time, mimeType, uuid) => {
        const key = photoKey({ ...owner, time, random: uuid.slice(0, 8), mimeType });
        expect(readPhotoKey(key, owner)).toBe(mimeType);
        expect(readPhotoKey(key, { userId, personId: userId })).toBeUndefined();
        expect(readPhotoKey(key, { userId: personId, personId })).toBeUndefined();
      },
    ));
  });

  const folder = `faces/${userId}/${personId}/`;
  it.each([
    "",
    folder,
    `${folder}photo_20260304050607089-0123abcd`,
    `${folder}photo_20260304050607089-0123abcd.webp`,
    `${folder}photo_20260304050607089-0123abcd.png/../../x.png`,
    `${folder}photo_20260304050607089-0123abcd.png\n`,
    `${folder}photo_2026-0123abcd.png`,
    `${folder}portrait.png`,
    `/${folder}photo_20260304050607089-0123abcd.png`,
    `videos/${userId}/${personId}/photo_20260304050607089-0123abcd.png`,
  ])("knows no photo in %j", (key) => {
    expect(readPhotoKey(key, owner)).toBeUndefined();
  });

  it("has an extension for each type it takes", () => {
    expect(Object.values(photoExtensions).sort()).toEqual(["jpg", "png"]);
  });
});

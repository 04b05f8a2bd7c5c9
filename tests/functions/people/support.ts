import { expect } from "vitest";
import {
  type Person,
  personSchema,
  photoTicketSchema,
} from "../../../supabase/functions/people/schemas.ts";
import { call, expectJson } from "../../support/call.ts";
import { createUser, type TestUser } from "../../support/users.ts";

/** A real picture of one transparent pixel. */
export const png = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
);

/** Gives or withdraws the consent to face enrollment as an app would. */
export async function decideOnFaces(user: TestUser, consent: boolean): Promise<void> {
  const json = { face_consent: consent };
  await expectJson(await call("/me", { method: "PATCH", token: user.accessToken, json }), 200);
}

/** A user whose people may have photos. */
export async function createConsentingUser(): Promise<TestUser> {
  const user = await createUser();
  await decideOnFaces(user, true);
  return user;
}

export async function createPerson(user: TestUser, name: string): Promise<Person> {
  const response = await call("/people", { token: user.accessToken, json: { name } });
  return personSchema.parse(await expectJson(response, 201));
}

export async function requestUpload(user: TestUser, personId: string, contentType = "image/png") {
  const response = await call(`/people/${personId}/photos`, {
    token: user.accessToken,
    json: { content_type: contentType },
  });
  return photoTicketSchema.parse(await expectJson(response, 201));
}

/** Uploads with supabase-js and the token of the ticket, as an app would. */
export async function upload(
  user: TestUser,
  ticket: { bucket: string; path: string; token: string },
  bytes: Uint8Array<ArrayBuffer> = png,
  contentType = "image/png",
): Promise<void> {
  const { error } = await user.client.storage.from(ticket.bucket)
    .uploadToSignedUrl(ticket.path, ticket.token, bytes, { contentType });
  expect(error).toBeNull();
}

export function completePhoto(
  user: TestUser,
  personId: string,
  photoKey: string,
): Promise<Response> {
  return call(`/people/${personId}/photos/complete`, {
    token: user.accessToken,
    json: { photo_key: photoKey },
  });
}

/** A person's photo all the way: ticket, upload, completion. */
export async function addPhoto(user: TestUser, personId: string): Promise<string> {
  const ticket = await requestUpload(user, personId);
  await upload(user, ticket);
  await expectJson(await completePhoto(user, personId, ticket.photo_key), 202);
  return ticket.photo_key;
}

/** README.txt of an export: what is in it and how the user gets the files themselves. */
export function readmeText(o: { exportId: string; requestedAt: Date }): string {
  return `Your data at Heimdex
====================

Export ${o.exportId}, asked for at ${o.requestedAt.toISOString()}.

profile.json     what the sign-in service knows of you: addresses, profile, identities, times
*.ndjson         one file for each kind of record, one JSON object a line
objects.ndjson   the files stored for you: bucket, key, size in bytes, content type, time
manifest.json    the number of records, the size and the SHA-256 of each file

A large export comes in several zips. manifest.json is in the last one and names the part in which
each file lies. A kind of record that began in one part goes on in the next one under a name with a
number: scenes.ndjson, scenes-2.ndjson. Records were read one page after the other while your account
was in use, so a change made meanwhile may be in one file and not yet in another.

Getting the files themselves
----------------------------

The videos, photos and pictures are not inside the zip. While you have an account, each line of
objects.ndjson can be downloaded from the API at which you sign in:

  GET {API}/storage/v1/object/authenticated/{bucket}/{key}
  apikey: {publishable key of the app}
  Authorization: Bearer {your access token}

{API} and the publishable key are those of the app you use. An access token is what signing in
answers: POST {API}/functions/v1/auth-onboarding/login.
`;
}

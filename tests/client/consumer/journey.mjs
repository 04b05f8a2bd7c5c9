// The same journey in Node, in Deno and in a browser, on the packed client.

const captions = `WEBVTT

00:00.000 --> 00:01.000
Good morning, this is the harbour

00:01.250 --> 00:02.750
Two cranes lift the blue containers
`;

/**
 * `client` is the module @heimdex/client. Signs in, onboards, uploads, reads lists page by page, searches, is refused, cleans up. Returns
 * what was seen, for the test to compare; `tell` hears of each step.
 */
export async function runJourney(
  { client, supabase, credentials, video, photo, withRefusals = true, tell = () => {} },
) {
  const heimdex = client.createHeimdexClient(supabase);
  const seen = {};

  const session = await heimdex.auth.login(credentials);
  tell("signed in");
  seen.signedInAs = session.user.email === credentials.email;

  await heimdex.auth.completeOnboarding({
    industry: "Shipping",
    job_title: "Archivist",
    email_consent: true,
  });
  const me = await heimdex.me.update({ face_consent: true, preferences: { theme: "dark" } });
  // From the token alone: only a session that was refreshed knows it.
  const profile = await heimdex.me.get();
  tell("onboarded");
  seen.profile = [me.refresh_required, profile.industry, profile.preferences.theme];

  const progress = [];
  const { video_id: id, state } = await heimdex.videos.upload(video, {
    filename: "harbour.mp4",
    title: "Harbour at dawn",
    tags: ["harbour"],
    onProgress: ({ sent, total }) => progress.push(sent / total),
  });
  tell("uploaded");
  seen.upload = [state, progress[0], progress.at(-1)];
  seen.progressGrows = progress.every((part, i) => i === 0 || part >= progress[i - 1]);

  const indexed = await heimdex.videos.putCaptions(id, captions, { language: "en" });
  const scenes = await heimdex.videos.scenes(id, { limit: 1 }).toArray();
  tell("captioned");
  seen.scenes = [indexed.state, ...scenes.map((scene) => scene.start_s)];

  const people = {};
  for (const name of ["Captain Han", "Minji", "Bora"]) {
    people[name] = await heimdex.people.create(name);
  }
  const names = [];
  for await (const person of heimdex.people.list({ limit: 2 })) names.push(person.name);
  const photos = await heimdex.people.addPhoto(people["Captain Han"].person_id, photo);
  tell("named people");
  seen.people = [...names, photos.photo_count];

  const hits = await heimdex.search("blue containers").toArray();
  tell("searched");
  seen.hits = hits.map((hit) => hit.timecode);

  if (withRefusals) await meetRefusals(client, heimdex, id, seen);

  await heimdex.videos.delete(id);
  await heimdex.auth.logout({ scope: "local" });
  seen.signedOut = (await supabase.auth.getSession()).data.session;
  tell("signed out");
  return seen;
}

async function meetRefusals({ isProblem }, heimdex, id, seen) {
  const refusalOf = (call) => readRefusal(isProblem, call);
  seen.refusal = await refusalOf(heimdex.people.create("Bora"));
  const untyped = heimdex.call("updateVideo", { path: { id }, body: { title: 7 } });
  seen.invalid = await refusalOf(untyped);
  const stranger = crypto.randomUUID();
  seen.missing = await refusalOf(heimdex.videos.get(stranger));
}

async function readRefusal(isProblem, call) {
  try {
    await call;
  } catch (error) {
    if (!isProblem(error)) throw error;
    const { name, status, code, requestId, fields } = error;
    return [name, status, code, /^[\w-]{8,}$/.test(requestId), fields.map((field) => field.path)];
  }
  return "no refusal";
}

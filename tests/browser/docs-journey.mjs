import { check } from "./check.mjs";

const captions = "WEBVTT\n\n00:00.000 --> 00:02.000\nTwo cranes lift the blue containers\n";

/** The main job through the API reference, by hand as a reader of it would. */
export async function runDocsJourney({ page, url, clip, shoot, tell }) {
  await page.goto(`${url}/docs`);
  await page.locator(".opblock").first().waitFor();
  await shoot("docs");
  await page.getByRole("button", { name: "Sign in as a demo user" }).click();
  await page.getByRole("status").filter({ hasText: "Signed in as demo@heimdex.test" }).waitFor();
  tell("one click signs in the demo user");

  const me = await tryOut(page, "me", "getProfile");
  check(me.status === 200 && me.body.display_name === "Demo", "The profile is not the demo user's");
  await shoot("profile");
  const onboarded = await tryOut(page, "auth-onboarding", "completeOnboarding");
  check(onboarded.body.refresh_required === true, "The onboarding was not completed");
  const fresh = await eventually(async () => {
    const { body } = await tryOut(page, "me", "getProfile");
    return body.industry === "Shipping";
  });
  check(fresh, "The page did not refresh the session after the onboarding");
  tell("the onboarding refreshes the session of the page");

  const ticket = await tryOut(page, "videos", "initUpload");
  check(ticket.status === 201, "The upload was not announced");
  await page.setInputFiles("#file", clip);
  await page.locator("#upload-result", { hasText: "have arrived" }).waitFor();
  await shoot("upload");
  const { video_id: id } = ticket.body;
  const completed = await tryOut(page, "videos", "completeUpload", {
    body: JSON.stringify({ video_id: id }),
  });
  check(completed.status === 202, `Completing answered ${completed.status}`);
  const captioned = await tryOut(page, "videos", "putCaptions", { id, body: captions });
  check(captioned.body.state === "indexed", "The captions were not taken");
  const listed = await tryOut(page, "videos", "listVideos");
  check(listed.body.videos.some((video) => video.video_id === id), "The list lacks the video");
  tell("a video is uploaded, captioned and listed");

  const person = await tryOut(page, "people", "createPerson");
  check(person.status === 201, `Naming a person answered ${person.status}`);
  const found = await tryOut(page, "search", "getSearch", { parameters: { q: "blue containers" } });
  check(found.body.results[0]?.video_id === id, "The search did not find the scene");
  await shoot("search");
  tell("a search finds its scene");

  const preview = await tryOut(page, "auth-onboarding", "getErasurePreview");
  check(preview.body.videos.count === 1, "The preview of the deletion lacks the video");
  const deletion = await tryOut(page, "auth-onboarding", "deleteAccount", { body: "{}" });
  check(deletion.status === 202, `The deletion answered ${deletion.status}`);
  await shoot("deletion");
  tell("the account is deleted");
}

/** Opens an operation, fills it in, executes it and reads the answer off the page. */
async function tryOut(page, tag, operation, { id, parameters = {}, body } = {}) {
  const block = page.locator(`#operations-${tag}-${operation}`);
  if (await block.locator(".opblock-body").count() === 0) {
    await block.locator(".opblock-summary-control").click();
  }
  const values = { ...parameters, ...id === undefined ? {} : { id } };
  for (const [name, value] of Object.entries(values)) {
    await block.locator(`tr[data-param-name="${name}"] input`).fill(value);
  }
  if (body !== undefined) await block.locator("textarea.body-param__text").fill(body);
  await block.getByRole("button", { name: "Execute" }).click();
  // The former answer stays on the page until the next has come.
  await block.locator(".loading-container").waitFor({ state: "detached" });
  const answer = block.locator(".live-responses-table");
  await answer.waitFor();
  await answer.scrollIntoViewIfNeeded();
  const status = await answer.locator("tbody .response-col_status").first().innerText();
  await answer.locator(".highlight-code").first().scrollIntoViewIfNeeded();
  const text = await answer.locator(".highlight-code code").first().innerText();
  return { status: parseInt(status), body: JSON.parse(text) };
}

async function eventually(attempt) {
  for (let i = 0; i < 20; i++) {
    if (await attempt()) return true;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return false;
}

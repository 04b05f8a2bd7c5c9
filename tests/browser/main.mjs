// The journey in a real browser: through /docs, and by an app on the packed client.
import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { runClientJourney } from "./client-journey.mjs";
import { runDocsJourney } from "./docs-journey.mjs";
import { findBrowser } from "./find-browser.mjs";
import { startStack } from "./stack.mjs";

const tell = (line) => process.stdout.write(`${line}\n`);
const clip = fileURLToPath(new URL("../fixtures/clip.mp4", import.meta.url));

const executablePath = findBrowser();
if (executablePath === undefined) {
  tell(
    "Skipped: no Chromium here. Install one (Debian: apt-get install chromium; macOS: brew install " +
      "--cask chromium), or name one in CHROMIUM_PATH",
  );
  process.exit(0);
}

const shots = await mkdtemp(join(tmpdir(), "heimdex-screenshots-"));
const stack = await startStack();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const errors = await visit(
    "docs",
    (view) => runDocsJourney({ ...view, url: stack.url, clip, tell: (step) => tell(`  ${step}`) }),
  );
  assert.deepEqual(errors, []);
  const silent = await visit(
    "packed client",
    (view) => runClientJourney({ ...view, stack, clip, withRefusals: false }),
  );
  assert.deepEqual(silent, []);
  const noted = await visit(
    "packed client, refused",
    (view) => runClientJourney({ ...view, stack, clip, withRefusals: true }),
  );
  // A browser notes each refused request itself; nothing else may stand there.
  const statuses = noted.map((text) => /^Failed to load resource.* (\d{3}) /.exec(text)?.[1]);
  assert.deepEqual(statuses, ["409", "422", "404"]);
  tell(`All journeys went through, screenshots are in ${shots}`);
} finally {
  await browser.close();
  await stack.stop();
}

/** Opens a page of its own; resolves to what it wrote to the console as errors. */
async function visit(name, journey) {
  tell(`${name}: begins`);
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  const shoot = (shot) => page.screenshot({ path: join(shots, `${shot}.png`) });
  try {
    await journey({ page, shoot });
  } catch (error) {
    await shoot("failure");
    tell(`Console errors: ${JSON.stringify(errors)}, screenshots are in ${shots}`);
    throw error;
  }
  await page.close();
  tell(`${name}: went through, ${errors.length} console errors`);
  return errors;
}

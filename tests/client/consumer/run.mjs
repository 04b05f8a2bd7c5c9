// Runs the journey in Node or Deno; the settings come as one JSON argument.
import { Buffer } from "node:buffer";
import { createReadStream, statSync } from "node:fs";
import process from "node:process";
import { Readable } from "node:stream";
import { createClient } from "@supabase/supabase-js";
import { runJourney } from "./journey.mjs";

// By a variable: checks of this repository follow no such import, the package is installed elsewhere.
const name = "@heimdex/client";
const client = await import(name);

const { url, publishableKey, credentials, clip } = JSON.parse(process.argv[2]);

const supabase = createClient(url, publishableKey, {
  auth: { persistSession: false, autoRefreshToken: false },
  // Node has a WebSocket from 22 on; nothing here opens one.
  realtime: { transport: globalThis.WebSocket ?? class {} },
});

const video = {
  name: "clip.mp4",
  type: "video/mp4",
  size: statSync(clip).size,
  stream: () => Readable.toWeb(createReadStream(clip)),
};
const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const photo = new Blob([Buffer.from(pixel, "base64")], { type: "image/png" });

const seen = await runJourney({ client, supabase, credentials, video, photo });
process.stdout.write(`${JSON.stringify(seen)}\n`);
process.exit(0);

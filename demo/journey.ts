import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Device, operatorClient, type Project } from "./device.ts";
import { check, expectRefusal, unwrap, waitFor } from "./expect.ts";
import { heimdex } from "./heimdex.ts";
import { countedPlaces, countLeftovers } from "./leftovers.ts";
import { confirmByMail } from "./mailbox.ts";

/** The project as its users and its operator see it. */
export interface World extends Project {
  secretKey: string;
  mailUrl: string;
  /** HEIMDEX_RECEIPT_KEY, which signs the receipts of erasures. */
  receiptKey: string;
}

/** Runs one step under its title; the step may return a `note` to show beside it. */
export type StepRunner = <T>(title: string, run: () => Promise<Told<T>>) => Promise<T>;

interface Told<T> {
  value: T;
  note?: string;
}

const told = <T>(value: T, note?: string): Told<T> =>
  note === undefined ? { value } : { value, note };
const saw = (note?: string): Told<void> => told(undefined, note);

interface Profile {
  id: string;
  email_verified: boolean;
  display_name: string | null;
  onboarding_completed: boolean;
  industry: string | null;
}

interface Video {
  video_id: string;
  title: string | null;
  state: string;
}

interface UploadTicket {
  video_id: string;
  bucket: string;
  path: string;
  token: string;
}

interface SearchAnswer {
  results: { video_id: string; timecode: string; transcript: string }[];
}

interface DeletionPreview {
  videos: { count: number };
  scenes: { count: number };
  people: { count: number };
  blocked_by: unknown[];
}

interface DeletionTicket {
  erasure_id: string;
  status_token: string;
}

interface ErasureStatus {
  state: string;
  counts?: { before: { tables: Record<string, number> } };
  receipt?: string;
}

const captions = `WEBVTT

00:00.000 --> 00:01.000
Good morning, this is the harbour

00:01.250 --> 00:02.750
Two cranes lift the blue containers
`;

/** The smallest PNG there is: one transparent pixel. */
const photo = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
);

/**
 * The main job from end to end, as an app does it: register, log in, onboard, upload, search, and
 * delete the account. Everything goes through supabase-js; only the mails are read from the catcher.
 */
export async function runJourney(world: World, step: StepRunner): Promise<void> {
  const fixture = new URL("../tests/fixtures/clip.mp4", import.meta.url);
  const clip = Uint8Array.from(await readFile(fixture));
  const operator = operatorClient(world.url, world.secretKey);
  const run = crypto.randomUUID().slice(0, 8);
  const mina = { email: `mina-${run}@example.test`, password: `correct horse ${run}` };
  const bora = { email: `bora-${run}@example.test`, password: `battery staple ${run}` };
  const deviceA = new Device(world);
  const deviceB = new Device(world);
  const borasDevice = new Device(world);

  await step("Mina registers", async () => {
    await deviceA.invoke("auth-onboarding/register", { body: { ...mina, display_name: "Mina" } });
    return saw();
  });
  await step("she cannot log in before she has confirmed her address", async () => {
    const login = deviceA.invoke("auth-onboarding/login", { body: mina });
    return saw(await expectRefusal(login, 403, "email_not_confirmed"));
  });
  await step("she follows the link in the confirmation mail", async () => {
    return saw(await confirmByMail(world.mailUrl, mina.email));
  });
  const user = await step("she logs in on device A", async () => {
    const session = await deviceA.invoke<
      { access_token: string; refresh_token: string; user: Profile }
    >("auth-onboarding/login", { body: mina });
    await unwrap(deviceA.supabase.auth.setSession(session));
    check(session.user.email_verified, "The profile says the address is not confirmed");
    return told(session.user.id, session.user.id);
  });
  await step("me says that she has not been onboarded", async () => {
    const me = await deviceA.invoke<Profile>("me", { method: "GET" });
    check(me.id === user && !me.onboarding_completed, `me answered ${JSON.stringify(me)}`);
    return saw();
  });
  await step("she completes the onboarding on device A", async () => {
    await deviceA.invoke("auth-onboarding/onboarding", {
      body: {
        display_name: "Mina",
        industry: "Shipping",
        job_title: "Archivist",
        email_consent: true,
      },
    });
    await unwrap(deviceA.supabase.auth.refreshSession());
    const me = await deviceA.invoke<Profile>("me", { method: "GET" });
    check(me.onboarding_completed, `me answered ${JSON.stringify(me)}`);
    return saw();
  });
  await step("she logs in on device B, which knows it", async () => {
    await unwrap(deviceB.supabase.auth.signInWithPassword(mina));
    const me = await deviceB.invoke<Profile>("me", { method: "GET" });
    check(me.onboarding_completed && me.industry === "Shipping", `me said ${JSON.stringify(me)}`);
    return saw(`${me.display_name}, ${me.industry}`);
  });
  const ticket = await step("she announces a video", async () => {
    const answer = await deviceA.invoke<UploadTicket>("videos/upload/init", {
      body: {
        filename: "harbour.mp4",
        mime_type: "video/mp4",
        size_bytes: clip.byteLength,
        title: "Harbour at dawn",
        tags: ["harbour"],
      },
    });
    return told(answer, answer.path);
  });
  await step("completing the upload before the file is there is refused", async () => {
    const completing = deviceA.invoke("videos/upload/complete", {
      body: { video_id: ticket.video_id },
    });
    return saw(await expectRefusal(completing, 409, "upload_missing"));
  });
  await step("she uploads it through the signed URL", async () => {
    const file = new Blob([clip], { type: "video/mp4" });
    const bucket = deviceA.supabase.storage.from(ticket.bucket);
    await unwrap(
      bucket.uploadToSignedUrl(ticket.path, ticket.token, file, { contentType: "video/mp4" }),
    );
    return saw(`${clip.byteLength} bytes`);
  });
  await step("she completes the upload", async () => {
    const { state } = await deviceA.invoke<{ state: string }>("videos/upload/complete", {
      body: { video_id: ticket.video_id },
    });
    check(state === "validating", `The video is ${state}`);
    return saw(state);
  });
  await step("she adds captions, which become scenes", async () => {
    const video = await deviceA.invoke<Video>(`videos/${ticket.video_id}/captions?language=en`, {
      method: "PUT",
      body: captions,
      headers: { "content-type": "text/vtt" },
    });
    check(video.state === "indexed", `The video is ${video.state}`);
    return saw(video.state);
  });
  await step("device B lists the video", async () => {
    const { videos } = await deviceB.invoke<{ videos: Video[] }>("videos", { method: "GET" });
    check(videos.length === 1 && videos[0]?.title === "Harbour at dawn", JSON.stringify(videos));
    return saw(videos[0].title ?? "");
  });
  await step("device B reads the scenes from the table, under RLS", async () => {
    const scenes = await unwrap(
      deviceB.supabase.from("scenes").select("scene_id, start_s, transcript").order("start_s"),
    );
    check(scenes.length === 2, `The table shows ${scenes.length} scenes`);
    return saw(`${scenes.length} scenes`);
  });
  await step("device B downloads the file it did not upload", async () => {
    const file = await unwrap(deviceB.supabase.storage.from(ticket.bucket).download(ticket.path));
    const bytes = new Uint8Array(await file.arrayBuffer());
    check(bytes.toHex() === clip.toHex(), "The downloaded file differs from the uploaded one");
    return saw(`${file.size} bytes`);
  });
  const person = await step("she names a person", async () => {
    const { person_id } = await deviceA.invoke<{ person_id: string }>("people", {
      body: { name: "Captain Han" },
    });
    return told(person_id, "Captain Han");
  });
  await step("she agrees to face enrollment and gives the person a photo", async () => {
    await deviceA.invoke("me", { method: "PATCH", body: { face_consent: true } });
    const place = await deviceA.invoke<UploadTicket & { photo_key: string }>(
      `people/${person}/photos`,
      { body: { content_type: "image/png", size_bytes: photo.byteLength } },
    );
    await unwrap(
      deviceA.supabase.storage.from(place.bucket).uploadToSignedUrl(
        place.path,
        place.token,
        new Blob([photo], { type: "image/png" }),
        { contentType: "image/png" },
      ),
    );
    const { photo_count } = await deviceA.invoke<{ photo_count: number }>(
      `people/${person}/photos/complete`,
      { body: { photo_key: place.photo_key } },
    );
    check(photo_count === 1, `The person has ${photo_count} photos`);
    return saw(`${photo_count} photo`);
  });
  await step("a search finds the scene with its time code", async () => {
    const { results } = await deviceB.invoke<SearchAnswer>("search?q=blue%20containers", {
      method: "GET",
    });
    const [hit] = results;
    check(hit && results.length === 1, `The search gave ${results.length} hits`);
    check(hit.timecode === "00:00:01.250", `The time code is ${hit.timecode}`);
    return saw(`${hit.timecode} ${hit.transcript}`);
  });
  const other = await step("Bora registers, confirms and logs in", async () => {
    await borasDevice.invoke("auth-onboarding/register", { body: bora });
    await confirmByMail(world.mailUrl, bora.email);
    const { user } = await unwrap(borasDevice.supabase.auth.signInWithPassword(bora));
    check(user, "The login gave no user");
    return told(user.id, user.id);
  });
  await step("Bora's lists and searches show nothing of Mina", async () => {
    const [videos, people, hits] = await Promise.all([
      borasDevice.invoke<{ videos: unknown[] }>("videos", { method: "GET" }),
      borasDevice.invoke<{ people: unknown[] }>("people", { method: "GET" }),
      borasDevice.invoke<SearchAnswer>("search?q=blue%20containers", { method: "GET" }),
    ]);
    const seen = videos.videos.length + people.people.length + hits.results.length;
    check(seen === 0, `Bora sees ${seen} things`);
    return saw();
  });
  await step("Bora's tables are empty, and Mina's file is not to be had", async () => {
    for (const table of ["videos", "scenes", "video_metadata", "jobs", "face_profiles"]) {
      const rows = await unwrap(borasDevice.supabase.from(table).select());
      check(rows.length === 0, `Bora reads ${rows.length} rows of ${table}`);
    }
    const { data } = await borasDevice.supabase.storage.from(ticket.bucket).download(ticket.path);
    check(data === null, "Bora downloaded the video");
    return saw();
  });
  await step("Mina's ids are unknown to Bora, not forbidden", async () => {
    const video = borasDevice.invoke(`videos/${ticket.video_id}`, { method: "GET" });
    await expectRefusal(video, 404, "video_not_found");
    const deletion = borasDevice.invoke(`people/${person}`, { method: "DELETE" });
    return saw(await expectRefusal(deletion, 404, "person_not_found"));
  });
  await step("the operator counts what there is of Mina", async () => {
    const left = await countLeftovers(operator, user);
    const all = [...left].map(([place, count]) => `${place} ${count}`);
    check(left.has("videos") && left.has("scenes") && left.has("uploads/faces"), all.join(", "));
    return saw(all.join(", "));
  });
  const oldToken = await deviceA.accessToken();
  await step("she looks at what a deletion of her account would erase", async () => {
    const { videos, scenes, people, blocked_by } = await deviceA.invoke<DeletionPreview>(
      "auth-onboarding/account/erasure-preview",
      { method: "GET" },
    );
    check(blocked_by.length === 0, `The deletion is blocked: ${JSON.stringify(blocked_by)}`);
    const counts = [videos, scenes, people].map(({ count }) => count);
    check(counts.join() === "1,2,1", `The preview counts ${counts.join()}`);
    return saw(`${videos.count} video, ${scenes.count} scenes, ${people.count} person`);
  });
  await step("a wrong password deletes nothing", async () => {
    const deletion = deviceA.invoke("auth-onboarding/account", {
      method: "DELETE",
      body: { password: "not her password" },
    });
    return saw(await expectRefusal(deletion, 401, "invalid_password"));
  });
  const deletion = await step("she deletes her account", async () => {
    const answer = await deviceA.invoke<DeletionTicket>("auth-onboarding/account", {
      method: "DELETE",
      body: { password: mina.password },
    });
    return told(answer, answer.erasure_id);
  });
  await step("her old token is refused at once", async () => {
    const listing = deviceA.invoke("videos", {
      method: "GET",
      headers: { authorization: `Bearer ${oldToken}` },
    });
    return saw(await expectRefusal(listing, 401, "session_revoked"));
  });
  await step("the outbox is drained and every table and bucket is empty of her", async () => {
    await waitFor("The erasure", async () => {
      const left = await countLeftovers(operator, user);
      return left.size === 0 ? left : undefined;
    });
    const { tables, folders } = countedPlaces;
    return saw(`${tables} tables, ${folders} folders, counted by the service role`);
  });
  await step("she cannot refresh, and cannot log in", async () => {
    const { error } = await deviceB.supabase.auth.refreshSession();
    check(error, "The session was refreshed");
    const login = new Device(world).invoke("auth-onboarding/login", { body: mina });
    return saw(await expectRefusal(login, 401, "invalid_credentials"));
  });
  await step("Bora is still there", async () => {
    const me = await borasDevice.invoke<Profile>("me", { method: "GET" });
    check(me.id === other, `me answered ${JSON.stringify(me)}`);
    return saw();
  });
  await step("Bora's account is deleted too, and nothing is left", async () => {
    await unwrap(operator.auth.admin.deleteUser(other));
    await waitFor("The erasure", async () => {
      const left = await countLeftovers(operator, other);
      return left.size === 0 ? left : undefined;
    });
    return saw();
  });
  const receipt = await step("Mina's status token still tells of her erasure", async () => {
    const answer = await waitFor("The provisional receipt", async () => {
      const status = await readStatus(world, deletion.status_token);
      return status.state === "provisional" && status.receipt ? status : undefined;
    });
    const rows = Object.values(answer.counts?.before.tables ?? {}).reduce((a, b) => a + b, 0);
    return told(answer.receipt ?? "", `${answer.state}, ${rows} rows erased or anonymised`);
  });
  await step("the operator finds the same receipt in the bucket", async () => {
    const { sequence, erasure_id, stage } = JSON.parse(receipt);
    const key = `${String(sequence).padStart(12, "0")}-${erasure_id}-${stage}.json`;
    const copy = await waitFor("The copy of the receipt", async () => {
      const { data } = await operator.storage.from("receipts").download(key);
      return data ? await data.text() : undefined;
    });
    check(copy === receipt, "The copy differs from the receipt");
    check(!copy.includes(user) && !copy.includes(mina.email), "The receipt names Mina");
    return saw(key);
  });
  const folder = await mkdtemp(join(tmpdir(), "heimdex-receipt-"));
  try {
    const files = await step("the operator hands out the receipt and the public key", async () => {
      const { code, out } = await heimdex(["erasure", "key"], {
        HEIMDEX_RECEIPT_KEY: world.receiptKey,
      });
      check(code === 0, out);
      return told(await writeReceipts(folder, { receipt, publicKey: out }));
    });
    await step("with one byte changed it is no receipt any more", async () => {
      const { code, out } = await heimdex(verifying(files.changed, files.publicKey));
      check(code === 1, out);
      return saw(out.trim().split("\n").at(-1));
    });
    await step("the provisional receipt is verified, without network or database", async () => {
      const { code, out } = await heimdex(verifying(files.receipt, files.publicKey));
      check(code === 0, out);
      return saw(out.trim().split("\n").at(-1));
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const verifying = (file: string, key: string) => ["erasure", "verify", file, "--key", key];

/** Writes what is handed out, and a copy in which one digit differs. */
async function writeReceipts(folder: string, o: { receipt: string; publicKey: string }) {
  const files = {
    receipt: join(folder, "receipt.json"),
    changed: join(folder, "changed.json"),
    publicKey: join(folder, "receipts.pub.json"),
  };
  await writeFile(files.receipt, o.receipt);
  await writeFile(files.changed, o.receipt.replace('"after":0', '"after":1'));
  await writeFile(files.publicKey, o.publicKey);
  return files;
}

/** Asks as somebody whose account is gone and who kept the token. */
async function readStatus(project: Project, statusToken: string): Promise<ErasureStatus> {
  return await new Device(project).invoke<ErasureStatus>("auth-onboarding/account/erasure", {
    method: "GET",
    headers: { authorization: `Bearer ${statusToken}` },
  });
}

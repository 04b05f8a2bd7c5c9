import { afterAll, beforeAll, expect, test } from "vitest";
import { captions } from "../functions/search/support.ts";
import { createIndexedVideo } from "../functions/videos/support.ts";
import { createPerson } from "../functions/people/support.ts";
import { depsWith } from "../support/app.ts";
import { adminSql } from "../support/sql.ts";
import { useStack } from "../support/stack.ts";
import { createUser } from "../support/users.ts";
import {
  createSender,
  type KnownRows,
  type ListRequest,
  listRequests,
  nextPage,
} from "./requests.ts";
import { openWire, type Wire } from "../../bench/suites/routes/wire.ts";

let wire: Wire;
let send: ReturnType<typeof createSender>;
let known: KnownRows;
let close: () => Promise<void>;

beforeAll(async () => {
  const user = await createUser({ appMetadata: { tier: "enterprise" } });
  const texts = captions("A lantern over the harbour", "A lantern, then a violin");
  const { video_id: videoId } = await createIndexedVideo(user, { captions: texts });
  await createIndexedVideo(user, { captions: texts });
  const { person_id: personId } = await createPerson(user, "Ada");
  await createPerson(user, "Grace");
  await adminSql()`
    insert into public.scene_people (scene_id, person_id, confidence, frame_count)
    select scene_id, ${personId}, 0.9, 10 from public.scenes where user_id = ${user.id}`;
  known = { videoId, personId, words: ["lantern", "harbour"] };

  wire = await openWire(useStack().databaseUrl);
  // What is written down after the answer goes a way of its own.
  const deps = depsWith({
    environment: { DATABASE_URL: wire.url, SUPABASE_DB_URL: wire.url },
    activities: { record() {} },
  });
  send = createSender(deps, user.accessToken);
  close = async () => {
    await deps.database.close();
    await wire.close();
  };
});

afterAll(() => close());

/** What a request executed, named; what the driver asks once for each connection is left out. */
async function recordStatements(request: ListRequest) {
  wire.take();
  const page = await send(request);
  const kinds = wire.take().map(({ text }) => text.trim())
    .filter((text) => !text.includes("pg_catalog.pg_type"))
    .map((text) => {
      if (text === "commit") return text;
      return text.includes("private.open_request(") ? "opening" : "statement";
    });
  return { page, kinds };
}

test(
  "a list or search makes one statement beside the opening one",
  { timeout: 60_000 },
  async () => {
    for (const request of listRequests(known)) {
      const label = JSON.stringify(request);
      const first = await recordStatements(request);
      expect(first.kinds, label).toEqual(["opening", "statement", "commit"]);
      if (first.page.next_cursor === null) continue;
      const second = await recordStatements(nextPage(request, first.page.next_cursor));
      expect(second.kinds, `page 2 of ${label}`).toEqual(first.kinds);
    }
  },
);

test("the wire sees every statement", async () => {
  const sent = await recordStatements({ path: `/videos/${known.videoId}/scenes` });
  expect(sent.kinds).toHaveLength(3);
  wire.take();
  await send({ path: "/people" });
  const texts = wire.take().map(({ text }) => text);
  expect(texts).toContainEqual(expect.stringContaining("public.face_profiles"));
});

import type { VerifiedToken } from "../../shared/auth/verify-token.ts";
import type { Deps } from "../../shared/http/deps.ts";
import {
  listScenes,
  listVideos,
  type VideoPage,
  type VideoPosition,
} from "../../supabase/functions/videos/store.ts";
import type { BenchCase, BenchSuite } from "../harness.ts";
import { createCaller, openDeps, users } from "./library/caller.ts";
import { isSmall, openLibrary } from "./library/library.ts";
import { percentile, timeEach } from "./library/measure.ts";

const limit = 20;
const deepPage = isSmall ? 20 : 500;
/** Lists in one round. */
const repeats = isSmall ? 3 : 40;

/** Lists of a library of 12,500 videos beside those of 199 others. */
export const videosSuite: BenchSuite = {
  description: "lists of videos: page 500, a large library, and a large table",
  async open() {
    const library = await openLibrary();
    const whole = openDeps(library.whole);
    const tenth = openDeps(library.tenth);
    const close = async () => {
      await Promise.all([whole.database.close(), tenth.database.close()]);
      await library.close();
    };
    try {
      return { cases: await listCases({ whole, tenth }), close };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

type Place = { after: VideoPosition; asOf: string } | { after: undefined; asOf: undefined };

const firstPage: Place = { after: undefined, asOf: undefined };

async function listCases({ whole, tenth }: { whole: Deps; tenth: Deps }): Promise<BenchCase[]> {
  const heavy = createCaller(users.heavy);
  const median = createCaller(isSmall ? 2 : users.median);
  const deep = await findPage(whole, heavy, deepPage);
  const first = () => timeList(whole, heavy, firstPage);
  const shared = { name: "videos", unit: "ms", better: "lower" as const };
  return [
    {
      ...shared,
      case: "page 500",
      baselineName: "page 1",
      ours: () => timeList(whole, heavy, deep),
      baseline: first,
    },
    {
      ...shared,
      case: "heavy",
      baselineName: "a median user",
      ours: first,
      baseline: () => timeList(whole, median, firstPage),
    },
    {
      ...shared,
      case: "growth",
      baselineName: "ours at 1x",
      ours: first,
      baseline: () => timeList(tenth, heavy, firstPage),
    },
    {
      ...shared,
      case: "scenes of a video",
      baselineName: "ours at 1x",
      ours: await openScenes(whole, heavy),
      baseline: await openScenes(tenth, heavy),
    },
  ];
}

function readPage(deps: Deps, caller: VerifiedToken, place: Place): Promise<VideoPage> {
  return deps.database.asUser(
    caller,
    (sql) => listVideos(sql, { limit, state: undefined, count: false, ...place }),
  );
}

/** Median milliseconds of one page. */
async function timeList(deps: Deps, caller: VerifiedToken, place: Place): Promise<number> {
  const pages = Array.from({ length: repeats }, () => place);
  return percentile(await timeEach(pages, (page) => readPage(deps, caller, page)), 0.5);
}

/** Turns the pages as a client does, up to the place at which the page begins. */
async function findPage(deps: Deps, caller: VerifiedToken, number: number): Promise<Place> {
  let place = firstPage;
  for (let page = 1; page < number; page++) {
    const { rows } = await readPage(deps, caller, place);
    const last = rows[limit - 1];
    if (rows.length <= limit || !last) throw new Error(`The library ends before page ${number}`);
    place = {
      after: { createdAt: last.position_time, videoId: last.video_id },
      asOf: place.asOf ?? last.now,
    };
  }
  return place;
}

async function openScenes(deps: Deps, caller: VerifiedToken): Promise<() => Promise<number>> {
  const { rows } = await readPage(deps, caller, firstPage);
  const read = ({ video_id: videoId }: VideoPage["rows"][number]) =>
    deps.database.asUser(
      caller,
      (sql) => listScenes(sql, { videoId, limit, after: undefined, asOf: undefined }),
    );
  return async () => percentile(await timeEach(rows, read), 0.5);
}

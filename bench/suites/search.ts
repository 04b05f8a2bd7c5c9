import type { VerifiedToken } from "../../shared/auth/verify-token.ts";
import type { Deps } from "../../shared/http/deps.ts";
import { defaultWeights } from "../../shared/search/rank-fusion.ts";
import { parseQuery } from "../../shared/search/text-query.ts";
import { findHits } from "../../supabase/functions/search/find-hits.ts";
import { searchBodySchema } from "../../supabase/functions/search/schemas.ts";
import { type AskedScenes, findScenes } from "../../supabase/functions/search/store.ts";
import type { BenchCase, BenchSuite } from "../harness.ts";
import { createCaller, openDeps, users } from "./library/caller.ts";
import { isSmall, openLibrary } from "./library/library.ts";
import { percentile, shareRounds, timeEach } from "./library/measure.ts";
import { commonWord, markers } from "./library/seed.ts";
import { findByPattern, findWithoutPolicies } from "./library/statements.ts";

const limit = 10;
/** How often a round asks each query; the original takes too long for more than one. */
const repeats = isSmall ? 2 : 10;

/** Words with 50 to 500 matches for every owner, and two words of which one has fifty. */
const queries = [...Object.keys(markers), "lantern violin"];

/** Keyword search in a million scenes. */
export const searchSuite: BenchSuite = {
  description: "search of a million scenes: against LIKE, against no RLS, and how it grows",
  async open() {
    const library = await openLibrary();
    const whole = openDeps(library.whole);
    const tenth = openDeps(library.tenth);
    return {
      cases: listCases({ whole, tenth }),
      close: async () => {
        await Promise.all([whole.database.close(), tenth.database.close()]);
        await library.close();
      },
    };
  },
};

function listCases({ whole, tenth }: { whole: Deps; tenth: Deps }): BenchCase[] {
  const heavy = createCaller(users.heavy);
  const median = createCaller(isSmall ? 2 : users.median);
  return [
    ...compareWithOriginal(whole, "heavy", heavy),
    ...compareWithOriginal(whole, "median", median),
    compareCommonWord(whole, heavy),
    compareWithHand(whole, heavy),
    compareSizes({ whole, tenth }, heavy),
  ];
}

const inTurn = (times: number) => Array.from({ length: times }, () => queries).flat();

/** All of what the route does between the token and the answer. */
function search(deps: Deps, caller: VerifiedToken, q: string) {
  return findHits(deps, caller, searchBodySchema.parse({ q, limit }));
}

/** As the original does: one role for everybody, which no policy holds back. */
function searchByPattern(deps: Deps, { user }: VerifiedToken, q: string) {
  return deps.database.asService((sql) =>
    findByPattern(sql, { userId: user.supabaseUserId, q, limit })
  );
}

function compareWithOriginal(deps: Deps, name: string, caller: VerifiedToken): BenchCase[] {
  const shared = { name: "search", baselineName: "original" };
  const times = { ...shared, unit: "ms", better: "lower" as const };
  return shareRounds({
    ours: () => timeEach(inTurn(repeats), (q) => search(deps, caller, q)),
    baseline: () => timeEach(queries, (q) => searchByPattern(deps, caller, q)),
  }, [
    { ...shared, case: name, unit: "queries/s", better: "higher", figure: toRate },
    { ...times, case: `${name} p50`, figure: (round) => percentile(round, 0.5) },
    { ...times, case: `${name} p95`, figure: (round) => percentile(round, 0.95) },
  ]);
}

const toRate = (times: number[]) => 1000 * times.length / times.reduce((sum, ms) => sum + ms, 0);

/** A word of two scenes in five: what keeps the work bounded is the cap of a branch. */
function compareCommonWord(deps: Deps, caller: VerifiedToken): BenchCase {
  return {
    name: "search",
    case: "common word",
    unit: "ms",
    better: "lower",
    baselineName: "original",
    ours: async () => percentile(await timeEach([commonWord], (q) => search(deps, caller, q)), 0.5),
    baseline: async () =>
      percentile(await timeEach([commonWord], (q) => searchByPattern(deps, caller, q)), 0.5),
  };
}

/** What row level security costs: the statement alone, in a transaction each. */
function compareWithHand({ database }: Deps, caller: VerifiedToken): BenchCase {
  const p50 = async (ask: (asked: AskedScenes) => Promise<unknown>) =>
    percentile(await timeEach(inTurn(repeats), (q) => ask(toAsked(q))), 0.5);
  return {
    name: "search",
    case: "rls",
    // Milliseconds apart, on machines that do other things too.
    runs: 15,
    unit: "ms",
    better: "lower",
    baselineName: "owner filter by hand, no RLS",
    ours: () => p50((asked) => database.asUser(caller, (sql) => findScenes(sql, asked))),
    baseline: () =>
      p50((asked) => database.asService((sql) => findWithoutPolicies(sql, caller, asked))),
  };
}

function toAsked(q: string): AskedScenes {
  const rest = { vector: undefined, filters: {}, after: undefined, asOf: undefined };
  return { text: parseQuery(q), weights: defaultWeights, limit, ...rest };
}

/** The same number of matches in a table ten times as large. */
function compareSizes({ whole, tenth }: { whole: Deps; tenth: Deps }, caller: VerifiedToken) {
  const p95 = async (deps: Deps) =>
    percentile(await timeEach(inTurn(repeats), (q) => search(deps, caller, q)), 0.95);
  return {
    name: "search",
    case: "growth",
    unit: "ms, p95",
    better: "lower" as const,
    baselineName: "ours at 1x",
    ours: () => p95(whole),
    baseline: () => p95(tenth),
  };
}

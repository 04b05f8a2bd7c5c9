import { type Command, InvalidArgumentError } from "commander";
import {
  type BucketPair,
  type BucketReport,
  defaultBuckets,
  type ObjectsReport,
} from "../../../shared/legacy/load/load-objects.ts";
import type { RowsReport } from "../../../shared/legacy/load/load-rows.ts";
import {
  loadLegacy,
  type LoadProgress,
  type LoadReport,
} from "../../../shared/legacy/load/load.ts";
import type { S3Settings } from "../../../shared/legacy/load/s3.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { assertDirect } from "../../legacy/move-context.ts";
import { withLegacy } from "../../legacy/with-legacy.ts";
import { nounOf } from "../../noun.ts";
import { wholeNumber } from "../../options.ts";
import { toJson, toTable } from "../../output.ts";
import { type Progress, startProgress } from "../../progress.ts";
import { legacyNoun } from "./noun.ts";

interface LoadCommandOptions {
  bucket?: BucketPair[];
  concurrency: number;
  live?: boolean;
  json?: boolean;
}

const examples = `
Copies the tables of a legacy database of its own into the project, and the objects of its object
store into Storage. What is there already and the same is not copied again: run it as often as you
like, and again when it was stopped or killed anywhere. What is gone in the legacy system goes here
too, as far as it came by load. Each table is as it was until all are there. Tables that already lie
in the project's database stay as they are; then only objects are loaded.

Environment: that of the functions, with a direct connection in DATABASE_URL, no pooler's, and
  LEGACY_DATABASE_URL     the legacy database; not set when its tables already lie in the project
  LEGACY_S3_ENDPOINT      its object store, such as http://minio:9000; not set: no objects
  LEGACY_S3_ACCESS_KEY    a key that may list and read
  LEGACY_S3_SECRET_KEY
  LEGACY_S3_REGION        us-east-1 when it is not set

Exit codes:
  0 all is there   1 some objects could not be loaded: the report says why   2 wrong usage or keys
  3 a database, the object store or Storage does not answer, or a disk is full: run it again
  4 refused: the legacy database is being written to, the project is cut over already, or another
    command of the move is at work

Examples:
  $ heimdex legacy load
  $ heimdex legacy load --live
  $ heimdex legacy load --bucket media=uploads --bucket thumbnails --json`;

export function registerLegacyLoad(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...legacyNoun)
    .command("load")
    .description("Copies a legacy database and object store of their own into the project")
    .option("--bucket <old=new>", "legacy bucket and its new name; may be repeated", addBucket)
    .option("--concurrency <count>", "objects at once", wholeNumber(1, 64), 4)
    .option("--live", "load what there is while the legacy application still writes")
    .option("--json", "write one JSON document")
    .addHelpText("after", examples)
    .action(async (options: LoadCommandOptions) => finish(await load(context, options)));
}

async function load(context: CliContext, options: LoadCommandOptions): Promise<ExitCode> {
  assertDirect(context);
  const { bucket: buckets = defaultBuckets, concurrency, live = false, json } = options;
  const s3 = readS3(context);
  const report = await withLegacy(context, async (legacy) => {
    const display = showProgress(context, json);
    try {
      return await loadLegacy(legacy, {
        buckets,
        concurrency,
        live,
        onProgress: display.update,
        ...(s3 ? { s3 } : {}),
      });
    } finally {
      display.stop();
    }
  });
  context.out(json ? toJson(toDocument(report)) : describe(report));
  return countFailed(report.objects) > 0 ? exitCodes.overThreshold : exitCodes.ok;
}

function addBucket(value: string, before: BucketPair[] = []): BucketPair[] {
  const [from = "", to = from, ...rest] = value.split("=");
  if (from === "" || to === "" || rest.length > 0) {
    throw new InvalidArgumentError("Give a legacy bucket and its new name, such as media=uploads");
  }
  if (before.some((pair) => pair.from === from || pair.to === to)) {
    throw new InvalidArgumentError("Give each bucket once, on both sides");
  }
  return [...before, { from, to }];
}

const s3Names = ["LEGACY_S3_ENDPOINT", "LEGACY_S3_ACCESS_KEY", "LEGACY_S3_SECRET_KEY"] as const;

function readS3({ env }: CliContext): S3Settings | undefined {
  const [endpoint, accessKey, secretKey] = s3Names.map((name) => env[name]?.trim());
  const region = env.LEGACY_S3_REGION?.trim();
  if (!endpoint && !accessKey && !secretKey) return undefined;
  if (endpoint && accessKey && secretKey) {
    return { endpoint, accessKey, secretKey, ...(region ? { region } : {}) };
  }
  const missing = s3Names.filter((name) => !env[name]?.trim());
  throw new CliError(
    exitCodes.usage,
    `${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} not set: the object store of ` +
      "the legacy system needs all three. Nothing was changed",
  );
}

const titles = { rows: "Tables", bytes: "Objects" } as const;
const bytesPerMegabyte = 1_000_000;

/** One display after the other: rows first, then the objects in megabytes. */
function showProgress(context: CliContext, json: boolean | undefined) {
  let shown: { unit: LoadProgress["unit"]; progress: Progress } | undefined;
  return {
    update({ unit, done, total }: LoadProgress) {
      const scale = unit === "bytes" ? bytesPerMegabyte : 1;
      if (shown?.unit !== unit) {
        shown?.progress.stop();
        const label = unit === "bytes" ? "MB" : "rows";
        shown = {
          unit,
          progress: startProgress(context, {
            title: titles[unit],
            total: Math.ceil(total / scale),
            unit: label,
            json,
          }),
        };
      }
      shown.progress.update(Math.floor(done / scale), Math.ceil(total / scale));
    },
    stop: () => shown?.progress.stop(),
  };
}

function countFailed(objects: ObjectsReport | null): number {
  return objects?.buckets.reduce((sum, { failed }) => sum + failed, 0) ?? 0;
}

function toDocument({ rows, objects }: LoadReport): Record<string, unknown> {
  return {
    tables: rows && {
      rounds: rows.rounds,
      relations: rows.tables,
      still_changing: rows.changing,
      vectors: { carried: rows.vectors.carried, left_behind: rows.vectors.left },
      erased_here: rows.erased,
      unknown_owners: rows.unknownOwners,
    },
    objects: objects && { ...objects, failed: countFailed(objects) },
  };
}

function describe({ rows, objects }: LoadReport): string {
  return [
    rows ? describeRows(rows) : "The legacy tables lie in the project's database: nothing to copy",
    objects ? describeObjects(objects) : "LEGACY_S3_ENDPOINT is not set: no objects were loaded",
  ].join("\n\n");
}

function describeRows({ tables, changing, vectors, erased, unknownOwners }: RowsReport): string {
  const notes = [
    changing.length > 0 &&
    `Written to meanwhile: ${changing.join(", ")}. Load again once the legacy application stands`,
    vectors.left.length > 0 &&
    `Left behind, since this database has no pgvector: ${vectors.left.join(", ")}`,
    erased.users + erased.people > 0 &&
    `Erased in this project and not loaded again: ${erased.users} users, ${erased.people} people`,
    unknownOwners > 0 &&
    `Videos and people whose owner no users row names: ${unknownOwners}. heimdex legacy plan ` +
      "asks what becomes of them",
  ];
  const lines = tables.map((entry) => ({ ...entry }));
  return [toTable(lines, ""), ...notes.filter((note) => note !== false)].join("\n");
}

function describeObjects({ buckets, failures }: ObjectsReport): string {
  const failed = failures.map(({ bucket, key, cause, detail }) => ({ bucket, key, cause, detail }));
  return [
    toTable(buckets.map(toLine), "No buckets"),
    ...failed.length > 0 ? ["", toTable(failed, "")] : [],
  ].join("\n");
}

function toLine({ from, to, ...counts }: BucketReport): Record<string, unknown> {
  return { bucket: from === to ? from : `${from}=${to}`, ...counts };
}

import type { AuthAdmin } from "../../../shared/legacy/auth-admin.ts";
import type { LegacyContext } from "../../../shared/legacy/context.ts";
import { LegacyError } from "../../../shared/legacy/errors.ts";
import { restoreUsersTables } from "../../../shared/legacy/rollback/restore-users-tables.ts";
import type { SampleObject } from "./belongings.ts";
import type { Sample } from "./generate.ts";
import type { SampleAccount } from "./people.ts";
import { createLegacySchema, type LegacyRows, writeLegacyRows } from "./write.ts";
import type postgres from "postgres";

/** Stores one object where the legacy system keeps its own. */
export type StoreObject = (object: SampleObject) => Promise<void>;

/** Where a sample goes. */
export interface SamplePlace {
  context: LegacyContext;
  /** The legacy database when it is another one, as somebody who may write. */
  legacySql?: postgres.Sql;
  auth: AuthAdmin;
  /** Absent where nobody said where the objects of a separate system lie. */
  storeObject?: StoreObject;
  onProgress(done: number, total: number): void;
}

const requestsAtOnce = 8;

/**
 * Writes a sample: rows, then the accounts of Supabase Auth, then objects.
 * @throws LegacyError (refused) unless the project is on this machine and everything is empty
 */
export async function installSample(place: SamplePlace, sample: Sample): Promise<void> {
  assertLocal(place.context.deps.env.supabaseUrl);
  await place.auth.checkKeys();
  await assertEmpty(place);
  await writeRows(place, sample.rows);
  const { accounts, objects } = sample;
  const { storeObject } = place;
  const total = accounts.length + (storeObject ? objects.length : 0);
  let done = 0;
  const tick = () => place.onProgress(++done, total);
  await forEach(accounts, (account) => createAccount(place.auth, account).then(tick));
  if (storeObject) await forEach(objects, (object) => storeObject(object).then(tick));
}

/** Invented users with passwords that stand in a file have no place in a project of others. */
function assertLocal(supabaseUrl: string): void {
  if (["127.0.0.1", "localhost", "[::1]"].includes(new URL(supabaseUrl).hostname)) return;
  throw new LegacyError(
    "refused",
    "The sample goes only into a project on this machine, such as npm start runs: " +
      "check SUPABASE_URL. Nothing was changed",
  );
}

async function assertEmpty({ context, legacySql }: SamplePlace): Promise<void> {
  const [project] = await context.sql<{ used: boolean }[]>`
    select exists (select from auth.users) or exists (select from public.videos) as used`;
  const legacyUsed = await hasUsers(legacySql ?? context.sql);
  if (!project?.used && !legacyUsed) return;
  const place = project?.used ? "project" : "legacy database";
  throw new LegacyError(
    "refused",
    `The sample goes only into an empty place, and the ${place} has users or videos: ` +
      'start anew with "npm start -- --reset", or name an empty database. Nothing was changed',
  );
}

async function hasUsers(sql: postgres.Sql): Promise<boolean> {
  const [table] = await sql<{ there: boolean }[]>`
    select to_regclass('public.users') is not null as there`;
  if (!table?.there) return false;
  const [row] = await sql<{ used: boolean }[]>`
    select exists (select from ${sql("public.users")}) as used`;
  return row?.used ?? false;
}

async function writeRows({ context, legacySql }: SamplePlace, rows: LegacyRows): Promise<void> {
  if (legacySql) {
    await createLegacySchema(legacySql);
    await legacySql.begin((tx) => writeLegacyRows(tx, rows));
    return;
  }
  await context.sql.begin(async (tx) => {
    await restoreUsersTables(tx);
    await writeLegacyRows(tx, rows);
  });
}

async function createAccount(auth: AuthAdmin, account: SampleAccount): Promise<void> {
  const answer = await auth.createUser({
    id: account.id,
    email: account.email,
    email_confirm: account.emailConfirm,
    password_hash: account.passwordHash,
    user_metadata: account.userMetadata,
    app_metadata: account.appMetadata,
  });
  if (answer.kind === "done") return;
  const reason = answer.kind === "refused" ? answer.message : answer.reason;
  throw new LegacyError(
    "outage",
    `Supabase Auth did not create an account of the sample (${reason}): start anew with ` +
      '"npm start -- --reset" and run this again',
  );
}

async function forEach<T>(items: readonly T[], fn: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const work = async () => {
    for (const item of queue) await fn(item);
  };
  await Promise.all(Array.from({ length: requestsAtOnce }, work));
}

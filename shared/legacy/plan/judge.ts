import type { LegacyDatabases } from "../context.ts";
import type { DecisionBook, UserDecisions } from "../decisions.ts";
import { chooseEmail, deriveId, type LegacyUser, type Origin } from "../target.ts";
import { readAccounts, readErased } from "./accounts.ts";
import { type Contests, readContests } from "./contests.ts";
import { type ExportedUser, type Judgement, judgeUser } from "./judge-user.ts";

export type { Judgement } from "./judge-user.ts";

/** Judges legacy users, a page at a time. */
export interface Judge {
  page(users: readonly LegacyUser[]): Promise<Judgement[]>;
}

/**
 * Looks once at what concerns all users. Also works before our migrations reached the database:
 * nobody is exported or erased then.
 * @throws LegacyError (usage) for a decided address that is another legacy user's
 */
export async function openJudge(databases: LegacyDatabases, book: DecisionBook): Promise<Judge> {
  const [tables] = await databases.sql<{ there: boolean }[]>`
    select to_regclass('private.legacy_exports') is not null
      and to_regclass('private.erasures') is not null as there`;
  const migrated = tables?.there ?? false;
  const contests = await readContests(databases, book, migrated);
  return { page: (users) => judgePage(databases, { book, contests, migrated }, users) };
}

interface Frame {
  book: DecisionBook;
  contests: Contests;
  migrated: boolean;
}

async function judgePage(
  { sql, source }: LegacyDatabases,
  { book, contests, migrated }: Frame,
  users: readonly LegacyUser[],
): Promise<Judgement[]> {
  if (users.length === 0) return [];
  const legacyIds = users.map(({ userId }) => userId);
  const exports = migrated ? await readExports(sql, "legacy_user_id", legacyIds) : [];
  const byLegacyId = new Map(exports.map((row) => [row.legacyUserId, row]));
  const ids = users.flatMap((user) => [
    ...idsOf(user, book.of(user.userId)),
    ...(byLegacyId.has(user.userId) ? [byLegacyId.get(user.userId)?.supabaseUserId ?? ""] : []),
  ]);
  const emails = users.map((user) => chooseEmail(user, book.of(user.userId)));
  const accounts = await readAccounts(sql, ids, emails);
  const contested = [
    ...emails.flatMap((email) => accounts.holderOf(email)?.id ?? []),
    ...users.flatMap((user) => user.supabaseUserId === null ? [user.userId] : []),
  ];
  const owners = await readOwners(source.sql, contested);
  const exportedTo = migrated ? await readExports(sql, "supabase_user_id", contested) : [];
  for (const row of exportedTo) addOwner(owners, row.supabaseUserId, row.legacyUserId);
  const erased = migrated ? await readErased(sql, ids) : new Set<string>();
  return users.map((user) =>
    judgeUser(user, book.of(user.userId), {
      accounts,
      erased,
      exported: byLegacyId.get(user.userId),
      keeper: contests.keeperOf(user.userId),
      isOthers: (id) => [...owners.get(id) ?? []].some((owner) => owner !== user.userId),
    })
  );
}

function idsOf(user: LegacyUser, { email_taken: taken }: UserDecisions): string[] {
  const linked = taken?.action === "link" && taken.value !== undefined ? [taken.value] : [];
  return user.supabaseUserId === null
    ? [user.userId, deriveId(user.userId), ...linked]
    : [user.supabaseUserId];
}

interface ExportRow extends ExportedUser {
  legacyUserId: string;
}

async function readExports(
  sql: LegacyDatabases["sql"],
  column: "legacy_user_id" | "supabase_user_id",
  ids: readonly string[],
): Promise<ExportRow[]> {
  const rows = await sql<{ legacy_user_id: string; supabase_user_id: string; origin: Origin }[]>`
    select legacy_user_id, supabase_user_id, origin from private.legacy_exports
    where ${sql(column)} = any(${[...ids]}::uuid[])`;
  return rows.map((row) => ({
    legacyUserId: row.legacy_user_id,
    supabaseUserId: row.supabase_user_id,
    origin: row.origin,
  }));
}

/** Which legacy users name an account as theirs, or have its id as their own. */
async function readOwners(
  sql: LegacyDatabases["sql"],
  ids: readonly string[],
): Promise<Map<string, Set<string>>> {
  const owners = new Map<string, Set<string>>();
  if (ids.length === 0) return owners;
  const rows = await sql<{ id: string; user_id: string }[]>`
    select supabase_user_id as id, user_id from public.users
    where supabase_user_id = any(${[...ids]}::uuid[])
    union all
    select user_id, user_id from public.users where user_id = any(${[...ids]}::uuid[])`;
  for (const row of rows) addOwner(owners, row.id, row.user_id);
  return owners;
}

function addOwner(owners: Map<string, Set<string>>, id: string, owner: string): void {
  owners.set(id, (owners.get(id) ?? new Set()).add(owner));
}

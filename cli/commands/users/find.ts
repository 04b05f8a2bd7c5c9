import { type Command, InvalidArgumentError, Option } from "commander";
import type postgres from "postgres";
import { tiers } from "../../../shared/auth/tiers.ts";
import { isUuid } from "../../../shared/text/uuid.ts";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { withDatabase } from "../../database.ts";
import { nounOf } from "../../noun.ts";
import { readTime, wholeNumber } from "../../options.ts";
import { toJson, toTable } from "../../output.ts";
import { usersNoun } from "./noun.ts";

interface FindOptions {
  json?: boolean;
  email?: string;
  name?: string;
  onboarded?: "yes" | "no";
  organization?: string;
  tier?: string;
  createdAfter?: Date;
  createdBefore?: Date;
  limit: number;
  cursor?: Place;
}

/** A user as the table and `--json` show one. */
interface FoundUser {
  user_id: string;
  email: string | null;
  display_name: string | null;
  tier: string;
  onboarded: boolean;
  state: "active" | "unconfirmed" | "banned";
  organizations: string[];
  created_at: Date;
  last_sign_in_at: Date | null;
}

/** The user a page ended with: its time with all microseconds, and its id. */
interface Place {
  createdAt: string;
  id: string;
}

const examples = `
Newest first, in pages: give --cursor with what the last page ended with. Parts of addresses and
names match anywhere, in any case; % and _ mean themselves. Organisations are those of
public.organization_members, tiers those of app_metadata. Nothing is changed.

Examples:
  $ heimdex users find --email ann@
  $ heimdex users find --name kim --onboarded no --tier pro
  $ heimdex users find --organization 7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a --limit 100 --json
  $ heimdex users find --created-after 2026-11-01 --created-before 2026-12-01`;

export function registerUsersFind(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...usersNoun)
    .command("find")
    .description("Finds users by address, name, onboarding, organisation, tier and age")
    .option("--email <part>", "a part of the address")
    .option("--name <part>", "a part of the display name")
    .addOption(new Option("--onboarded <state>", "whether onboarded").choices(["yes", "no"]))
    .option("--organization <id>", "UUID of an organisation the user belongs to", parseUuid)
    .addOption(new Option("--tier <tier>", "the tier").choices([...tiers]))
    .option("--created-after <time>", "registered then or later (ISO 8601)", readTime)
    .option("--created-before <time>", "registered before then (ISO 8601)", readTime)
    .option("--limit <count>", "users of a page", wholeNumber(1, 1000), 20)
    .option("--cursor <cursor>", "go on where a page ended", readCursor)
    .option("--json", "write one JSON document: users, has_more, next_cursor")
    .addHelpText("after", examples)
    .action(async (options: FindOptions) => finish(await findUsers(context, options)));
}

async function findUsers(context: CliContext, options: FindOptions): Promise<ExitCode> {
  const rows = await withDatabase(context, (sql) => readUsers(sql, options));
  const page = rows.slice(0, options.limit);
  const users = page.map(({ place: _place, ...user }) => user);
  const last = page.at(-1);
  const next = rows.length > options.limit && last
    ? writeCursor({ createdAt: last.place, id: last.user_id })
    : null;
  context.out(
    options.json
      ? toJson({ users, has_more: next !== null, next_cursor: next })
      : describe(users, next),
  );
  return exitCodes.ok;
}

function describe(users: FoundUser[], next: string | null): string {
  const lines = users.map(({ organizations, onboarded, ...user }) => ({
    ...user,
    onboarded: onboarded ? "yes" : "no",
    organizations: organizations.join(" ") || null,
  }));
  const table = toTable(lines, "No users fit");
  return next === null ? table : `${table}\nMore: --cursor ${next}`;
}

/** Read-only and at most 15 s: the table belongs to Supabase Auth, and logins wait for it. */
async function readUsers(
  sql: postgres.Sql,
  options: FindOptions,
): Promise<(FoundUser & { place: string })[]> {
  return await sql.begin("read only", async (tx) => {
    await tx`set local statement_timeout = '15s'`;
    return await tx<(FoundUser & { place: string })[]>`
      select u.id as user_id, u.email, u.raw_user_meta_data ->> 'display_name' as display_name,
        coalesce(u.raw_app_meta_data ->> 'tier', 'free') as tier,
        coalesce(u.raw_user_meta_data -> 'onboarding_completed' = 'true'::jsonb, false) as onboarded,
        case
          when u.banned_until > now() then 'banned'
          when u.email_confirmed_at is null then 'unconfirmed'
          else 'active'
        end as state,
        array(
          select m.organization_id::text from public.organization_members as m
          where m.user_id = u.id order by m.organization_id) as organizations,
        u.created_at, u.last_sign_in_at,
        to_char(u.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place
      from auth.users as u
      where u.deleted_at is null and ${allOf(tx, options)}
      order by u.created_at desc, u.id desc
      limit ${options.limit + 1}
    `;
  });
}

/** Every filter as a bound parameter; strpos knows no wildcards. */
function allOf(
  sql: postgres.TransactionSql,
  o: FindOptions,
): postgres.PendingQuery<postgres.Row[]> {
  const filters = [
    o.email === undefined ? [] : [sql`strpos(lower(u.email), lower(${o.email})) > 0`],
    o.name === undefined ? [] : [
      sql`strpos(lower(u.raw_user_meta_data ->> 'display_name'), lower(${o.name})) > 0`,
    ],
    o.onboarded === undefined ? [] : [
      sql`coalesce(u.raw_user_meta_data -> 'onboarding_completed' = 'true'::jsonb, false)
        = ${o.onboarded === "yes"}`,
    ],
    o.organization === undefined ? [] : [
      sql`exists (
        select from public.organization_members as m
        where m.user_id = u.id and m.organization_id = ${o.organization}::uuid)`,
    ],
    o.tier === undefined ? [] : [sql`coalesce(u.raw_app_meta_data ->> 'tier', 'free') = ${o.tier}`],
    o.createdAfter === undefined ? [] : [sql`u.created_at >= ${o.createdAfter}`],
    o.createdBefore === undefined ? [] : [sql`u.created_at < ${o.createdBefore}`],
    o.cursor === undefined ? [] : [
      sql`(u.created_at, u.id) < (${o.cursor.createdAt}::text::timestamptz, ${o.cursor.id}::uuid)`,
    ],
  ].flat();
  return filters.reduce((all, one) => sql`${all} and ${one}`, sql`true`);
}

function writeCursor({ createdAt, id }: Place): string {
  return btoa(`${createdAt} ${id}`).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function readCursor(value: string): Place {
  const [createdAt = "", id = ""] = decode(value).split(" ");
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(createdAt) || !isUuid(id)) {
    throw new InvalidArgumentError("Give the cursor a page ended with");
  }
  return { createdAt, id };
}

/** Empty for what no page ended with. */
function decode(value: string): string {
  try {
    return atob(value.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return "";
  }
}

function parseUuid(value: string): string {
  if (!isUuid(value)) throw new InvalidArgumentError("Give a UUID");
  return value.toLowerCase();
}

import { decidedEmail, type DecisionBook } from "../decisions.ts";
import type { LegacyDatabases } from "../context.ts";
import { LegacyError } from "../errors.ts";

/** Who keeps an address that several legacy users have. */
export interface Contests {
  /** The legacy user who keeps the address of this one; undefined when the user keeps it. */
  keeperOf(legacyUserId: string): string | undefined;
}

interface Contestant {
  user_id: string;
  linked: boolean;
  verified: boolean;
  last_login_at: string | null;
  created_at: string;
}

/**
 * Finds the legacy users whose e-mails differ in case only, and who of them keeps the address:
 * whoever has an account already, else who confirmed it, signed in last, came first. Who was given
 * another address is out.
 * @throws LegacyError (usage) when a decided address is another legacy user's
 */
export async function readContests(
  { source, sql }: LegacyDatabases,
  book: DecisionBook,
  readMap: boolean,
): Promise<Contests> {
  await checkDecidedEmails({ source }, book);
  const groups = await source.sql<{ users: Contestant[] }[]>`
    select json_agg(json_build_object('user_id', user_id, 'linked', supabase_user_id is not null,
      'verified', email_verified, 'last_login_at', last_login_at, 'created_at', created_at)) as users
    from public.users
    group by lower(email) having count(*) > 1`;
  const members = groups.flatMap(({ users }) => users);
  const exported = new Set<string>();
  if (readMap && members.length > 0) {
    const rows = await sql<{ legacy_user_id: string }[]>`
      select legacy_user_id from private.legacy_exports
      where legacy_user_id = any(${members.map((user) => user.user_id)}::uuid[])`;
    for (const row of rows) exported.add(row.legacy_user_id);
  }
  const keepers = new Map<string, string>();
  for (const { users } of groups) {
    const isFixed = (user: Contestant) =>
      user.linked || exported.has(user.user_id) ||
      book.of(user.user_id).email_taken?.action === "link";
    const left = users.filter((user) => decidedEmail(book.of(user.user_id)) === undefined)
      .sort((a, b) => Number(isFixed(b)) - Number(isFixed(a)) || compareClaims(a, b));
    const [keeper, ...others] = left;
    for (const user of others) {
      if (keeper && !isFixed(user)) keepers.set(user.user_id, keeper.user_id);
    }
  }
  return { keeperOf: (legacyUserId) => keepers.get(legacyUserId) };
}

/** The better claim to an address first. */
function compareClaims(a: Contestant, b: Contestant): number {
  return Number(b.verified) - Number(a.verified) ||
    (b.last_login_at ?? "").localeCompare(a.last_login_at ?? "") ||
    a.created_at.localeCompare(b.created_at) ||
    a.user_id.localeCompare(b.user_id);
}

async function checkDecidedEmails(
  { source }: Pick<LegacyDatabases, "source">,
  book: DecisionBook,
): Promise<void> {
  const chosen = new Map(
    book.all.flatMap(({ action, value, subject }) =>
      action === "use_email" && value !== undefined ? [[value, subject] as const] : []
    ),
  );
  if (chosen.size === 0) return;
  const rows = await source.sql<{ user_id: string; email: string }[]>`
    select user_id, lower(email) as email from public.users
    where lower(email) = any(${[...chosen.keys()]}::text[])`;
  for (const { user_id, email } of rows) {
    if (chosen.get(email) === user_id || decidedEmail(book.of(user_id)) !== undefined) continue;
    throw new LegacyError(
      "usage",
      `The decision use_email of ${
        chosen.get(email)
      } gives an e-mail that legacy user ${user_id} ` +
        "has: choose another one. Nothing was changed",
    );
  }
}

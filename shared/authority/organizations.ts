import { type ActivityType, operatorActivity, recordActivity } from "../audit/mod.ts";
import type { Transaction } from "../database/doors.ts";
import { AppError } from "../errors/app-error.ts";
import { isPlainName } from "../text/plain-text.ts";
import { isUuid } from "../text/uuid.ts";
import { type Account, findAccount } from "./accounts.ts";
import { writeAuthority } from "./app-metadata.ts";
import type { AuthorityContext } from "./tier.ts";

/** Roles in an organization, as `organization_members.role` holds them. */
export const organizationRoles = ["member", "admin"] as const;
/** One of {@link organizationRoles}. */
export type OrganizationRole = (typeof organizationRoles)[number];

/** An organization as an operator names one. */
export interface Organization {
  organizationId: string;
  name: string;
}

/** A membership as it stands after a change; `role` is null for somebody who is no member. */
export interface MembershipChange {
  organization: Organization;
  userId: string;
  email: string;
  role: OrganizationRole | null;
  /** False when it stood like this already. */
  isChanged: boolean;
  /** Whether the account was deleted meanwhile, so that no token is left to tell. */
  isGone: boolean;
}

const maxName = 100;

/**
 * Makes an organization with its first admin. One of the same name with the same admin is taken for
 * the same, so that a command that was stopped can be given again.
 * @throws AppError validation_failed, user_not_found, auth_unavailable
 */
export async function createOrganization(
  ctx: AuthorityContext,
  name: string,
  admin: string,
): Promise<MembershipChange> {
  const clean = toName(name);
  return await carryOut(ctx, admin, async (sql, { userId }) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`heimdex organization ${clean}`}, 0))`;
    const [known] = await sql<Organization[]>`
      select o.organization_id as "organizationId", o.name from public.organizations as o
      join public.organization_members as m using (organization_id)
      where o.name = ${clean} and m.user_id = ${userId} and m.role = 'admin'
      order by o.created_at limit 1`;
    if (known) return { organization: known, role: "admin" };
    const [made] = await sql<Organization[]>`
      insert into public.organizations (name) values (${clean})
      returning organization_id as "organizationId", name`;
    if (!made) throw new Error("The database answered no organization");
    await insertMember(sql, made.organizationId, userId, "admin");
    return { organization: made, role: "admin", activity: "organization.created" };
  });
}

/**
 * Makes a user a member of an organization.
 * @throws AppError organization_not_found, user_not_found, auth_unavailable; validation_failed when
 * the user is a member in another role already
 */
export async function addMember(
  ctx: AuthorityContext,
  organization: string,
  who: string,
  role: OrganizationRole,
): Promise<MembershipChange> {
  return await changeMembership(ctx, organization, who, async (sql, place) => {
    const { organizationId, userId, present } = place;
    if (present === role) return { role };
    if (present) {
      throw new AppError(
        "validation_failed",
        `The user is ${present} of this organization already, change it with heimdex org role`,
      );
    }
    await insertMember(sql, organizationId, userId, role);
    return { role, activity: "organization.member_added" };
  });
}

/**
 * Ends a membership.
 * @throws AppError organization_not_found, user_not_found, auth_unavailable; last_admin for the
 * only admin
 */
export async function removeMember(
  ctx: AuthorityContext,
  organization: string,
  who: string,
): Promise<MembershipChange> {
  return await changeMembership(ctx, organization, who, async (sql, place) => {
    const { organizationId, userId, present } = place;
    if (!present) return { role: null };
    if (present === "admin") await requireOtherAdmin(sql, place);
    await sql`delete from public.organization_members
      where organization_id = ${organizationId} and user_id = ${userId}`;
    return { role: null, activity: "organization.member_removed" };
  });
}

/**
 * Changes the role of a member.
 * @throws AppError organization_not_found, user_not_found, auth_unavailable; validation_failed for
 * somebody who is no member; last_admin for the only admin
 */
export async function changeRole(
  ctx: AuthorityContext,
  organization: string,
  who: string,
  role: OrganizationRole,
): Promise<MembershipChange> {
  return await changeMembership(ctx, organization, who, async (sql, place) => {
    const { organizationId, userId, present } = place;
    if (!present) {
      throw new AppError(
        "validation_failed",
        "The user is no member of this organization, add them with heimdex org add",
      );
    }
    if (present === role) return { role };
    if (present === "admin") await requireOtherAdmin(sql, place);
    await sql`update public.organization_members set role = ${role}
      where organization_id = ${organizationId} and user_id = ${userId}`;
    return { role, activity: "organization.role_changed" };
  });
}

/** What a change came to. */
interface Decision {
  role: OrganizationRole | null;
  /** Absent when nothing was to be done. */
  activity?: ActivityType;
}

interface Step extends Decision {
  organization: Organization;
}

/** One user in one organization. */
interface Place {
  organizationId: string;
  userId: string;
}

/**
 * Changes the membership of one user. `decide` is told the present role, undefined for somebody who
 * is no member; until it is done nobody else changes a member of the organization.
 */
async function changeMembership(
  ctx: AuthorityContext,
  organization: string,
  who: string,
  decide: (
    sql: Transaction,
    place: Place & { present: OrganizationRole | undefined },
  ) => Promise<Decision>,
): Promise<MembershipChange> {
  return await carryOut(ctx, who, async (sql, { userId }) => {
    const found = await lockOrganization(sql, organization);
    const place = { organizationId: found.organizationId, userId };
    const present = await readRole(sql, place);
    return { organization: found, ...await decide(sql, { ...place, present }) };
  });
}

/** First the authority, then the hint in the token. */
async function carryOut(
  ctx: AuthorityContext,
  who: string,
  step: (sql: Transaction, account: Account) => Promise<Step>,
): Promise<MembershipChange> {
  const { userId, email, done } = await ctx.database.asService(async (sql) => {
    const account = await findAccount(sql, who);
    const { userId, email } = account;
    const done = await step(sql, account);
    if (done.activity) {
      const resourceId = done.organization.organizationId;
      const what = { type: done.activity, userId, resource: "organization", resourceId } as const;
      await recordActivity(sql, [operatorActivity(what)]);
    }
    return { userId, email, done };
  });
  const hint = await alignHint(ctx, userId);
  const { organization, role, activity } = done;
  const isChanged = hint === "written" || activity !== undefined;
  return { organization, userId, email, role, isChanged, isGone: hint === "gone" };
}

/** Writes before two commands about one user are left to themselves. */
const mostWrites = 5;

/**
 * Brings the hint in the token in line with the memberships, whatever stopped an earlier command
 * between the two, and looks again after a write: another command may have changed them meanwhile.
 * An account that was deleted since has no token any more.
 */
async function alignHint(
  ctx: AuthorityContext,
  userId: string,
): Promise<"stood" | "written" | "gone"> {
  try {
    for (let writes = 0; writes < mostWrites; writes++) {
      if (!await writeHint(ctx, userId)) return writes > 0 ? "written" : "stood";
    }
    return "written";
  } catch (error) {
    if (error instanceof AppError && error.code === "user_not_found") return "gone";
    throw error;
  }
}

async function writeHint({ database, auth }: AuthorityContext, userId: string): Promise<boolean> {
  const { account, hint } = await database.asService(async (sql) => {
    const account = await findAccount(sql, userId);
    return { account, hint: await chooseHint(sql, account) };
  });
  return await writeAuthority(auth, account, hint);
}

/** The membership a token names: the one it names already, else the oldest, else none. */
async function chooseHint(
  sql: Transaction,
  { userId, appMetadata }: Account,
): Promise<{ organization_id: string | null; role: string | null }> {
  const present = String(appMetadata["organization_id"] ?? "");
  const [row] = await sql<{ organization_id: string; role: string }[]>`
    select organization_id, role from public.organization_members where user_id = ${userId}
    order by organization_id::text = ${present} desc, created_at, organization_id limit 1`;
  return row ?? { organization_id: null, role: null };
}

/** By UUID or by name; its members stay as they are until the end of the transaction. */
async function lockOrganization(sql: Transaction, which: string): Promise<Organization> {
  const rows = await sql<Organization[]>`
    select organization_id as "organizationId", name from public.organizations
    where ${isUuid(which) ? sql`organization_id = ${which}` : sql`name = ${which.trim()}`}
    limit 2 for update`;
  const [found] = rows;
  if (!found) {
    throw new AppError("organization_not_found", `No organization has the id or name "${which}"`);
  }
  if (rows.length > 1) {
    throw new AppError(
      "organization_not_found",
      `Several organizations have the name "${which}", give an id`,
    );
  }
  return found;
}

async function readRole(
  sql: Transaction,
  { organizationId, userId }: Place,
): Promise<OrganizationRole | undefined> {
  const [row] = await sql<{ role: OrganizationRole }[]>`
    select role from public.organization_members
    where organization_id = ${organizationId} and user_id = ${userId}`;
  return row?.role;
}

async function insertMember(
  sql: Transaction,
  organizationId: string,
  userId: string,
  role: OrganizationRole,
): Promise<void> {
  await sql`insert into public.organization_members (organization_id, user_id, role)
    values (${organizationId}, ${userId}, ${role})`;
}

/** As the deletion of an account counts: an admin whose own erasure is open is none. */
async function requireOtherAdmin(
  sql: Transaction,
  { organizationId, userId }: Place,
): Promise<void> {
  const others = await sql`
    select from public.organization_members as m
    where m.organization_id = ${organizationId} and m.role = 'admin' and m.user_id <> ${userId}
      and not exists (
        select from private.erasures as e
        where e.user_id = m.user_id and e.kind = 'user' and e.state not in ('cancelled', 'final'))
    limit 1`;
  if (others.count > 0) return;
  throw new AppError(
    "last_admin",
    "The user is the only admin of this organization, make another member admin first",
  );
}

function toName(name: string): string {
  const clean = name.normalize("NFC").trim();
  if (clean.length > 0 && [...clean].length <= maxName && isPlainName(clean)) return clean;
  throw new AppError(
    "validation_failed",
    `Give a name of 1 to ${maxName} characters without line breaks and control characters`,
  );
}

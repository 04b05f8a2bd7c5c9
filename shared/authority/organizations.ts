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
  return await changeMembership(ctx, admin, async (sql, { userId }) => {
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
  return await changeMembership(ctx, who, async (sql, { userId }) => {
    const found = await lockOrganization(sql, organization);
    const present = await readRole(sql, found, userId);
    if (present === role) return { organization: found, role };
    if (present) {
      throw new AppError(
        "validation_failed",
        `The user is ${present} of this organization already, change it with heimdex org role`,
      );
    }
    await insertMember(sql, found.organizationId, userId, role);
    return { organization: found, role, activity: "organization.member_added" };
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
  return await changeMembership(ctx, who, async (sql, { userId }) => {
    const found = await lockOrganization(sql, organization);
    const present = await readRole(sql, found, userId);
    if (!present) return { organization: found, role: null };
    if (present === "admin") await requireOtherAdmin(sql, found, userId);
    await sql`delete from public.organization_members
      where organization_id = ${found.organizationId} and user_id = ${userId}`;
    return { organization: found, role: null, activity: "organization.member_removed" };
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
  return await changeMembership(ctx, who, async (sql, { userId }) => {
    const found = await lockOrganization(sql, organization);
    const present = await readRole(sql, found, userId);
    if (!present) {
      throw new AppError(
        "validation_failed",
        "The user is no member of this organization, add them with heimdex org add",
      );
    }
    if (present === role) return { organization: found, role };
    if (present === "admin") await requireOtherAdmin(sql, found, userId);
    await sql`update public.organization_members set role = ${role}
      where organization_id = ${found.organizationId} and user_id = ${userId}`;
    return { organization: found, role, activity: "organization.role_changed" };
  });
}

interface Step {
  organization: Organization;
  role: OrganizationRole | null;
  /** Absent when nothing was to be done. */
  activity?: ActivityType;
}

/** First the authority, then the hint in the token. */
async function changeMembership(
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
  const isAligned = await alignHint(ctx, userId);
  const { organization, role, activity } = done;
  return { organization, userId, email, role, isChanged: isAligned || activity !== undefined };
}

/** Writes before two commands about one user are left to themselves. */
const mostWrites = 5;

/**
 * Brings the hint in the token in line with the memberships, whatever stopped an earlier command
 * between the two, and looks again after a write: another command may have changed them meanwhile.
 * Answers whether something was written.
 */
async function alignHint({ database, auth }: AuthorityContext, userId: string): Promise<boolean> {
  for (let writes = 0; writes < mostWrites; writes++) {
    const { account, hint } = await database.asService(async (sql) => {
      const account = await findAccount(sql, userId);
      return { account, hint: await chooseHint(sql, account) };
    });
    if (!await writeAuthority(auth, account, hint)) return writes > 0;
  }
  return true;
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
  { organizationId }: Organization,
  userId: string,
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
  { organizationId }: Organization,
  userId: string,
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

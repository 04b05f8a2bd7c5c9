import { Argument, type Command } from "commander";
import type {
  MembershipChange,
  OrganizationRole,
} from "../../../shared/authority/organizations.ts";
import {
  authorityHelp,
  type AuthorityOptions,
  type Outcome,
  revokeOption,
} from "../../authority.ts";

/** The argument that names an organization. */
export const organizationArgument = (): Argument =>
  new Argument("<organization>", "UUID, or name where only one has it");

/** The argument that names a user. */
export const userArgument = (): Argument => new Argument("<user>", "UUID or e-mail address");

/** What every command of this noun has besides its arguments. */
export function addMembershipOptions(command: Command, examples: string): Command {
  return command
    .addOption(revokeOption())
    .option("--json", "write one JSON document")
    .addHelpText("after", `${authorityHelp}\n\nExamples:\n${examples}`);
}

export interface AddOptions extends AuthorityOptions {
  role: OrganizationRole;
}

/** A membership in both languages of the output. */
export function describeMembership(change: MembershipChange): Outcome {
  const { organization, userId, email, role, isChanged, isGone } = change;
  const { organizationId, name } = organization;
  const who = email || userId;
  return {
    userId,
    isChanged,
    isGone,
    document: { organization_id: organizationId, name, user_id: userId, email, role },
    sentence: role
      ? `${who} is ${role} of ${name} (${organizationId})`
      : `${who} is no member of ${name} (${organizationId})`,
  };
}

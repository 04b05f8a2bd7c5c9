import type { Command } from "commander";
import { removeMember } from "../../../shared/authority/organizations.ts";
import { type AuthorityOptions, runChange } from "../../authority.ts";
import { type CliContext, exitCodes, type Finish } from "../../context.ts";
import { nounOf } from "../../noun.ts";
import {
  addMembershipOptions,
  describeMembership,
  organizationArgument,
  userArgument,
} from "./membership.ts";
import { orgNoun } from "./noun.ts";

const examples = `  $ heimdex org remove "Harbour Archive" joon@example.com
  $ heimdex org remove "Harbour Archive" joon@example.com --revoke-sessions --json`;

export function registerOrgRemove(program: Command, context: CliContext, finish: Finish): void {
  const command = nounOf(program, ...orgNoun)
    .command("remove")
    .addArgument(organizationArgument())
    .addArgument(userArgument())
    .description("Ends a membership; what the member uploaded stays theirs");
  addMembershipOptions(command, examples)
    .action(async (organization: string, user: string, options: AuthorityOptions) => {
      await runChange(
        context,
        options,
        async (deps) => describeMembership(await removeMember(deps, organization, user)),
      );
      finish(exitCodes.ok);
    });
}

import { Argument, type Command } from "commander";
import {
  changeRole,
  type OrganizationRole,
  organizationRoles,
} from "../../../shared/authority/organizations.ts";
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

const examples = `  $ heimdex org role "Harbour Archive" joon@example.com admin
  $ heimdex org role "Harbour Archive" mina@example.com member --revoke-sessions --json`;

export function registerOrgRole(program: Command, context: CliContext, finish: Finish): void {
  const command = nounOf(program, ...orgNoun)
    .command("role")
    .addArgument(organizationArgument())
    .addArgument(userArgument())
    .addArgument(new Argument("<role>", "the new role").choices(organizationRoles))
    .description("Changes the role of a member");
  addMembershipOptions(command, examples)
    .action(
      async (
        organization: string,
        user: string,
        role: OrganizationRole,
        options: AuthorityOptions,
      ) => {
        await runChange(
          context,
          options,
          async (deps) => describeMembership(await changeRole(deps, organization, user, role)),
        );
        finish(exitCodes.ok);
      },
    );
}

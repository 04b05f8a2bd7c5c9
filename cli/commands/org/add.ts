import { type Command, Option } from "commander";
import { addMember, organizationRoles } from "../../../shared/authority/organizations.ts";
import { runChange } from "../../authority.ts";
import { type CliContext, exitCodes, type Finish } from "../../context.ts";
import { nounOf } from "../../noun.ts";
import {
  addMembershipOptions,
  type AddOptions,
  describeMembership,
  organizationArgument,
  userArgument,
} from "./membership.ts";
import { orgNoun } from "./noun.ts";

const examples = `  $ heimdex org add "Harbour Archive" joon@example.com
  $ heimdex org add 5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11 joon@example.com --role admin --json`;

export function registerOrgAdd(program: Command, context: CliContext, finish: Finish): void {
  const command = nounOf(program, ...orgNoun)
    .command("add")
    .addArgument(organizationArgument())
    .addArgument(userArgument())
    .description("Makes a user a member of an organization")
    .addOption(
      new Option("--role <role>", "what the member may do").choices(organizationRoles)
        .default("member"),
    );
  addMembershipOptions(command, examples)
    .action(async (organization: string, user: string, options: AddOptions) => {
      await runChange(
        context,
        options,
        async (deps) => describeMembership(await addMember(deps, organization, user, options.role)),
      );
      finish(exitCodes.ok);
    });
}

import type { Command } from "commander";
import { createOrganization } from "../../../shared/authority/organizations.ts";
import { type AuthorityOptions, runChange } from "../../authority.ts";
import { type CliContext, exitCodes, type Finish } from "../../context.ts";
import { nounOf } from "../../noun.ts";
import { addMembershipOptions, describeMembership } from "./membership.ts";
import { orgNoun } from "./noun.ts";

const examples = `  $ heimdex org create "Harbour Archive" --admin mina@example.com
  $ heimdex org create "Harbour Archive" --admin mina@example.com --revoke-sessions --json`;

interface CreateOptions extends AuthorityOptions {
  admin: string;
}

export function registerOrgCreate(program: Command, context: CliContext, finish: Finish): void {
  const command = nounOf(program, ...orgNoun)
    .command("create")
    .argument("<name>", "1 to 100 characters")
    .description("Makes an organization; one of this name and admin is taken for the same")
    .requiredOption("--admin <user>", "its first admin: UUID or e-mail address");
  addMembershipOptions(command, examples)
    .action(async (name: string, options: CreateOptions) => {
      await runChange(
        context,
        options,
        async (deps) => describeMembership(await createOrganization(deps, name, options.admin)),
      );
      finish(exitCodes.ok);
    });
}

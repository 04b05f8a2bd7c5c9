import { Argument, type Command } from "commander";
import { setTier } from "../../../shared/authority/tier.ts";
import { type Tier, tierLimits, tiers } from "../../../shared/auth/tiers.ts";
import { authorityHelp, type AuthorityOptions, revokeOption, runChange } from "../../authority.ts";
import { type CliContext, exitCodes, type Finish } from "../../context.ts";
import { nounOf } from "../../noun.ts";
import { tierNoun } from "./noun.ts";

const limits = tiers.map((tier) => {
  const { uploadsPerDay, searchesPerMinute } = tierLimits[tier];
  return `  ${
    tier.padEnd(12)
  }${uploadsPerDay} uploads a day, ${searchesPerMinute} searches a minute`;
});

const examples = `
Tiers:
${limits.join("\n")}
${authorityHelp}

Examples:
  $ heimdex tier set mina@example.com pro
  $ heimdex tier set 7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a free --revoke-sessions --json`;

export function registerTierSet(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...tierNoun)
    .command("set")
    .argument("<user>", "UUID or e-mail address")
    .addArgument(new Argument("<tier>", "the new tier").choices(tiers))
    .description("Sets the tier of a user in app_metadata, which the user cannot write")
    .addOption(revokeOption())
    .option("--json", "write one JSON document")
    .addHelpText("after", examples)
    .action(async (user: string, tier: Tier, options: AuthorityOptions) => {
      await runChange(context, options, async (deps) => {
        const change = await setTier(deps, user, tier);
        const { userId, email, from, to, isChanged } = change;
        return {
          userId,
          isChanged,
          document: { user_id: userId, email, from, to },
          sentence: isChanged
            ? `Tier of ${email || userId}: ${from} is now ${to}`
            : `Tier of ${email || userId} is ${to} already`,
        };
      });
      finish(exitCodes.ok);
    });
}

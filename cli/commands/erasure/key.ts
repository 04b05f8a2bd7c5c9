import type { Command } from "commander";
import { openReceiptSigner, ReceiptKeyError } from "../../../shared/erasure/receipts/mod.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { nounOf } from "../../noun.ts";
import { toJson } from "../../output.ts";
import { erasureNoun } from "./noun.ts";

const examples = `
Examples:
  $ heimdex erasure key > receipts.pub.json
  $ HEIMDEX_RECEIPT_KEY="$(cat old-key.json)" heimdex erasure key`;

export function registerErasureKey(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...erasureNoun)
    .command("key")
    .description(
      "Prints the public key with which receipts are verified, made from the private one",
    )
    .option("--json", "the same: the key is a JSON document")
    .addHelpText("after", `\nEnvironment:\n  HEIMDEX_RECEIPT_KEY   the private JWK\n${examples}`)
    .action(async () => finish(await printKey(context)));
}

async function printKey(context: CliContext): Promise<ExitCode> {
  const { HEIMDEX_RECEIPT_KEY: key } = context.env;
  if (!key) {
    throw new CliError(exitCodes.usage, "Set HEIMDEX_RECEIPT_KEY to the private JWK of receipts");
  }
  try {
    const { publicKey } = await openReceiptSigner(key);
    context.out(toJson(publicKey));
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof ReceiptKeyError)) throw error;
    throw new CliError(exitCodes.usage, error.message, { cause: error });
  }
}

import { z } from "zod";
import type { JSONWebKeySet } from "jose";
import { CliError, exitCodes } from "./context.ts";
import { parseJson } from "../shared/json.ts";
import { readText } from "./receipt-files.ts";

const jwk = z.looseObject({ kty: z.string() });
const keyFile = z.union([
  z.object({ keys: z.array(jwk).min(1) }),
  jwk.transform((key) => ({ keys: [key] })),
]);

/**
 * The public keys in these files, each a JWK or a set of them, as `heimdex erasure key` prints one.
 * Throws: CliError (usage) for a file that cannot be read or holds no key.
 */
export async function readReceiptKeys(paths: readonly string[]): Promise<JSONWebKeySet> {
  const keys: JSONWebKeySet["keys"] = [];
  for (const path of paths) {
    const parsed = keyFile.safeParse(parseJson(await readText(path)));
    if (!parsed.success) {
      throw new CliError(
        exitCodes.usage,
        `"${path}" holds no JSON Web Key: "heimdex erasure key" prints the one it takes`,
      );
    }
    keys.push(...parsed.data.keys);
  }
  return { keys };
}

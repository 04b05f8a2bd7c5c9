import { describe, expect, it } from "vitest";
import { call, expectJson, expectProblem } from "../../support/call.ts";
import { canMintTokens, useStack } from "../../support/stack.ts";
import { trustedKeyId } from "../../support/tokens.ts";
import { type Attack, attackCount, attacks } from "./attacks.ts";
import { createForge, type Forge, importKey } from "./forge.ts";

// The HTTP server itself refuses a megabyte of header (400 or 431), before any code of ours.
// What no header can carry never arrives; the verifier's own run covers it.
const headerSafe = /^[\x21-\x7e]+$/;

function stackForge(): Forge {
  const { signingKey, jwtIssuer } = useStack();
  if (!signingKey) throw new Error("This stack keeps its signing key");
  return createForge(jwtIssuer, importKey(signingKey), trustedKeyId());
}

/** How GET /me answers a token, compared with what the suite expects; null where both agree. */
async function attack({ what, expected, token }: Attack, forge: Forge): Promise<string | null> {
  const sent = token(forge);
  if (!headerSafe.test(sent)) return null;
  const response = await call("/me", { token: sent });
  const isTooLong = sent.length > 32_768 && [400, 431].includes(response.status);
  if (isTooLong) return await drained(response, null);
  if (response.ok) {
    return await drained(response, expected === "accepted" ? null : `${what}: accepted`);
  }
  const { code } = await expectProblem(response, expected, 401);
  return code === expected ? null : `${what}: ${code}`;
}

async function drained<T>(response: Response, value: T): Promise<T> {
  await response.body?.cancel();
  return value;
}

describe.runIf(canMintTokens())(`GET /me under ${attackCount} attacks`, () => {
  it.each(Object.entries(attacks))("%s", async (_group, rows) => {
    const forge = stackForge();
    const findings = await Promise.all(rows.map((row) => attack(row, forge)));
    expect(findings.filter((finding) => finding !== null)).toEqual([]);
  });

  it("answers a good token while it is attacked, with nothing of the attacks in it", async () => {
    const forge = stackForge();
    const rows = Object.values(attacks).flat().filter(({ expected }) => expected === "accepted");
    for (const { token, what } of rows) {
      const me = await expectJson(await call("/me", { token: token(forge) }), 200);
      expect(me, what).toMatchObject({ tier: "free", email_verified: false });
      expect(JSON.stringify(me), what).not.toMatch(/enterprise|owner|__proto__/);
    }
  });
});

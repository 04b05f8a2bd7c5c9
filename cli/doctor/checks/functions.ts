import { z } from "zod";
import { type Check, found } from "../check.ts";
import type { DoctorContext } from "../context.ts";
import { SilentError } from "../unavailable.ts";

const names = ["auth-onboarding", "auth-webhook", "me", "people", "search", "videos"];

const problemSchema = z.object({ code: z.string() });

export const functions: Check = {
  id: "functions",
  looks: "each edge function: reached, deployed, booting, and answering itself without a token",
  why:
    "The platform answers in the place of a function that is missing or does not boot, and its " +
    "own token check refuses tokens of the new signing keys",
  mend: 'Run "supabase functions deploy" from the project folder, with verify_jwt = false in ' +
    "supabase/config.toml; its logs say why one does not boot",
  async run(context) {
    try {
      const findings = await Promise.all(names.map((name) => examine(context, name)));
      return found(findings.flat());
    } catch (error) {
      if (error instanceof SilentError) return found([error.message]);
      throw error;
    }
  },
};

/** A path that asks nothing of anybody: whatever problem document comes back is the function's own. */
async function examine({ call }: DoctorContext, name: string): Promise<string[]> {
  const answer = await call(`/functions/v1/${name}/doctor-looks-here`);
  const isOurs = answer.headers.get("content-type")?.startsWith("application/problem+json") &&
    problemSchema.safeParse(answer.body).success;
  return isOurs && answer.status < 500 ? [] : [`${name}: ${describe(answer.status)}`];
}

function describe(status: number): string {
  if (status === 404) return "is not deployed";
  if (status === 401) return "the platform asks for a token before the function is reached";
  if (status >= 500) return `does not boot or run (${status})`;
  return `answered ${status} where the function itself should`;
}

import type { Decision } from "../../../shared/legacy/decisions.ts";
import type { Matter } from "../../../shared/legacy/plan/matters.ts";

/** What a plan leaves to be decided, as `heimdex legacy plan --json` writes it. */
export interface Plan {
  matters: Pick<Matter, "kind" | "subject" | "actions" | "suggested">[];
}

/**
 * Decides every matter of a plan and writes the decisions file. What may be linked is linked for
 * every other user, so that both answers are met.
 */
export async function decide({ matters }: Plan): Promise<{ decisions: Decision[]; file: string }> {
  const decisions = matters.map(({ kind, subject, actions, suggested }): Decision => {
    const mayLink = actions.includes("link") && Number.parseInt(subject.slice(-1), 16) % 2 === 0;
    if (mayLink && suggested.action === "link") return suggested;
    if (!actions.includes("use_email")) return suggested;
    return { kind, subject, action: "use_email", value: `decided-${subject}@example.test` };
  });
  const file = await Deno.makeTempFile({ prefix: "heimdex-decisions-", suffix: ".json" });
  await Deno.writeTextFile(file, JSON.stringify({ decisions }));
  return { decisions, file };
}

import { describe, expect, it } from "vitest";
import { read } from "./project.ts";

const check = read(".github/workflows/check.yml");
const deploy = read(".github/workflows/deploy.yml");

/** The lines of one job. */
function jobOf(workflow: string, name: string): string {
  return new RegExp(`^  ${name}:\\n(?:    .*\\n|\\n)+`, "m").exec(workflow)?.[0] ?? "";
}

describe("a deployment", () => {
  it("by hand goes through the gate first", () => {
    expect(check).toMatch(/^ {2}workflow_call:$/m);
    const gate = jobOf(deploy, "gate");
    expect(gate).toContain("if: github.event_name == 'workflow_dispatch'");
    expect(gate).toContain("uses: ./.github/workflows/check.yml");
    const job = jobOf(deploy, "deploy");
    expect(job).toContain("needs: gate");
    expect(job).toContain("needs.gate.result == 'success'");
  });

  it("takes the commit that passed the gate and no other", () => {
    const job = jobOf(deploy, "deploy");
    expect(job.match(/^ +ref: .+$/gm)).toEqual([
      "          ref: ${{ needs.gate.outputs.commit || github.event.workflow_run.head_sha }}",
    ]);
    expect(jobOf(check, "gate")).toContain("commit: ${{ steps.commit.outputs.commit }}");
  });
});

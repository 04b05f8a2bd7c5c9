import process from "node:process";
import { fileURLToPath } from "node:url";
import { checkDeployment } from "./check-deployment.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

const usage = `Usage: npm run deploy:check [-- --json]

Deploys every function to a server on this machine that only records, and looks at what came:
the files each function needs and no other, no secret, the settings of supabase/config.toml, and
that each function starts from those files alone. Needs no project and no network.

Exit codes: 0 every check passed, 1 one failed, 2 unknown option
`;

const args = process.argv.slice(2);
if (args.includes("--help")) {
  process.stdout.write(usage);
} else if (args.some((arg) => arg !== "--json")) {
  process.stderr.write(usage);
  process.exitCode = 2;
} else {
  await run(args.includes("--json"));
}

async function run(asJson: boolean): Promise<void> {
  const { checks, functions } = await checkDeployment(project);
  const failed = checks.filter(({ fault }) => fault !== null);
  if (asJson) {
    process.stdout.write(`${JSON.stringify({ checks, functions }, null, 2)}\n`);
  } else {
    for (const { slug, files, bytes } of functions) {
      process.stdout.write(
        `${slug.padEnd(16)} ${files} files, ${Math.ceil(bytes / 1024)} KiB\n`,
      );
    }
    for (const { what, fault } of failed) {
      process.stdout.write(`FAILED ${what}: ${fault}\n`);
    }
    process.stdout.write(
      `deploy:check: ${checks.length - failed.length} checks passed, ${failed.length} failed\n`,
    );
  }
  process.exitCode = failed.length > 0 ? 1 : 0;
}

import { writeFile } from "node:fs/promises";
import process from "node:process";

const usage = `Usage: npm run secrets -- FILE

Writes new secrets of a deployment to FILE (mode 600), one NAME=value a line, as
"supabase secrets set --env-file FILE" reads them. Refuses to write over a file.

Exit codes: 0 written, 2 no file named, or it exists
`;

/** New values of every secret a deployment has to make up for itself. */
export async function createSecrets(): Promise<Record<string, string>> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("Ed25519 gave a single key");
  const { kty, crv, x, d } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  return {
    HEIMDEX_CURSOR_KEY: createToken(),
    HEIMDEX_CRON_SECRET: createToken(),
    HEIMDEX_PSEUDONYM_KEY: createToken(),
    HEIMDEX_RECEIPT_KEY: JSON.stringify({ kty, crv, x, d, kid: crypto.randomUUID() }),
    HEIMDEX_WEBHOOK_SECRETS: `v1,whsec_${randomBytes().toBase64()}`,
    HEIMDEX_WORKER_KEYS: createToken(),
  };
}

const randomBytes = () => crypto.getRandomValues(new Uint8Array(32));

const createToken = () => randomBytes().toBase64({ alphabet: "base64url", omitPadding: true });

const refusals: Record<string, string> = {
  EEXIST: "exists already: name another file",
  ENOENT: "lies in a folder that does not exist: make it first",
  EISDIR: "is a folder: name a file in it",
  EACCES: "cannot be written by this user",
};

async function run([file, ...rest]: string[]): Promise<number> {
  if (!file || file.startsWith("-") || rest.length > 0) {
    const asked = file === "--help";
    (asked ? process.stdout : process.stderr).write(usage);
    return asked ? 0 : 2;
  }
  const lines = Object.entries(await createSecrets()).map(([name, value]) =>
    `${name}='${value}'\n`
  );
  try {
    await writeFile(file, lines.join(""), { flag: "wx", mode: 0o600 });
  } catch (error) {
    const sentence = refusals[(error as { code?: string }).code ?? ""];
    if (!sentence) throw error;
    process.stderr.write(`${file} ${sentence}\n`);
    return 2;
  }
  process.stdout.write(`Wrote ${lines.length} secrets to ${file}\n`);
  return 0;
}

if (import.meta.main) process.exitCode = await run(process.argv.slice(2));

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allowed } from "../../tools/secrets/allowed.ts";
import { findSecrets } from "../../tools/secrets/rules.ts";
import { findExcuse, scanHistory } from "../../tools/secrets/scan.ts";

const run = promisify(execFile);

/** Made here, so that this file holds no text that looks like one of them. */
const random = (length: number) =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(length))).toString("base64url").slice(
    0,
    length,
  );
const secretKey = `sb_${"secret"}_${random(30)}`;

const planted: [what: string, text: string][] = [
  ["a secret key of Supabase", `key = "${secretKey}"`],
  ["a webhook secret", `v1,${"whsec"}_${Buffer.alloc(32, 7).toString("base64")}`],
  [
    "a private key",
    ["BEGIN", "END"].map((word) => `-----${word} PRIVATE KEY-----`)
      .join(`\n${random(64)}\n`),
  ],
  ["a private JWK", `{"kty":"EC","crv":"P-256","${"d"}":"${random(43)}"}`],
  ["a signed token", `${"ey"}J${random(20)}.${"ey"}J${random(40)}.${random(60)}`],
  ["a token of GitHub", `${"gh"}p_${"a1B2".repeat(9)}`],
  ["a database URL with its password", `postgresql://postgres:${random(16)}@db.example.com:5432/x`],
  ["a random value under a telling name", `HEIMDEX_CURSOR_KEY=${random(43)}1`],
];

describe("the secrets scan", () => {
  it.each(planted)("finds %s", async (_what, text) => {
    expect(await findSecrets("notes.md", `one\n${text}\n`)).not.toEqual([]);
  });

  it.each([
    ["an identifier", "const accessToken = session.access_token;"],
    ["a name of a setting", "HEIMDEX_CURSOR_KEY=the-key-of-your-deployment-goes-here"],
    ["a hash of a package", `"integrity": "sha512-${random(86)}=="`],
    ["a published key", `{"kty":"EC","crv":"P-256","x":"${random(43)}"}`],
  ])("leaves %s alone", async (_what, text) => {
    expect(await findSecrets("notes.md", text)).toEqual([]);
  });

  it("excuses by place and text, and gives a reason", async () => {
    for (const { reason, match } of allowed) {
      expect(reason.length).toBeGreaterThan(20);
      expect(match.source).toMatch(/^\^/);
    }
    const [finding] = await findSecrets("a.ts", `"${secretKey}"`);
    expect(finding && findExcuse("tests/a.ts", finding)).toBeUndefined();
  });

  describe("of a history", () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "heimdex-history-"));
      const git = (...args: string[]) =>
        run("git", ["-C", folder, "-c", "user.name=x", "-c", "user.email=x@example.test", ...args]);
      await git("init", "--quiet");
      await writeFile(join(folder, "settings.ts"), `const key = "${secretKey}";\n`);
      await git("add", ".");
      await git("commit", "--quiet", "-m", "one");
      await writeFile(join(folder, "settings.ts"), "const key = read();\n");
      await git("commit", "--quiet", "-am", "two");
      await git("-c", "tag.gpgSign=false", "tag", "-a", "v1", "-m", `the key was ${secretKey}`);
      await writeFile(join(folder, "draft.md"), `postgresql://a:${random(16)}@db.example.com/x\n`);
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it("finds what a later commit took away, a tag tells, and what was never committed", async () => {
      const { reports, read } = await scanHistory(folder);
      expect(read).toBeGreaterThanOrEqual(5);
      expect(reports.map(({ path, id }) => [path, id === "working tree"])).toEqual(
        expect.arrayContaining([["settings.ts", false], ["v1", false], ["draft.md", true]]),
      );
    });
  });
});

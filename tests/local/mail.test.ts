import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type CaughtMail, createMailbox, type Mailbox } from "../../local/gateway/mail.ts";

const mail = { subject: "Hello", text: "plain", html: "<p>rich</p>" };

async function list(mailbox: Mailbox, query = ""): Promise<CaughtMail[]> {
  const response = await mailbox.fetch(new Request(`http://x.test/mail/messages.json${query}`));
  return await response.json();
}

async function mailFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-mail-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, "mails.json");
}

test("mails are listed by address, whatever its case", async () => {
  const mailbox = createMailbox();
  await mailbox.send({ ...mail, to: "Ada@example.test" });
  await mailbox.send({ ...mail, to: "bob@example.test" });
  expect(await list(mailbox, "?to=ada@EXAMPLE.test")).toMatchObject([
    { to: "Ada@example.test", subject: "Hello", text: "plain", html: "<p>rich</p>" },
  ]);
  expect(await list(mailbox)).toHaveLength(2);
});

test("deleting empties the mailbox and its file", async () => {
  const file = await mailFile();
  const mailbox = createMailbox({ file });
  await mailbox.send({ ...mail, to: "ada@example.test" });
  const url = "http://x.test/mail/messages";
  const response = await mailbox.fetch(new Request(url, { method: "DELETE" }));
  expect(response.status).toBe(204);
  expect(await list(mailbox)).toEqual([]);
  expect(await Deno.readTextFile(file)).toBe("");
});

test("mails outlive a restart, half a line of a killed run does not", async () => {
  const file = await mailFile();
  const before = createMailbox({ file });
  await Promise.all(["a", "b", "c"].map((name) => before.send({ ...mail, to: `${name}@x.test` })));
  await Deno.writeTextFile(file, '{"to": "half', { append: true });
  const after = createMailbox({ file });
  expect((await list(after)).map((each) => each.to)).toEqual(["a@x.test", "b@x.test", "c@x.test"]);
});

test("the page escapes subjects and lets nothing run", async () => {
  const mailbox = createMailbox();
  await mailbox.send({ ...mail, to: "ada@example.test", subject: "<script>alert(1)</script>" });
  const response = await mailbox.fetch(new Request("http://x.test/mail"));
  expect(await response.text()).toContain("&lt;script&gt;");
  expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
});

test("an unknown path and a wrong method are 404", async () => {
  const mailbox = createMailbox();
  const put = new Request("http://x.test/mail", { method: "PUT" });
  expect((await mailbox.fetch(put)).status).toBe(404);
  expect((await mailbox.fetch(new Request("http://x.test/mail/other"))).status).toBe(404);
});

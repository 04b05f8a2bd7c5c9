import { waitFor } from "./expect.ts";

interface Mail {
  subject: string;
  text: string;
  html: string;
}

/** Opens the confirmation mail of this address and follows its link, as a mail program would. */
export async function confirmByMail(mailUrl: string, address: string): Promise<string> {
  const mail = await waitFor(`A mail for ${address}`, async () => {
    const response = await fetch(`${mailUrl}/messages.json?to=${encodeURIComponent(address)}`);
    const mails: Mail[] = await response.json();
    return mails.at(0);
  });
  const text = `${mail.text}\n${mail.html}`.replaceAll("&amp;", "&");
  const link = /https?:\/\/[^\s"'<>]+\/auth\/v1\/verify\?[^\s"'<>]+/.exec(text)?.[0];
  if (!link) throw new Error(`The mail "${mail.subject}" has no confirmation link`);
  const response = await fetch(link, { redirect: "manual" });
  await response.body?.cancel();
  const target = response.headers.get("location") ?? "";
  if (response.status !== 303 && response.status !== 302 || target.includes("error=")) {
    throw new Error(`The confirmation link answered ${response.status} ${target}`);
  }
  return mail.subject;
}

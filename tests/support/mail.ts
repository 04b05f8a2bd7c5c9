import { useStack } from "./stack.ts";

export interface Mail {
  id: string;
  to: string;
  subject: string;
  text: string;
  html: string;
  received_at: string;
}

function mailUrl(): string {
  const { mailUrl } = useStack();
  if (!mailUrl) throw new Error("This stack really sends its mails: guard with canReadMail()");
  return mailUrl;
}

/** Every mail caught for this address, in the order the catcher keeps them. */
export async function listMails(to: string): Promise<Mail[]> {
  const response = await fetch(`${mailUrl()}/messages.json?to=${encodeURIComponent(to)}`);
  if (!response.ok) throw new Error(`The mail catcher answered ${response.status}`);
  return await response.json();
}

/** The newest mail for this address, waiting up to `timeoutMs` for one that `matches`. */
export async function readMail(
  to: string,
  { matches = () => true, timeoutMs = 20_000 }: {
    matches?: (mail: Mail) => boolean;
    timeoutMs?: number;
  } = {},
): Promise<Mail> {
  const until = Date.now() + timeoutMs;
  while (true) {
    const mails = (await listMails(to)).filter(matches);
    const newest = mails.sort((a, b) => b.received_at.localeCompare(a.received_at))[0];
    if (newest) return newest;
    if (Date.now() > until) throw new Error(`No mail for ${to} within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The first link of a mail that leads to `/auth/v1/verify`. */
export function verifyLink(mail: Mail): string {
  const text = `${mail.text}\n${mail.html}`.replaceAll("&amp;", "&");
  const link = /https?:\/\/[^\s"'<>]+\/auth\/v1\/verify\?[^\s"'<>]+/.exec(text)?.[0];
  if (!link) throw new Error(`The mail "${mail.subject}" has no confirmation link: ${mail.text}`);
  return link;
}

/** The six-digit code of a mail. */
export function mailCode(mail: Mail): string {
  const code = /\b(\d{6})\b/.exec(mail.text)?.[1];
  if (!code) throw new Error(`The mail "${mail.subject}" has no six-digit code: ${mail.text}`);
  return code;
}

import { escapeHtml } from "../html.ts";
import type { MailToSend } from "../mail.ts";

/** What a mail is for; `link` kinds are also the `type` of the verify endpoint. */
export type MailKind =
  | "signup"
  | "recovery"
  | "magiclink"
  | "invite"
  | "email_change"
  | "reauthentication";

const WORDING: Record<MailKind, { subject: string; lead: string }> = {
  signup: { subject: "Confirm Your Signup", lead: "Follow this link to confirm your user:" },
  recovery: {
    subject: "Reset Your Password",
    lead: "Follow this link to reset the password for your user:",
  },
  magiclink: { subject: "Your Magic Link", lead: "Follow this link to log in:" },
  invite: {
    subject: "You have been invited",
    lead: "You have been invited. Follow this link to accept the invite:",
  },
  email_change: {
    subject: "Confirm Email Change",
    lead: "Follow this link to confirm the change of your e-mail address:",
  },
  reauthentication: { subject: "Confirm Reauthentication", lead: "Enter this code:" },
};

/** A mail with its link (none for a reauthentication) and its code. */
export function renderMail(
  kind: MailKind,
  mail: { to: string; code: string; link: string | null },
): MailToSend {
  const { subject, lead } = WORDING[kind];
  const { link, code } = mail;
  if (link === null) {
    const html = `<p>${lead}</p><p><strong>${code}</strong></p>`;
    return { to: mail.to, subject, text: `${lead} ${code}\n`, html };
  }
  const href = escapeHtml(link);
  return {
    to: mail.to,
    subject,
    text: `${lead}\n${link}\n\nOr enter the code: ${code}\n`,
    html: `<p>${lead}</p><p><a href="${href}">${href}</a></p>` +
      `<p>Or enter the code: <strong>${code}</strong></p>`,
  };
}

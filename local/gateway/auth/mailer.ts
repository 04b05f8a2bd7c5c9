import { AsyncLocalStorage } from "node:async_hooks";
import type { Mailbox } from "../mail.ts";
import { type MailKind, renderMail } from "./mail-templates.ts";
import { markToken } from "./pkce.ts";

export interface TokenMail {
  to: string;
  /** Stored with the user; the link carries it. */
  tokenHash: string;
  /** The digits a person types. */
  code: string;
  redirectTo: string;
  /** The link answers with a code that the application exchanges. */
  isPkce?: boolean;
}

/** What the request that causes a mail asks of its link. */
export interface LinkWish {
  redirectTo: string;
  isPkce: boolean;
}

/** Sends the mails of Supabase Auth into the catcher, with links to this gateway. */
export class Mailer {
  #mailbox: Mailbox;
  #publicUrl: () => string;
  #siteUrl: string;
  #wish = new AsyncLocalStorage<LinkWish>();

  constructor(mailbox: Mailbox, publicUrl: () => string, siteUrl: string) {
    this.#mailbox = mailbox;
    this.#publicUrl = publicUrl;
    this.#siteUrl = siteUrl;
  }

  async send(kind: MailKind, mail: TokenMail): Promise<void> {
    const link = kind === "reauthentication" ? null : this.buildLink(kind, mail);
    await this.#mailbox.send(renderMail(kind, { to: mail.to, code: mail.code, link }));
  }

  /** The link that exchanges a token for a session. */
  buildLink(kind: MailKind, mail: Omit<TokenMail, "to" | "code">): string {
    const url = new URL(`${this.#publicUrl()}/auth/v1/verify`);
    url.searchParams.set("token", markToken(mail.tokenHash, mail.isPkce ?? false));
    url.searchParams.set("type", kind);
    url.searchParams.set("redirect_to", mail.redirectTo);
    return url.href;
  }

  /** Gives mails that lite sends during `work` the link that request asks for. */
  withWish<T>(wish: LinkWish, work: () => Promise<T>): Promise<T> {
    return this.#wish.run(wish, work);
  }

  /** The mailer lite calls; lite itself ignores `redirect_to` and links to the site. */
  forLite() {
    const sender = (kind: MailKind) => (to: string, tokenHash: string, code: string) =>
      this.send(kind, { to, tokenHash, code, ...this.#currentWish() });
    return {
      sendConfirmation: sender("signup"),
      sendRecovery: sender("recovery"),
      sendMagicLink: sender("magiclink"),
      sendEmailChange: sender("email_change"),
      sendReauthentication: (to: string, code: string) =>
        this.send("reauthentication", { to, tokenHash: "", code, ...this.#currentWish() }),
    };
  }

  #currentWish(): LinkWish {
    return this.#wish.getStore() ?? { redirectTo: this.#siteUrl, isPkce: false };
  }
}

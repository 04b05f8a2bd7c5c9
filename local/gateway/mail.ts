import { escapeHtml } from "./html.ts";

/** A mail as it is handed to the catcher. */
export interface MailToSend {
  to: string;
  subject: string;
  text: string;
  html: string;
}

/** A caught mail; `received_at` is ISO 8601. */
export interface CaughtMail extends MailToSend {
  id: string;
  received_at: string;
}

export interface Mailbox {
  send(mail: MailToSend): Promise<void>;
  /** GET /mail, GET /mail/messages.json?to=, DELETE /mail/messages. */
  fetch(request: Request): Promise<Response>;
}

const KEPT = 1000;

/**
 * Keeps the last 1000 mails in memory and, with `file`, also as JSON lines on disk, so that they
 * outlive a restart. Nothing ever leaves the machine.
 */
export function createMailbox(options: { file?: string } = {}): Mailbox {
  const file = options.file === undefined ? undefined : openMailFile(options.file);
  let mails = file?.mails ?? [];
  return {
    async send(mail) {
      const caught = { ...mail, id: crypto.randomUUID(), received_at: new Date().toISOString() };
      mails = [...mails, caught].slice(-KEPT);
      await file?.append(caught);
    },
    async fetch(request) {
      const url = new URL(request.url);
      const path = url.pathname.replace(/\/$/, "");
      if (request.method === "DELETE" && path === "/mail/messages") {
        mails = [];
        await file?.rewrite(mails);
        return new Response(null, { status: 204 });
      }
      if (request.method !== "GET") return notFound(path);
      if (path === "/mail/messages.json") return Response.json(select(mails, url));
      return path === "/mail" ? renderList(select(mails, url)) : notFound(path);
    },
  };
}

function select(mails: CaughtMail[], url: URL): CaughtMail[] {
  const to = url.searchParams.get("to")?.toLowerCase();
  return to === undefined ? mails : mails.filter((mail) => mail.to.toLowerCase() === to);
}

interface MailFile {
  mails: CaughtMail[];
  append(mail: CaughtMail): Promise<void>;
  rewrite(mails: CaughtMail[]): Promise<void>;
}

/** Appends in order, one write after another; the start of a run forgets all but the last. */
function openMailFile(path: string): MailFile {
  const mails = readMails(path).slice(-KEPT);
  let last: Promise<void> = Promise.resolve();
  const write = (lines: CaughtMail[], append: boolean) => {
    const text = lines.map((mail) => JSON.stringify(mail) + "\n").join("");
    const next = last.then(() => Deno.writeTextFile(path, text, { append, mode: 0o600 }));
    last = next.catch(() => {});
    return next;
  };
  const rewrite = (lines: CaughtMail[]) => write(lines, false);
  void rewrite(mails).catch(() => {});
  return { mails, append: (mail) => write([mail], true), rewrite };
}

function readMails(file: string): CaughtMail[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return text.split("\n").filter((line) => line !== "").flatMap(parseLine);
}

// A killed earlier run may have left half a line.
function parseLine(line: string): CaughtMail[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}

function renderList(mails: CaughtMail[]): Response {
  const rows = mails.toReversed().map((mail) => `
    <article>
      <h2>${escapeHtml(mail.subject)}</h2>
      <p>To ${escapeHtml(mail.to)} at <time>${mail.received_at}</time></p>
      ${mail.html}
    </article>`);
  const body = rows.length > 0 ? rows.join("") : "<p>No mail yet.</p>";
  const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Caught mails</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; }
      article { border-top: 1px solid #ccc; padding: 1rem 0; }
      h2 { font-size: 1.1rem; margin: 0; }
    </style>
  </head>
  <body><h1>Caught mails</h1>${body}
  </body>
</html>`;
  return new Response(page, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      // Mails carry text of users; nothing in them may run here.
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    },
  });
}

function notFound(path: string): Response {
  return Response.json({ message: `Nothing is served at ${path}` }, { status: 404 });
}

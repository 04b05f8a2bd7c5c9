import { onTestFinished } from "vitest";
import { createAuthGateway } from "../../../local/gateway/auth/mod.ts";
import type { AuthSettings } from "../../../local/gateway/auth/settings.ts";
import { createMailbox } from "../../../local/gateway/mail.ts";
import { adminSql } from "../../support/sql.ts";
import { useStack } from "../../support/stack.ts";
import { type Answer, apiVersion, readAnswer } from "./row.ts";

export interface OwnGateway {
  send(path: string, json?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** The newest code mailed to this address. */
  readCode(to: string): Promise<string>;
}

/** A gateway with settings of its own on the stack's database, in this process. */
export async function startOwnGateway(settings: Partial<AuthSettings>): Promise<OwnGateway> {
  const { adminDatabaseUrl, publishableKey, secretKey, signingKey } = useStack();
  if (!adminDatabaseUrl || !signingKey) throw new Error("Guard this test with hasAdminSql()");
  const authDatabaseUrl = new URL(adminDatabaseUrl);
  // supabase_admin may become the role the gateway logs in as, without knowing its password.
  authDatabaseUrl.searchParams.set("role", "supabase_auth_admin");
  const mailbox = createMailbox();
  const gateway = await createAuthGateway({
    authDatabaseUrl: authDatabaseUrl.href,
    publicUrl: () => "http://own.test",
    publishableKey,
    secretKey,
    signingKey,
    liteJwtSecret: "a secret between gateway and lite in a test",
    siteUrl: "http://127.0.0.1:3000",
    mailbox,
    settings,
  });
  onTestFinished(() => gateway.close());
  return {
    send: async (path, json, headers = {}) => {
      const request = new Request(`http://own.test/auth/v1${path}`, {
        method: json === undefined ? "GET" : "POST",
        headers: {
          "content-type": "application/json",
          apikey: publishableKey,
          ...apiVersion,
          ...headers,
        },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      });
      return await readAnswer(await gateway.fetch(request));
    },
    readCode: async (to) => {
      const url = `http://own.test/mail/messages.json?to=${encodeURIComponent(to)}`;
      const mails: { text: string }[] = await (await mailbox.fetch(new Request(url))).json();
      return /code: (\d+)/.exec(mails.at(-1)?.text ?? "")?.[1] ?? "";
    },
  };
}

/**
 * Creates a token hook with this PL/pgSQL body in a schema of its own, and answers its name. The
 * body may change `claims` and `output`; both are there.
 */
export async function createHook(body: string, options = { grant: true }): Promise<string> {
  const schema = `hook_${crypto.randomUUID().replaceAll("-", "")}`;
  const sql = adminSql();
  await sql.unsafe(`
    create schema ${schema};
    create function ${schema}.hook(event jsonb) returns jsonb language plpgsql as $body$
    declare
      claims jsonb := event->'claims';
      output jsonb;
    begin
      ${body}
      return coalesce(output, jsonb_build_object('claims', claims));
    end
    $body$;
    revoke execute on function ${schema}.hook from public;
    grant usage on schema ${schema} to supabase_auth_admin;
    ${options.grant ? `grant execute on function ${schema}.hook to supabase_auth_admin;` : ""}
  `);
  onTestFinished(async () => {
    await sql.unsafe(`drop schema ${schema} cascade`);
  });
  return `${schema}.hook`;
}

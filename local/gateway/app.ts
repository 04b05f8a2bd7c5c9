import { createAuthGateway } from "./auth/mod.ts";
import { answerPreflight, isPreflight, withCors } from "./cors.ts";
import { catchDriverFaults } from "./driver-faults.ts";
import { createDocs } from "./docs/mod.ts";
import { type ClientInfo, proxyToFunctions } from "./functions-proxy.ts";
import { createIdentifier } from "./keys.ts";
import { createMailbox } from "./mail.ts";
import { isConnectionError } from "./rest-errors.ts";
import { createRest } from "./rest.ts";
import { createStorage } from "./storage/app.ts";

export interface GatewayOptions {
  /** Role supabase_admin; requests never run with its rights. */
  adminDatabaseUrl: string;
  /** Login role supabase_auth_admin. */
  authDatabaseUrl: string;
  /** Folder of the stored objects, owned by this process alone. */
  storageDir: string;
  /** File that keeps caught mails over a restart; without it they live in memory. */
  mailFile?: string;
  publicUrl: () => string;
  publishableKey: string;
  secretKey: string;
  /** Private ES256 key that signs access tokens. */
  signingKey: JsonWebKey;
  /** HMAC secret between the gateway and what it embeds; never given to a client. */
  liteJwtSecret: string;
  functionsUrl: () => string;
  siteUrl: string;
  /** Gets the causes of answers 500, which clients never see. */
  log?: (line: string) => void;
}

export interface Gateway {
  fetch(request: Request, info?: Deno.ServeHandlerInfo): Promise<Response>;
  close(): Promise<void>;
}

type Service = (request: Request, client: ClientInfo) => Promise<Response>;

// Links in mails and redirects of a provider are opened by a browser, which has no key to send.
const keylessAuth = /^\/auth\/v1\/(verify|callback|authorize|health|settings|\.well-known\/.+)$/;

/** One origin as Supabase has it: auth, Data API, Storage and functions, plus mails and docs. */
export async function createGateway(o: GatewayOptions): Promise<Gateway> {
  const identifier = await createIdentifier(o);
  const mailbox = createMailbox(o.mailFile === undefined ? {} : { file: o.mailFile });
  const rest = await createRest({
    databaseUrl: o.adminDatabaseUrl,
    jwtSecret: o.liteJwtSecret,
    publishableKey: o.publishableKey,
    secretKey: o.secretKey,
    siteUrl: o.siteUrl,
  });
  const storage = await createStorage({
    adminDatabaseUrl: o.adminDatabaseUrl,
    storageDir: o.storageDir,
    urlSecret: o.liteJwtSecret,
    identifier,
    ...(o.log === undefined ? {} : { log: o.log }),
  });
  const auth = await createAuthGateway({ ...o, mailbox });
  const stopCatching = catchDriverFaults(() => {
    o.log?.("gateway: the database closed connections, opening new ones");
    rest.renew();
    storage.renew();
  });

  const services: [prefix: string, service: Service][] = [
    ["/auth/v1", async (request) => {
      const open = keylessAuth.test(new URL(request.url).pathname);
      const refusal = open ? null : identifier.checkKey(request);
      return refusal === null ? await auth.fetch(request) : rest.refuse(refusal);
    }],
    ["/rest/v1", async (request) => {
      const found = await identifier.identify(request);
      return "caller" in found
        ? await rest.fetch(request, found.caller)
        : rest.refuse(found.refusal);
    }],
    ["/storage/v1", (request) => storage.fetch(request)],
    ["/mail", (request) => mailbox.fetch(request)],
    ["/docs", createDocs(o)],
    ["/health", () => Promise.resolve(Response.json({ status: "ok" }))],
  ];

  return {
    fetch: (request, info) => dispatch(request, services, o, toClient(info)),
    close: async () => {
      await Promise.all([rest.close(), storage.close(), auth.close()]);
      stopCatching();
    },
  };
}

async function dispatch(
  request: Request,
  services: [prefix: string, service: Service][],
  o: Pick<GatewayOptions, "functionsUrl" | "log">,
  client: ClientInfo,
): Promise<Response> {
  const { pathname } = new URL(request.url);
  const isUnder = (prefix: string) => pathname === prefix || pathname.startsWith(`${prefix}/`);
  // Functions answer their own preflights: their list of origins is narrower than this one.
  if (isUnder("/functions/v1")) return await proxyToFunctions(request, o.functionsUrl(), client);
  const service = services.find(([prefix]) => isUnder(prefix))?.[1] ?? notFound;
  const answer = () => guard(() => service(request, client), o.log);
  // Mails hold links that sign in, /docs signs in the demo user, and no key guards either: pages of
  // other origins get nothing.
  if (isUnder("/mail") || isUnder("/docs")) return await answer();
  return isPreflight(request) ? answerPreflight(request) : withCors(await answer());
}

async function guard(
  serve: () => Promise<Response>,
  log: GatewayOptions["log"],
): Promise<Response> {
  try {
    return await serve();
  } catch (error) {
    if (isConnectionError(error)) {
      return Response.json({ message: "The database does not answer, try again in a moment" }, {
        status: 503,
        headers: { "retry-after": "2" },
      });
    }
    log?.(`gateway: ${error}`);
    return Response.json({ message: "Internal server error" }, { status: 500 });
  }
}

function notFound(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  return Promise.resolve(
    Response.json({ message: `No route ${request.method} ${pathname}` }, { status: 404 }),
  );
}

function toClient(info: Deno.ServeHandlerInfo | undefined): ClientInfo {
  const address = info?.remoteAddr;
  return address !== undefined && "hostname" in address ? { remoteAddress: address.hostname } : {};
}

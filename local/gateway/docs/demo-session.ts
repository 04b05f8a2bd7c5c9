/** What the demo user is made and signed in with. */
export interface DemoOptions {
  /** Origin of this gateway. */
  publicUrl: () => string;
  publishableKey: string;
  secretKey: string;
}

const email = "demo@heimdex.test";
const profile = { display_name: "Demo" };

/**
 * POST /docs/demo-session: a session of the demo user, who is made on demand through the Admin API
 * as any user could be. Only for the page at /docs of this very stack.
 */
export function createDemoSessions(o: DemoOptions): (request: Request) => Promise<Response> {
  let last: Promise<unknown> = Promise.resolve();
  return async function createDemoSession(request) {
    if (!isOwnPage(request)) {
      return Response.json({ message: "Only the page at /docs may ask for this" }, { status: 403 });
    }
    // A new link makes the one before it void: whoever comes second waits.
    const session = last.then(() => signIn(o));
    last = session.catch(() => undefined);
    return Response.json(await session, { headers: { "cache-control": "no-store" } });
  };
}

async function signIn(o: DemoOptions): Promise<unknown> {
  await createDemoUser(o);
  const { hashed_token } = await post(o, "admin/generate_link", o.secretKey, {
    type: "magiclink",
    email,
  });
  return await post(o, "verify", o.publishableKey, {
    type: "magiclink",
    token_hash: hashed_token,
  });
}

// A page elsewhere cannot send the header without asking, and nobody here says yes; a name that
// was made to lead here is not a loopback name.
function isOwnPage(request: Request): boolean {
  const { origin, hostname } = new URL(request.url);
  return request.headers.get("origin") === origin &&
    request.headers.get("x-heimdex-docs") === "1" &&
    ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
}

async function createDemoUser(o: DemoOptions): Promise<void> {
  const response = await send(o, "admin/users", o.secretKey, {
    email,
    email_confirm: true,
    user_metadata: profile,
  });
  const { error_code } = await response.json();
  if (response.ok || error_code === "email_exists") return;
  throw new Error(`Cannot create the demo user: Auth answered ${response.status} ${error_code}`);
}

async function post(
  o: DemoOptions,
  path: string,
  key: string,
  body: unknown,
): Promise<Record<string, unknown>> {
  const response = await send(o, path, key, body);
  if (!response.ok) {
    throw new Error(`Cannot sign in the demo user: Auth answered ${await response.text()}`);
  }
  return await response.json();
}

function send(o: DemoOptions, path: string, key: string, body: unknown): Promise<Response> {
  return fetch(`${o.publicUrl()}/auth/v1/${path}`, {
    method: "POST",
    headers: { apikey: key, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

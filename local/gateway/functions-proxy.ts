const retryAfterSeconds = "1";
const localAddress = "127.0.0.1";
// They speak of one connection only, RFC 9110 section 7.6.1.
const hopHeaders = ["connection", "keep-alive", "proxy-connection", "te", "upgrade"];

export interface ClientInfo {
  /** Address of the socket's other end. */
  remoteAddress?: string;
}

/** Hands /functions/v1/* to the functions' router: bodies stream both ways, headers are kept. */
export async function proxyToFunctions(
  request: Request,
  routerUrl: string,
  client: ClientInfo,
): Promise<Response> {
  const url = new URL(request.url);
  const target = new URL(url.pathname + url.search, routerUrl);
  try {
    const response = await fetch(target, {
      method: request.method,
      headers: toForwardedHeaders(request, url, client),
      body: request.body,
      redirect: "manual",
      signal: request.signal,
    });
    return toAnswer(response);
  } catch {
    return unavailable();
  }
}

function toForwardedHeaders(request: Request, url: URL, client: ClientInfo): Headers {
  const headers = new Headers(request.headers);
  for (const name of hopHeaders) headers.delete(name);
  const address = client.remoteAddress ?? localAddress;
  const earlier = headers.get("x-forwarded-for");
  headers.set("x-forwarded-for", earlier === null ? address : `${earlier}, ${address}`);
  headers.set("x-forwarded-host", url.host);
  headers.set("x-forwarded-proto", url.protocol.replace(":", ""));
  headers.set("x-forwarded-port", url.port || (url.protocol === "https:" ? "443" : "80"));
  // fetch unpacks a packed body, which would then contradict its own headers.
  headers.set("accept-encoding", "identity");
  return headers;
}

function toAnswer(response: Response): Response {
  const headers = new Headers(response.headers);
  for (const name of hopHeaders) headers.delete(name);
  return new Response(response.body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  });
}

function unavailable(): Response {
  return Response.json({
    code: "SERVICE_UNAVAILABLE",
    message: "The functions do not answer, try again in a moment",
  }, {
    status: 503,
    headers: { "retry-after": retryAfterSeconds, "access-control-allow-origin": "*" },
  });
}

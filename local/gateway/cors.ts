const exposedHeaders = [
  "content-range",
  "content-location",
  "content-disposition",
  "content-length",
  "etag",
  "location",
  "preference-applied",
  "x-erasure-id",
  "x-request-id",
  "x-total-count",
  "link",
].join(", ");

/** The same answer with the headers a browser on another origin needs to read it. */
export function withCors(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("access-control-allow-origin", "*");
  headers.set("access-control-expose-headers", exposedHeaders);
  return new Response(response.body, { status: response.status, headers });
}

export function answerPreflight(request: Request): Response {
  const asked = request.headers.get("access-control-request-headers");
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
      "access-control-allow-headers": asked ??
        "authorization, apikey, content-type, x-client-info, prefer, range, x-upsert",
      "access-control-max-age": "86400",
      vary: "access-control-request-headers",
    },
  });
}

export function isPreflight(request: Request): boolean {
  return request.method === "OPTIONS" && request.headers.has("access-control-request-method");
}

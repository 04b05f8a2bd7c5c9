/** A request that a function answers first, and the status of its answer. */
export interface FirstRequest {
  method: "GET" | "POST";
  path: string;
  headers?: Record<string, string>;
  body?: string;
  status: number;
}

const json = { "content-type": "application/json" };

/**
 * A request to a route of each function that needs nothing outside of it: what a route refuses by
 * itself. Only `me` can answer a user without asking anybody, see {@link profileRequest}.
 */
export const firstRequests = {
  me: { method: "GET", path: "/me", status: 401 },
  videos: { method: "GET", path: "/videos?limit=5", status: 401 },
  search: { method: "GET", path: "/search?q=kitchen", status: 401 },
  people: { method: "GET", path: "/people", status: 401 },
  "auth-onboarding": {
    method: "POST",
    path: "/auth-onboarding/refresh",
    headers: json,
    body: "{}",
    status: 422,
  },
  "auth-webhook": {
    method: "POST",
    path: "/auth-webhook",
    headers: json,
    body: '{"type":"user.deleted"}',
    status: 401,
  },
} as const satisfies Record<string, FirstRequest>;

/** The first request of a user: the token is verified and the profile answered. */
export function profileRequest(token: string): FirstRequest {
  const headers = { authorization: `Bearer ${token}` };
  return { method: "GET", path: "/me", headers, status: 200 };
}

/** The only route of the bare function. */
export const bareRequest: FirstRequest = { method: "GET", path: "/", status: 200 };

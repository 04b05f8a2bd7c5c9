/**
 * Reads paths as they stand inside a function: `/functions/v1/me/usage?x=1` -> `/usage`.
 * @param name of the function
 */
export function createPathReader(name: string): (request: Request) => string {
  return ({ url }) => {
    const path = readPath(url);
    // Hono takes an asterisk that is sent for its own wildcard, and runs what stands on it twice.
    const plain = path.includes("*") ? path.replaceAll("*", "%2A") : path;
    const inside = dropParts(dropParts(plain, "/functions/v1"), `/${name}`);
    return inside.length > 1 && inside.endsWith("/") ? inside.slice(0, -1) : inside || "/";
  };
}

/** Path of a request's address, which the Request has normalised; a URL would parse it again. */
function readPath(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const query = url.indexOf("?", start);
  const path = query === -1 ? url.slice(start) : url.slice(start, query);
  const fragment = path.indexOf("#");
  return fragment === -1 ? path : path.slice(0, fragment);
}

/** Leaves out the first parts of a path, if they are these and whole. */
function dropParts(path: string, parts: string): string {
  const isFirst = path.startsWith(parts) &&
    (path.length === parts.length || path[parts.length] === "/");
  return isFirst ? path.slice(parts.length) : path;
}

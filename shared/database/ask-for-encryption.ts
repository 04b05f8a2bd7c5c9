/** Hosts that are reached without leaving the machine; an empty one is a socket. */
const here = new Set(["127.0.0.1", "localhost", "[::1]", ""]);

/**
 * The same address of a database, which over a network asks for TLS (`sslmode=prefer`) unless it
 * says itself what it wants. postgres.js sends rows in clear unless it is told.
 * @param databaseUrl a PostgreSQL URL; `sslmode` and `ssl` in it are left as they are
 */
export function askForEncryption(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  const { hostname, searchParams } = url;
  const isTold = searchParams.has("sslmode") || searchParams.has("ssl");
  if (here.has(hostname) || isTold) return databaseUrl;
  searchParams.set("sslmode", "prefer");
  return url.href;
}

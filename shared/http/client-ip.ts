import type { Env } from "../env.ts";

/**
 * Reads the caller's address from the one header in which the platform's proxy writes it
 * (HEIMDEX_CLIENT_IP_HEADER); every other header is the caller's own word and is not looked at.
 *
 * Of a list the last element counts: proxies append what they saw, so that everything before it
 * may have been sent by the caller. The header must therefore be written by the outermost proxy of
 * the platform and come unchanged to the functions, or be one that holds a single address.
 * @returns IPv4 in dotted form or IPv6 in its shortest (RFC 5952); null for anything else
 */
export function createClientIpReader(
  env: Env,
): (headers: Headers) => string | null {
  const name = env.clientIpHeader;
  if (name === undefined) return () => null;
  return (headers) => parseIp(headers.get(name)?.split(",").at(-1) ?? "");
}

const octet = String.raw`(?:25[0-5]|2[0-4]\d|1?\d?\d)`;
const ipv4 = new RegExp(String.raw`^((?:${octet}\.){3}${octet})(?::\d{1,5})?$`);
const ipv6 = /^(?:\[([0-9a-f:.]{2,45})\](?::\d{1,5})?|([0-9a-f:.]{2,45}))$/i;

/** One address in its canonical form, without the port that some proxies add; null for no address. */
export function parseIp(text: string): string | null {
  const value = text.trim();
  const plain = ipv4.exec(value)?.[1];
  if (plain) return plain.split(".").map(Number).join(".");
  const match = ipv6.exec(value);
  const address = match?.[1] ?? match?.[2];
  if (!address?.includes(":") || !URL.canParse(`http://[${address}]/`)) return null;
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  return toMappedIpv4(canonical) ?? canonical;
}

/** `::ffff:a00:1` is 10.0.0.1, seen through a socket for both families. */
function toMappedIpv4(canonical: string): string | null {
  const match = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (!match) return null;
  const words = [match[1], match[2]].map((word) => Number.parseInt(word ?? "", 16));
  return words.flatMap((word) => [word >> 8, word & 255]).join(".");
}

/**
 * What counts as one client: an IPv4 address, or the /64 network of an IPv6 address, since a
 * provider gives a whole one to each customer.
 * @param ip as {@link parseIp} answers it
 */
export function toClientNetwork(ip: string): string {
  if (!ip.includes(":")) return ip;
  const [head = "", tail] = ip.split("::");
  const left = head.split(":").filter(Boolean);
  const right = (tail ?? "").split(":").filter(Boolean);
  const gap = tail === undefined ? 0 : 8 - left.length - right.length;
  const words = [...left, ...Array<string>(gap).fill("0"), ...right].slice(0, 4);
  return `${words.join(":")}::/64`;
}

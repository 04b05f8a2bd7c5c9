import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import {
  base64url,
  type Claims,
  claimsOf,
  derOf,
  type Forge,
  type Header,
  hmac,
  mint,
  newKey,
  pemOf,
  pointOf,
  respell,
  type Signer,
  signWith,
} from "./forge.ts";

/** What a deployment must say of a token. `accepted`: harmless, and the reason stands in `what`. */
export type Verdict = "token_invalid" | "token_expired" | "accepted";

export interface Attack {
  what: string;
  expected: Verdict;
  token(forge: Forge): string;
}

/** An id that is a UUID, of nobody. */
export const someone = "9e0f0a52-7a55-4f7d-9c53-0f9f2c7e1a11";

/** The order of the group of P-256. */
export const orderHex = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/** Signs with a key that the deployment has never seen. */
export const foreignKey: Signer = (input, forge) => signWith(newKey())(input, forge);

/** Signs by HMAC with a secret of no octets. */
export const emptySecret: Signer = hmac(() => Buffer.alloc(0));

/** What an attacker can make of a public key, in the hope that it serves as HMAC secret. */
export const hmacSecrets: [what: string, secret: (forge: Forge) => string | Buffer][] = [
  ["the public key as PEM", pemOf],
  ["the public key as PEM without the last line feed", (forge) => pemOf(forge).trimEnd()],
  ["the public key as PEM on one line", (forge) => pemOf(forge).replaceAll("\n", "")],
  ["the public key as DER", derOf],
  ["the public key as JWK", ({ publicKey }) => JSON.stringify(publicKey)],
  ["the key set as JSON", ({ publicKey }) => JSON.stringify({ keys: [publicKey] })],
  ["x and y as octets", pointOf],
  [
    "x and y as an uncompressed point",
    (forge) => Buffer.concat([Buffer.from([4]), pointOf(forge)]),
  ],
  ["x as octets", (forge) => pointOf(forge).subarray(0, 32)],
  ["x as text", ({ publicKey }) => publicKey.x ?? ""],
  ["the key id", ({ kid }) => kid],
  ["nothing", () => Buffer.alloc(0)],
];

/** Issuers that look like ours. */
export const issuers: [what: string, iss: (issuer: string) => unknown][] = [
  ["with a slash behind", (iss) => `${iss}/`],
  ["with two slashes within", (iss) => iss.replace("/auth", "//auth")],
  ["in capitals", (iss) => iss.toUpperCase()],
  ["with a blank behind", (iss) => `${iss} `],
  ["with a line feed behind", (iss) => `${iss}\n`],
  ["with a NUL behind", (iss) => `${iss}\u0000`],
  ["with a query", (iss) => `${iss}?x`],
  ["with a fragment", (iss) => `${iss}#x`],
  ["with credentials", (iss) => iss.replace("://", "://a@")],
  ["by another scheme", (iss) => iss.replace(/^https?/, "ftp")],
  ["that begins like ours", (iss) => iss.slice(0, -1)],
  ["that goes on after ours", (iss) => `${iss}.attacker.test`],
  ["without the path", (iss) => new URL(iss).origin],
  ["of another project", () => "https://attacker.supabase.co/auth/v1"],
  ["that is a list with ours", (iss) => [iss]],
  ["that is a list with ours and another", (iss) => [iss, "https://attacker.test"]],
];

/** Values that are no id of anybody. */
export const strangeIds: unknown[] = [
  "",
  " ",
  "1",
  "me",
  "null",
  "00000000-0000-0000-0000-000000000000",
  someone.toUpperCase(),
  someone.replace("e", "E"),
  `{${someone}}`,
  `urn:uuid:${someone}`,
  someone.replaceAll("-", ""),
  `${someone} `,
  ` ${someone}`,
  `${someone}\n`,
  `${someone}\u0000`,
  `${someone}0`,
  someone.slice(0, -1),
  someone.replace("9", "g"),
  someone.replace("a", "\u0430"),
  "../../etc/passwd",
  "' or '1'='1",
  "__proto__",
  "x".repeat(3000),
  [someone],
  { id: someone },
  7,
  0,
  true,
  null,
];

/** Another header, signed by the deployment's key if nobody else is named. */
export function forged(what: string, header: Header, signature?: Signer): Attack {
  return {
    what,
    expected: "token_invalid",
    token: (forge) => mint(forge, { header, ...(signature ? { signature } : {}) }),
  };
}

/** A header that is this text. */
export function headerText(what: string, text: string | ((forge: Forge) => string)): Attack {
  const token = (forge: Forge) =>
    mint(forge, { header: typeof text === "string" ? text : text(forge) });
  return { what: `header ${what}`, expected: "token_invalid", token };
}

/** The good token with its key in hand: signed by a key that the header brings along. */
export function bringsKey(
  what: string,
  bring: (key: KeyObject, forge: Forge) => unknown,
  name = what,
): Attack[] {
  const token = (forge: Forge, header: Header) => {
    const key = newKey();
    return mint(forge, {
      header: { [name]: bring(key, forge), ...header },
      signature: signWith(key),
    });
  };
  return [
    { what, expected: "token_invalid", token: (forge) => token(forge, {}) },
    {
      what: `${what}, without kid`,
      expected: "token_invalid",
      token: (forge) => token(forge, { kid: undefined }),
    },
  ];
}

/** Another signature under the good header and payload. */
export function signed(what: string, signature: Signer): Attack {
  return { what, expected: "token_invalid", token: (forge) => mint(forge, { signature }) };
}

/** The good token, written otherwise. */
export function spelled(what: string, change: Parameters<typeof respell>[1]): Attack {
  return { what, expected: "token_invalid", token: (forge) => respell(forge, change) };
}

/** A payload that is this text, well signed. */
export function payload(
  what: string,
  text: string | ((forge: Forge) => string),
  expected: Verdict = "token_invalid",
): Attack {
  const token = (forge: Forge) =>
    mint(forge, { claims: typeof text === "string" ? text : text(forge) });
  return { what: `payload ${what}`, expected, token };
}

/** Other claims, well signed. */
export function claimed(
  what: string,
  claims: Claims | (() => Claims),
  expected: Verdict = "token_invalid",
): Attack {
  const token = (forge: Forge) =>
    mint(forge, { claims: typeof claims === "function" ? claims() : claims });
  return { what, expected, token };
}

/** One claim with each of these values, well signed and refused. */
export function odd(name: string, values: readonly unknown[]): Attack[] {
  return values.map((value) => claimed(`${name} ${show(value)}`, { [name]: value }));
}

/** The good claims with the text of one value replaced, so that it need not be JSON of ours. */
export function withText(forge: Forge, name: string, text: string): string {
  const mark = "the text goes here";
  return JSON.stringify(claimsOf(forge, { [name]: mark })).replace(JSON.stringify(mark), text);
}

/** The good claims with one of them a second time at the end. */
export function twice(forge: Forge, name: string, text: string): string {
  return `${JSON.stringify(claimsOf(forge)).slice(0, -1)},"${name}":${text}}`;
}

export function nested(depth: number): unknown {
  return JSON.parse("[".repeat(depth) + "]".repeat(depth));
}

export function dataUrl(content: unknown): string {
  return `data:application/json;base64,${base64url(JSON.stringify(content))}`;
}

export function join(parts: { header: string; payload: string; signature: string }): string {
  return `${parts.header}.${parts.payload}.${parts.signature}`;
}

/** Flips the lowest bit of the last octet. */
export function flipBit(signature: Buffer): Buffer {
  const copy = Buffer.from(signature);
  copy[63] = (copy[63] ?? 0) ^ 1;
  return copy;
}

/** The letter whose octets decode alike where the spare bits do not count. */
export function nextLetter(letter: string): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return letters[letters.indexOf(letter) + 1] ?? "A";
}

/** Five parts, as an encrypted token has them. */
export function encryptedToken(): string {
  const header = base64url('{"alg":"ECDH-ES","enc":"A256GCM"}');
  return [header, "", "AAAAAAAAAAAAAAAA", base64url("{}"), "AAAAAAAAAAAAAAAAAAAAAA"].join(".");
}

/** A value for the name of a case. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 60 ? `${text.slice(0, 40)}... of ${text.length}` : text;
}

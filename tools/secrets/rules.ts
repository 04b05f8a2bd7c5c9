import { lintSource } from "@secretlint/core";
import { creator } from "@secretlint/secretlint-rule-preset-recommend";

/** Something that looks like a secret. */
export interface Finding {
  /** Name of the rule that found it. */
  rule: string;
  /** The text itself; never printed whole. */
  match: string;
  line: number;
}

const preset = {
  rules: [{
    id: "@secretlint/secretlint-rule-preset-recommend",
    rule: creator,
  }],
};

/**
 * What the preset does not know: the secrets of Supabase and of this project. Written so that no
 * pattern finds itself.
 */
const own: readonly (readonly [rule: string, pattern: RegExp])[] = [
  ["private key", /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----[\s\S]{40,}?-----END/g],
  ["private JWK", /"d"\s*:\s*"[A-Za-z0-9_-]{40,}"/g],
  ["signed token", /\bey[A-Za-z0-9_-]{15,}\.ey[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}/g],
  ["Supabase secret key", /\bsb_secret_[A-Za-z0-9_-]{20,}/g],
  ["Supabase access token", /\bsbp_[a-f0-9]{40}\b/g],
  ["webhook secret", /\bwhsec_[A-Za-z0-9+/]{24,}={0,2}/g],
];

/** A value that a name calls a secret: `cursorKey: "..."`, `HEIMDEX_CRON_SECRET=...`. */
const assigned =
  /(?:secret|token|password|passwd|api_?key|private_?key|cursor_?key|receipt_?key|pseudonym_?key|worker_?keys?)["'`]?\s*[:=]\s*["'`]?([A-Za-z0-9+/_=-]{20,})/gi;

/** Bits a character from which an assigned value counts as random: hex has 4, base64 almost 6. */
const randomness = 3.7;

/** Everything in one text that looks like a secret, in the order of its lines. */
export async function findSecrets(path: string, content: string): Promise<Finding[]> {
  const { messages } = await lintSource({
    source: { filePath: path, content, ext: path.split(".").at(-1) ?? "", contentType: "text" },
    options: { config: preset },
  });
  const known = messages.map(({ ruleId, range: [start, end] }) => ({
    rule: ruleId.replace("@secretlint/secretlint-rule-", ""),
    match: content.slice(start, end),
    line: lineOf(content, start),
  }));
  const ours = own.flatMap(([rule, pattern]) =>
    [...content.matchAll(pattern)].map(({ 0: match, index }) => ({
      rule,
      match,
      line: lineOf(content, index),
    }))
  );
  const random = [...content.matchAll(assigned)]
    .filter(({ 1: value = "" }) => /\d/.test(value) && entropy(value) >= randomness)
    .map(({ 1: match = "", index }) => ({
      rule: "random value",
      match,
      line: lineOf(content, index),
    }));
  return [...known, ...ours, ...random].sort((a, b) => a.line - b.line);
}

function lineOf(content: string, index: number): number {
  return content.slice(0, index).split("\n").length;
}

/** Shannon's, in bits a character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  const shares = [...counts.values()].map((count) => count / text.length);
  return -shares.reduce((sum, share) => sum + share * Math.log2(share), 0);
}

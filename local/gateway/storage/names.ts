import { refuse } from "./errors.ts";

const maxKeyBytes = 1024;
const safeCharacters = /^[\w/!\-.*'() &$@=;:+,?]+$/;
const safeBucket = /^[\w!\-.*'() &$@=;:+,?]+$/;

/**
 * Object key rule of Storage (the characters S3 calls safe), and nothing a file system or a URL
 * could read as a way out of the bucket.
 */
export function requireKey(key: string): string {
  const segments = key.split("/");
  const odd = segments.some((segment) => segment === "" || segment === "." || segment === "..");
  if (odd || !safeCharacters.test(key) || key.length > maxKeyBytes) throw refuse.invalidKey(key);
  return key;
}

export function requireBucketName(name: string): string {
  const valid = name.length > 0 && name.length < 64 && name.trim() === name &&
    safeBucket.test(name) && !/^\.+$/.test(name);
  if (!valid) throw refuse.invalidBucketName();
  return name;
}

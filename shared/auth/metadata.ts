import { AppError } from "../errors/app-error.ts";

/** Octets that both metadata objects together may take as PostgreSQL's jsonb text. */
export const metadataBudget = 1024;

/** What a preference may hold. Lists and objects have no place in a token. */
export type PreferenceValue = string | number | boolean;

/** A JSON object as Supabase Auth stores it. */
export type Metadata = Record<string, unknown>;

const preferencePrefix = "pref_";
const preferenceKey = /^pref_[a-z][a-z0-9_]{0,39}$/;
/** Longest text of one preference, in characters. */
export const maxPreferenceText = 200;
/** Pattern of a preference's name on the wire. */
export const preferenceName = /^[a-z][a-z0-9_]{0,39}$/;

const ownTexts = new Set(["display_name", "industry", "job_title"]);
const ownFlags = new Set(["onboarding_completed", "email_consent"]);
const ownAuthority = new Set([
  "tier",
  "permissions",
  "organization_id",
  "role",
  "provider",
  "providers",
]);

/** Reads the flat `pref_<name>` keys of `user_metadata`; values of other kinds are left out. */
export function readPreferences(userMetadata: Metadata): Record<string, PreferenceValue> {
  const preferences: Record<string, PreferenceValue> = {};
  for (const [key, value] of Object.entries(userMetadata)) {
    if (preferenceKey.test(key) && isPreferenceValue(value)) {
      preferences[key.slice(preferencePrefix.length)] = value;
    }
  }
  return preferences;
}

/**
 * Spreads preferences over flat keys, so that Supabase Auth's shallow merge keeps what another
 * device changed at the same time. `null` stays null: it deletes the key.
 */
export function flattenPreferences(changes: Record<string, PreferenceValue | null>): Metadata {
  return Object.fromEntries(
    Object.entries(changes).map(([name, value]) => [preferencePrefix + name, value]),
  );
}

/** Applies changes as Supabase Auth does: key by key, null deletes, nested values replaced whole. */
export function mergeMetadata(current: Metadata, changes: Metadata): Metadata {
  const merged: Metadata = { ...current };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete merged[key];
    else if (value !== undefined) merged[key] = value;
  }
  return merged;
}

/**
 * Renders a JSON value as PostgreSQL prints jsonb: object keys ordered by octets and then by byte
 * value, one space after colon and comma, numbers without exponent. Values that jsonb cannot hold
 * (a NUL, a lone surrogate) are not expected here.
 */
export function toJsonbText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toJsonbText).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    entries.sort(([a], [b]) => compareKeys(a, b));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}: ${toJsonbText(v)}`).join(", ")}}`;
  }
  if (typeof value === "number") return expandNumber(value);
  return JSON.stringify(value ?? null);
}

/** Octets of both objects' jsonb text together. */
export function metadataBytes(userMetadata: Metadata, appMetadata: Metadata): number {
  return octets(toJsonbText(userMetadata)) + octets(toJsonbText(appMetadata));
}

/**
 * Keeps what tokens carry, as private.fit_metadata does: profile keys and preferences of the right
 * kind of the user, the keys of authority and the sign-in providers of the app. The rest does not
 * count.
 */
export function keepOwnKeys(
  userMetadata: Metadata,
  appMetadata: Metadata,
): { user: Metadata; app: Metadata } {
  const user = Object.entries(userMetadata).filter(([key, value]) => isOwnEntry(key, value));
  const app = Object.entries(appMetadata).filter(([key]) => ownAuthority.has(key));
  return { user: Object.fromEntries(user), app: Object.fromEntries(app) };
}

function isOwnEntry(key: string, value: unknown): boolean {
  if (ownTexts.has(key)) return typeof value === "string";
  if (ownFlags.has(key)) return typeof value === "boolean";
  return preferenceKey.test(key) && isPreferenceValue(value);
}

/**
 * Refuses metadata that the token hook would have to cut, unless they are smaller than the present
 * ones: who is over the budget already must be able to remove things one by one.
 * @throws AppError metadata_too_large naming the octets over {@link metadataBudget}
 */
export function assertWithinBudget(
  next: Metadata,
  appMetadata: Metadata,
  present: Metadata = {},
): void {
  const bytes = carriedBytes(next, appMetadata);
  if (bytes <= metadataBudget || bytes < carriedBytes(present, appMetadata)) return;
  throw new AppError(
    "metadata_too_large",
    `The profile would take ${bytes} of ${metadataBudget} bytes, shorten or remove preferences`,
  );
}

function carriedBytes(userMetadata: Metadata, appMetadata: Metadata): number {
  const kept = keepOwnKeys(userMetadata, appMetadata);
  return metadataBytes(kept.user, kept.app);
}

function isPreferenceValue(value: unknown): value is PreferenceValue {
  if (typeof value === "string") return [...value].length <= maxPreferenceText;
  return typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
}

const encoder = new TextEncoder();

function octets(text: string): number {
  return encoder.encode(text).length;
}

/** jsonb sorts keys by length first and only then by bytes. */
function compareKeys(a: string, b: string): number {
  const left = encoder.encode(a);
  const right = encoder.encode(b);
  if (left.length !== right.length) return left.length - right.length;
  for (let i = 0; i < left.length; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** numeric prints every digit where JavaScript falls back to an exponent. */
function expandNumber(value: number): string {
  const text = JSON.stringify(value);
  const match = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return text;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const point = whole.length + Number(exponent);
  const digits = whole + fraction;
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return sign + digits.padEnd(point, "0") +
    (point < digits.length ? `.${digits.slice(point)}` : "");
}

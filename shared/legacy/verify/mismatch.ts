/** What to do about each kind of difference. */
const advice = {
  not_exported: "The user is not in Supabase Auth: run heimdex legacy export",
  undecided: "Something is undecided: run heimdex legacy plan",
  account_missing:
    "The account is not in Supabase Auth, and no erasure explains it: run heimdex legacy plan",
  fields_differ: "The fields differ in Supabase Auth: run heimdex legacy export",
  identity_missing:
    "The account has no e-mail identity, so that nobody can sign in to it: see the log of Supabase Auth",
  gone_in_legacy:
    "The legacy user was deleted after its export: delete the account in Supabase Auth too",
  not_loaded: "The row differs from the legacy database: run heimdex legacy load",
  rows_differ:
    "The owner has other numbers of rows than in the legacy database: run heimdex legacy load",
  contents_differ:
    "The rows of these tables are not those of the legacy database: run heimdex legacy load",
  unknown_owner: "No users row names this owner: decide unknown_owner with keep",
  sign_in_failed: "Signing in with the old password failed: see the code of Supabase Auth",
  sign_in_other: "The old password signs in to another account than the exported one",
  sign_in_unknown: "The address of the sample is no moved user's",
} as const;

/** A key of the advice. */
export type MismatchKind = keyof typeof advice;

/** A difference between the legacy system and the project. Names of fields, never their values. */
export interface Mismatch {
  kind: MismatchKind;
  /** Legacy id of the user or owner; null for a sign-in of nobody known. */
  subject: string | null;
  /** Fields, or tables, that differ; sorted. */
  fields: string[];
  /** What to do. */
  detail: string;
}

/** Makes a difference; `note` is added to what to do. */
export function toMismatch(
  kind: MismatchKind,
  subject: string | null,
  { fields = [], note }: { fields?: string[]; note?: string } = {},
): Mismatch {
  const detail = note === undefined ? advice[kind] : `${advice[kind]} (${note})`;
  return { kind, subject, fields: fields.toSorted(), detail };
}

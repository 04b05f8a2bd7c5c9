import type { PendingQuery, Row } from "postgres";
import type { Transaction } from "../database/doors.ts";

/** A piece of SQL to be put into a statement of the same transaction. */
export type Fragment = PendingQuery<Row[]>;

/** Whose rows are meant, as one transaction sees it. */
export interface Scope {
  /** UUID in lower case. */
  readonly userId: string;
  /** Set when one person is erased and not the whole user. */
  readonly personId: string | null;
  /** The keyed pseudonym that stays in the place of the user. */
  readonly subject: string;
  /**
   * Ids the user had in the former system, where objects may still lie in folders of that name.
   * One that names an account of somebody else is left out: that folder is theirs.
   */
  readonly former: readonly string[];
  /** Organizations that go with the user, their last member. */
  readonly going: readonly string[];
  /** Organizations whose last member the user is now, those included that are not collected yet. */
  readonly alone: readonly string[];
}

/**
 * Conditions on the table's alias `t`, each served by an index; a row that fits one of them is
 * meant. An empty list means no row.
 */
export type Finder = (sql: Transaction, scope: Scope) => Fragment[];

/** What happens to a column; what is retained says why. */
export type ColumnRule = "erase" | "anonymise" | { readonly retain: string };

/** How one table takes part in erasure, preview and export. */
export interface TableRule {
  /** `schema.table`. */
  readonly name: string;
  readonly disposition: "erase" | "anonymise" | "retain";
  /** Why this disposition, in one sentence; it stands in docs and previews. */
  readonly reason: string;
  /** Every column of the table. */
  readonly columns: Readonly<Record<string, ColumnRule>>;
  /** Columns an export hands to the user; empty where the row says nothing of interest to them. */
  readonly exported: readonly string[];
  /** Why the table may be absent; without it the manifest test asks for the table. */
  readonly optional?: string;
  /** Rows that name the user. Without it no row of the table does, or the engine itself keeps it. */
  readonly rows?: Finder;
  /** Rows this erasure takes away; default: those of `rows`. */
  readonly taken?: Finder;
  /** Rows of one person, for kind person. */
  readonly personRows?: Finder;
  /** The assignments that take the place of a deletion, for disposition anonymise. */
  readonly anonymised?: (sql: Transaction, scope: Scope) => Fragment;
  /** The table whose deletion takes these rows with it, by foreign key and in the same pages. */
  readonly follows?: string;
}

/** How one bucket takes part in erasure, preview and export. */
export interface BucketRule {
  readonly name: string;
  readonly disposition: "erase" | "retain";
  readonly reason: string;
  /** Folders that belong to the user alone, each with its final slash. */
  readonly prefixes: (scope: Scope) => readonly string[];
  /** Columns that record keys of this bucket. */
  readonly recordedIn: readonly RecordedKeys[];
}

/** A column that records object keys. */
export interface RecordedKeys {
  readonly table: string;
  /** The primary key, by which pages go on. */
  readonly position: string;
  readonly column: string;
  /** The column is an array of keys. */
  readonly many?: boolean;
}

/** Every table of the schemas public, private and legacy_archive, and every bucket. */
export interface Manifest {
  /** In the order of deletion: what hangs on a row goes before the row. */
  readonly tables: readonly TableRule[];
  readonly buckets: readonly BucketRule[];
}

/** `columns` with one rule for all of them: a list of names between blanks. */
export function allColumns(
  rule: ColumnRule,
  names: string,
): Record<string, ColumnRule> {
  return Object.fromEntries(names.split(" ").map((name) => [name, rule]));
}

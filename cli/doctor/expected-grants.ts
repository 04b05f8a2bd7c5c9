import { readMigrationFiles } from "./migration-files.ts";

/** A right that the migrations give by name. */
export interface Grant {
  kind: "function" | "table" | "schema";
  /** As SQL names it: `private.session_state(uuid, uuid)`. */
  object: string;
  role: string;
  /** In lower case: `select`, `execute`, `update (title)`. */
  privilege: string;
}

const right =
  /^(grant|revoke) ([a-z ,]+?(?:\([a-z_, ]+\))?) on (function|table|schema) (.+?) (?:to|from) ([a-z_, ]+)$/;
const drop = /^drop (?:function|table) (?:if exists )?([\w.]+)/;

/**
 * The rights that stand once all migrations ran, from the statements written out in them. Rights
 * that a block gives in a loop are not among them: those the policies tell of.
 */
export async function readExpectedGrants(): Promise<Grant[]> {
  const grants = new Map<string, Grant>();
  for (const { text } of await readMigrationFiles()) {
    for (const statement of stripBodies(text).split(";")) apply(grants, statement.trim());
  }
  return [...grants.values()];
}

/** Without comments and without the bodies of functions and blocks. */
function stripBodies(text: string): string {
  return text.replace(/(\$\w*\$)[\s\S]*?\1/g, "").replace(/--.*$/gm, "").replace(/\s+/g, " ");
}

function apply(grants: Map<string, Grant>, statement: string): void {
  const [, dropped] = drop.exec(statement) ?? [];
  for (const [key, one] of grants) if (one.object.split("(")[0] === dropped) grants.delete(key);
  const [, verb, privileges = "", kind, object = "", roles = ""] = right.exec(statement) ?? [];
  if (!isKind(kind)) return;
  for (const role of roles.split(",").map((one) => one.trim())) {
    for (const privilege of splitPrivileges(privileges)) {
      const grant = { kind, object, role, privilege };
      if (verb === "grant") grants.set(keyOf(grant), grant);
      else forget(grants, grant);
    }
  }
}

function isKind(kind: string | undefined): kind is Grant["kind"] {
  return kind === "function" || kind === "table" || kind === "schema";
}

function forget(grants: Map<string, Grant>, { object, role, privilege }: Grant): void {
  for (const [key, one] of grants) {
    const meant = one.object === object && one.role === role;
    if (meant && (privilege.startsWith("all") || one.privilege === privilege)) grants.delete(key);
  }
}

const keyOf = ({ object, role, privilege }: Grant) => `${object} ${role} ${privilege}`;

/** `update (title, tags)` is one right for each column. */
function splitPrivileges(text: string): string[] {
  const [, verb = "", columns = ""] = /^(\w+) \((.+)\)$/.exec(text.trim()) ?? [];
  if (columns) return columns.split(",").map((column) => `${verb} (${column.trim()})`);
  return text.split(",").map((one) => one.trim());
}

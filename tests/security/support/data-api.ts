import { isLongRun } from "../../support/size.ts";
import {
  type Actor,
  closedTables,
  type Column,
  legacyTables,
  type OpenTable,
  openTables,
} from "../matrix.ts";
import type { ApiCast } from "./api-cast.ts";
import { fillIds, keysFor } from "./cells.ts";
import { type ApiCell, refused, withCode, withRows } from "./requests.ts";
import { idsOf } from "./rows.ts";

/** In a sampled run one actor tries the columns that no client may write, and the rarer writes. */
const isSampled = (actor: Actor) => isLongRun || actor === "owner";

/** The cells of a table that clients read. */
export function tableRequests(cast: ApiCast, name: string): ApiCell[] {
  const table = openTables[name];
  if (!table) throw new Error(`The matrix has no table ${name}`);
  return cast.actors.flatMap((actor) => {
    const columns = Object.entries(table.columns).filter(([, rule]) =>
      actor !== "service" && (typeof rule === "object" || isSampled(actor))
    );
    return [
      selectRequest(cast, name, table, actor),
      ...(actor === "service" ? [] : writeRequests(cast, name, table, actor)),
      ...columns.map(([column, rule]) => patchRequest(cast, name, table, actor, column, rule)),
    ];
  });
}

function base(name: string, actor: Actor) {
  return { thing: `/rest/v1/${name}`, actor, path: `/rest/v1/${name}` };
}

/** All rows of the cast; other tests have theirs in the same tables. */
function amongTheirs(cast: ApiCast, name: string, [key = ""]: readonly string[]): string {
  const values = Object.keys(cast.labels[name] ?? {}).map((keys) => keys.split(":")[0]);
  return `${key}=in.(${[...new Set(values)].join(",")})`;
}

function selectRequest(cast: ApiCast, name: string, table: OpenTable, actor: Actor): ApiCell {
  const request = base(name, actor);
  const columns = new Set([...table.key, ..."user_id" in table.columns ? ["user_id"] : []]);
  const filter = actor === "service" ? `&${amongTheirs(cast, name, table.key)}` : "";
  return {
    ...request,
    operation: "select",
    path: `${request.path}?select=${[...columns]}${filter}`,
    judge: actor === "anon"
      ? withCode("42501")
      : withRows(table.key, keysFor(cast, name, table.select, actor), idsOf(cast, actor).user),
  };
}

function newRow(cast: ApiCast, table: OpenTable, actor: Actor): Record<string, unknown> {
  const ids = idsOf(cast, actor);
  return Object.fromEntries(
    Object.entries(table.insert).map(([column, value]) => [
      column,
      typeof value === "string" ? fillIds(value, ids) : value,
    ]),
  );
}

function writeRequests(cast: ApiCast, name: string, table: OpenTable, actor: Actor): ApiCell[] {
  const request = base(name, actor);
  const row = newRow(cast, table, actor);
  const [existing = ""] = Object.keys(cast.labels[name] ?? {});
  const key = Object.fromEntries(
    table.key.map((column, n) => [column, existing.split(":")[n]]),
  );
  const judge = withCode("42501");
  const rarer: ApiCell[] = [
    {
      ...request,
      operation: "insert of two",
      method: "POST",
      body: [row, row],
      headers: { prefer: "missing=default" },
      judge,
    },
    {
      ...request,
      operation: "upsert that ignores what is there",
      method: "POST",
      body: row,
      headers: { prefer: "resolution=ignore-duplicates" },
      judge,
    },
  ];
  return [
    ...(isSampled(actor) ? rarer : []),
    { ...request, operation: "insert", method: "POST", body: row, judge },
    {
      ...request,
      operation: "upsert",
      method: "POST",
      body: { ...row, ...key },
      headers: { prefer: "resolution=merge-duplicates" },
      // An identity column has no value that a request could name.
      judge: withCode("42501", "428C9"),
    },
    {
      ...request,
      operation: "delete",
      method: "DELETE",
      path: `${request.path}?${amongTheirs(cast, name, table.key)}`,
      judge,
    },
  ];
}

function patchRequest(
  cast: ApiCast,
  name: string,
  table: OpenTable,
  actor: Actor,
  column: string,
  rule: Column,
): ApiCell {
  const request = base(name, actor);
  const value = typeof rule === "object" ? rule.value : null;
  return {
    ...request,
    operation: `update of ${column}`,
    method: "PATCH",
    path: `${request.path}?${amongTheirs(cast, name, table.key)}&select=${table.key}`,
    headers: { prefer: "return=representation" },
    body: { [column]: value },
    alone: typeof rule === "object" && actor !== "anon",
    judge: rule === "computed"
      ? withCode("428C9", "42501")
      : typeof rule === "string" || actor === "anon"
      ? withCode("42501")
      : withRows(table.key, keysFor(cast, name, rule.by, actor)),
  };
}

/** Each of them in a long run, else a few: a name it does not know sends the stack to the catalogue. */
const sample = <T>(all: readonly T[]) => isLongRun ? all : all.filter((_, n) => n % 12 === 0);

/** A closed table is in no schema of the Data API. */
export function closedRequests(): ApiCell[] {
  return sample([...closedTables, ...legacyTables]).flatMap((thing) => {
    const [schema = "", name = ""] = thing.split(".");
    return (["owner", "service"] as const).flatMap((actor): ApiCell[] => {
      const request = { thing, actor, path: `/rest/v1/${name}`, judge: refused };
      const profile = { "accept-profile": schema, "content-profile": schema };
      const write = { method: "POST", headers: profile, body: {} };
      return [
        { ...request, operation: "select" },
        { ...request, operation: "select in its schema", headers: profile },
        { ...request, operation: "insert in its schema", ...write },
      ];
    });
  });
}

/** Functions by name: none of ours is called over HTTP, with or without its schema. */
export function routineRequests(names: readonly string[]): ApiCell[] {
  return sample(names).flatMap((name) =>
    (["owner", "service"] as const).flatMap((actor): ApiCell[] => {
      const path = `/rest/v1/rpc/${name}`;
      const request = { thing: path, actor, path, method: "POST", body: {}, judge: refused };
      const headers = { "content-profile": "private" };
      return [
        { ...request, operation: "call" },
        { ...request, operation: "call in schema private", headers },
      ];
    })
  );
}

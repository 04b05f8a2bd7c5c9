import {
  type Actor,
  actors,
  appendOnly,
  type Column,
  foreignCalls,
  type Label,
  liveActors,
  memberActors,
  type OpenTable,
  openTables,
  type Rights,
  sessionChanges,
} from "../matrix.ts";
import { identify } from "./claims.ts";
import { type Attempt, nameRefusal, type Outcome, tryAll } from "./outcomes.ts";
import {
  type Cast,
  type Connection,
  foreignIds,
  type Identities,
  idsOf,
  type StoredKey,
} from "./rows.ts";

/** One question of the matrix: what comes of this operation on this thing by this actor. */
export interface Cell {
  /** Schema and table, `storage.objects` and the bucket, or a function. */
  thing: string;
  actor: Actor | "the owner of the tables" | "the server";
  operation: string;
  attempt: Attempt;
  /** Whether this is what the matrix says. */
  accepts(outcome: Outcome): boolean;
  /** What the matrix says, to be read. */
  expected: string;
}

/** A column of the catalogue. */
export interface CatalogueColumn {
  table: string;
  column: string;
}

export function nameCell({ thing, actor, operation }: Cell): string {
  return `${thing}: ${operation} by ${actor}`;
}

/** What came of a cell, in the words of the matrix. */
function describeOutcome(outcome: Outcome): string {
  if ("refused" in outcome) return nameRefusal(outcome);
  return `${"count" in outcome ? outcome.count : outcome.rows.length} rows`;
}

/** Tries the cells and answers those that came out otherwise than the matrix says. */
export async function findMismatches(
  sql: Connection,
  cells: readonly Cell[],
): Promise<{ cell: Cell; expected: string; got: string }[]> {
  const outcomes = await tryAll(sql, cells.map(({ attempt }) => attempt));
  return cells.flatMap((cell, n) => {
    const outcome = outcomes[n];
    if (!outcome) throw new Error(`No outcome of ${nameCell(cell)}`);
    return cell.accepts(outcome)
      ? []
      : [{ cell, expected: cell.expected, got: describeOutcome(outcome) }];
  });
}

/** A literal of this value; text is taken as PostgreSQL would take it from any client. */
export function toLiteral(value: unknown): string {
  if (typeof value === "number") return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `'${text.replaceAll("'", "''")}'`;
}

/** Puts ids in place of `{name}`. */
export function fillIds(text: string, ids: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const id = ids[name];
    if (!id) throw new Error(`The matrix names {${name}}, which nobody has`);
    return id;
  });
}

/** The right itself is missing: not that on another table, which a trigger or a condition needs. */
const withoutRight = (thing: string) => {
  const [schema, name] = thing.split(".");
  const refusals = [`schema ${schema}`, `table ${name}`].map((what) =>
    `permission denied for ${what}`
  );
  return {
    expected: "privilege",
    accepts: (outcome: Outcome) => "refused" in outcome && refusals.includes(outcome.message),
  };
};
const refusedAs = (word: string) => ({
  expected: word,
  accepts: (outcome: Outcome) => "refused" in outcome && nameRefusal(outcome) === word,
});
const counts = (count: number) => ({
  expected: `${count} rows`,
  accepts: (outcome: Outcome) => "count" in outcome && outcome.count === count,
});
const finds = (keys: readonly string[]) => ({
  expected: keys.length === 0 ? "0 rows" : `exactly ${keys.length} of their rows`,
  accepts: (outcome: Outcome) =>
    "rows" in outcome && outcome.rows.toSorted().join() === keys.toSorted().join(),
});

/** The keys that these rights give an actor. */
export function keysFor(
  cast: Cast,
  table: string,
  rights: Rights,
  actor: Actor,
): string[] {
  const labels = Object.entries(cast.labels[table] ?? {});
  if (actor === "service") return labels.map(([key]) => key);
  const mine: readonly Label[] = rights[actor] ?? [];
  return labels.filter(([, label]) => mine.includes(label)).map(([key]) => key);
}

/** Every cell of a table that clients read. */
export function openTableCells(cast: Cast, name: string): Cell[] {
  const table = openTables[name];
  if (!table) throw new Error(`The matrix has no table ${name}`);
  return actors.flatMap((actor) => [
    ...rowCells(cast, name, table, actor),
    ...Object.entries(table.columns).map(([column, rule]) =>
      updateCell(cast, name, table, actor, column, rule)
    ),
  ]);
}

const keyOf = ({ key }: OpenTable) => `concat_ws(':', ${key.join(", ")})`;
const amongTheirs = (cast: Cast, name: string, table: OpenTable) =>
  `${keyOf(table)} in (${Object.keys(cast.labels[name] ?? {}).map(toLiteral).join(", ")})`;

function rowCells(cast: Cast, name: string, table: OpenTable, actor: Actor): Cell[] {
  const base = { thing: `public.${name}`, actor };
  const who = identify(cast, actor);
  const service = actor === "service";
  // The service role sees what other tests left too.
  const condition = service ? ` where ${amongTheirs(cast, name, table)}` : "";
  const spare = Object.entries(cast.labels[name] ?? {})
    .filter(([, label]) => label === table.spare).map(([key]) => toLiteral(key));
  const may = (right: "insert" | "delete") => service && table.service.includes(right);
  const ids = idsOf(cast, actor);
  const values = Object.values(table.insert)
    .map((value) => toLiteral(typeof value === "string" ? fillIds(value, ids) : value));
  return [
    {
      ...base,
      operation: "select",
      attempt: {
        ...who,
        statement: `select ${keyOf(table)} from public.${name}${condition}`,
        told: "keys",
      },
      ...(actor === "anon"
        ? withoutRight(base.thing)
        : finds(keysFor(cast, name, table.select, actor))),
    },
    {
      ...base,
      operation: "insert",
      attempt: {
        ...who,
        statement: `insert into public.${name} (${Object.keys(table.insert)}) values (${values})`,
        told: "count",
      },
      ...(may("insert") ? counts(1) : withoutRight(base.thing)),
    },
    {
      ...base,
      operation: "delete",
      attempt: {
        ...who,
        statement: `delete from public.${name}${
          service ? ` where ${keyOf(table)} in (${spare})` : ""
        }`,
        told: "count",
      },
      ...(may("delete") ? counts(spare.length) : withoutRight(base.thing)),
    },
    {
      ...base,
      operation: "truncate",
      attempt: { ...who, statement: `truncate public.${name}`, told: "count" },
      ...withoutRight(base.thing),
    },
  ];
}

/** Without a condition or an answer an update asks no SELECT policy, so the policy for it stands alone. */
function updateCell(
  cast: Cast,
  name: string,
  table: OpenTable,
  actor: Actor,
  column: string,
  rule: Column,
): Cell {
  const cell = {
    thing: `public.${name}`,
    actor,
    operation: `update of ${column}`,
  };
  const who = identify(cast, actor);
  const itself: Attempt = {
    ...who,
    statement: `update public.${name} set ${column} = ${column}${
      actor === "service" ? ` where ${amongTheirs(cast, name, table)}` : ""
    }`,
    told: "count",
  };
  if (rule === "computed") return { ...cell, attempt: itself, ...refusedAs("computed") };
  if (actor === "service") {
    const all = Object.keys(cast.labels[name] ?? {}).length;
    const expected = table.service.includes("update") ? counts(all) : withoutRight(cell.thing);
    return { ...cell, attempt: itself, ...expected };
  }
  if (rule === "server" || actor === "anon") {
    // A default needs no right to read.
    const statement = `update public.${name} set ${column} = default`;
    return { ...cell, attempt: { ...who, statement, told: "count" }, ...withoutRight(cell.thing) };
  }
  const json = toLiteral(JSON.stringify(rule.value));
  return {
    ...cell,
    attempt: {
      ...who,
      statement: `update public.${name} set ${column} = ${toLiteral(rule.value)}`,
      told: {
        by: `select ${keyOf(table)} from public.${name} where to_jsonb(${column}) = ${json}::jsonb`,
      },
    },
    ...finds(keysFor(cast, name, rule.by, actor)),
  };
}

/** What everybody gets who tries a closed table: nothing, in any column. */
export function closedTableCells(
  cast: Identities,
  thing: string,
  columns: readonly string[],
  allowed: readonly Actor[] = [],
): Cell[] {
  const statements: [operation: string, statement: string][] = [
    ["select", `select * from ${thing}`],
    ["insert", `insert into ${thing} default values`],
    ["delete", `delete from ${thing}`],
    ["truncate", `truncate ${thing}`],
    ...columns.map((column): [string, string] => [
      `update of ${column}`,
      `update ${thing} set ${column} = default`,
    ]),
    ...columns.map((column): [string, string] => [
      `select of ${column}`,
      `select ${column} from ${thing}`,
    ]),
  ];
  return actors.filter((actor) => !allowed.includes(actor)).flatMap((actor) =>
    statements.map(([operation, statement]): Cell => ({
      thing,
      actor,
      operation,
      attempt: { ...identify(cast, actor), statement, told: "count" },
      ...withoutRight(thing),
    }))
  );
}

/**
 * What keeps a closed table closed when somebody grants it by mistake and adds a policy that allows
 * everything: run it after {@link openByMistake}, in a transaction that is taken back.
 */
export function mistakeCells(cast: Identities, thing: string): Cell[] {
  const who = identify(cast, "owner");
  return [{
    thing,
    actor: "owner",
    operation: "insert, opened by mistake",
    attempt: { ...who, statement: `insert into ${thing} default values`, told: "count" },
    ...refusedAs("policy"),
  }];
}

/** The mistake: a grant, and a policy that permits everything. */
export function openByMistake(thing: string): string {
  const schema = thing.split(".")[0];
  return `grant usage on schema ${schema} to authenticated; grant select, insert on ${thing} to authenticated;
    create policy mistake on ${thing} for all to authenticated using (true) with check (true);`;
}

function readsObject(actor: Actor, { owner }: StoredKey, readers: string): boolean {
  if (actor === "service") return true;
  if (readers === "members") return memberActors.includes(actor);
  return readers === "self" && actor === owner && liveActors.includes(actor);
}

/** Which of the objects an actor may read. */
export function readableObjects(
  cast: Cast,
  actor: Actor,
  readersOf: (key: StoredKey) => string,
): StoredKey[] {
  return cast.objects.filter((key) => readsObject(actor, key, readersOf(key)));
}

/** Every cell of a bucket; Supabase grants all columns to all roles, so that policies decide. */
export function bucketCells(
  cast: Cast,
  bucket: string,
  columns: readonly CatalogueColumn[],
  readersOf: (key: StoredKey) => string,
): Cell[] {
  const thing = `storage.objects of ${bucket}`;
  const inBucket = `bucket_id = ${toLiteral(bucket)}`;
  const theirs = cast.objects.filter((key) => key.bucket === bucket);
  const among = `${inBucket} and name in (${theirs.map(({ path }) => toLiteral(path)).join(", ")})`;
  return actors.flatMap((actor): Cell[] => {
    const service = actor === "service";
    const who = identify(cast, actor);
    const base = { thing, actor };
    const mine = readableObjects(cast, actor, readersOf).filter((key) => key.bucket === bucket);
    const all = service ? counts(theirs.length) : counts(0);
    return [
      {
        ...base,
        operation: "select",
        attempt: {
          ...who,
          statement: `select name from storage.objects where ${service ? among : inBucket}`,
          told: "keys",
        },
        ...finds(mine.map(({ path }) => path)),
      },
      {
        ...base,
        operation: "insert",
        attempt: {
          ...who,
          statement: `insert into storage.objects (bucket_id, name) values (${toLiteral(bucket)},
            ${toLiteral(theirs[0]?.path.replace(/[^/]*$/, "new") ?? "new")})`,
          told: "count",
        },
        ...(service ? counts(1) : refusedAs("policy")),
      },
      {
        ...base,
        operation: "delete",
        // A trigger sends deletions to the Storage API; it is put aside, so that policies answer.
        attempt: {
          ...who,
          statement: `set local storage.allow_delete_query = 'true';
            delete from storage.objects where ${among}`,
          told: "count",
        },
        ...all,
      },
      ...columns.map(({ column }) => ({
        ...base,
        operation: `update of ${column}`,
        attempt: {
          ...who,
          statement: `update storage.objects set ${column} = ${column} where ${among}`,
          told: "count" as const,
        },
        ...(column === "path_tokens" ? refusedAs("computed") : all),
      })),
    ];
  });
}

/** A call of every function by everybody who may not. `signature` is as PostgreSQL writes it. */
export function closedRoutineCells(
  cast: Cast,
  signature: string,
  may: { user: boolean; service: boolean },
): Cell[] {
  const open = signature.indexOf("(");
  const types = splitTypes(signature.slice(open + 1, -1));
  const statement = `select ${signature.slice(0, open)}(${
    types.map((type) => `null::${type}`).join(", ")
  })`;
  const closedTo: readonly Actor[] = [
    "anon",
    ...(may.user ? [] : ["owner", "admin"] as const),
    ...(may.service ? [] : ["service"] as const),
  ];
  // A function that may be called, but calls another that may not, is refused for that one.
  const name = signature.slice(signature.indexOf(".") + 1, open);
  const refusals = ["schema private", `function ${name}`].map((what) =>
    `permission denied for ${what}`
  );
  return closedTo.map((actor) => ({
    thing: signature,
    actor,
    operation: "call",
    attempt: { ...identify(cast, actor), statement, told: "count" },
    expected: "privilege",
    accepts: (outcome) => "refused" in outcome && refusals.includes(outcome.message),
  }));
}

const splitTypes = (text: string) => text === "" ? [] : text.split(/,\s*/);

/** Calls of definer functions with somebody else's ids. */
export function foreignCallCells(cast: Cast): Cell[] {
  const ids = foreignIds(cast);
  return foreignCalls.flatMap(({ routine, call, may, refusal, besides = {} }) =>
    actors.filter((actor) => actor !== "sessionless").map((actor): Cell => {
      const filled = routine === "private.session_state" ? idsOf(cast, actor) : ids;
      const statement = call.replace(
        /\{(\w+)\}/g,
        (_, name: string) => toLiteral(fillIds(`{${name}}`, filled)),
      );
      const word = actor === "anon" || actor === "service"
        ? "privilege"
        : besides[actor] ?? refusal;
      const refused = word === "nothing" ? counts(0) : refusedAs(word);
      return {
        thing: routine,
        actor,
        operation: "call with the owner's id",
        attempt: { ...identify(cast, actor), statement, told: "count" },
        ...(may.includes(actor)
          ? { expected: "not refused", accepts: (outcome) => !refused.accepts(outcome) }
          : refused),
      };
    })
  );
}

/** What the role `postgres` itself is refused. */
export function appendOnlyCells(): Cell[] {
  return appendOnly.map((statement) => ({
    thing: /public\.\w+/.exec(statement)?.[0] ?? statement,
    actor: "the owner of the tables",
    operation: statement,
    attempt: { role: "postgres", claims: {}, statement, told: "count" },
    ...refusedAs("forbidden"),
  }));
}

/** The three places that ask whether a session lives. Needs a connection that may change auth. */
export function sessionCells(cast: Cast): Cell[] {
  const ids = { ...idsOf(cast, "owner"), someoneElse: cast.accounts.other.id };
  const fill = (text: string) =>
    text.replace(/\{(\w+)\}/g, (_, name: string) => toLiteral(fillIds(`{${name}}`, ids)));
  const questions = {
    "private.session_state": "where private.session_state({user}, {session}) = 'live'",
    "private.session_is_live": "where private.session_is_live()",
    // It answers null, or refuses.
    "private.open_request": "where private.open_request({user}, {session}, null) is null",
  };
  return Object.entries(questions).flatMap(([thing, question]) =>
    sessionChanges.map(({ what, change, lives }): Cell => ({
      thing,
      actor: "the server",
      operation: `question after ${what}`,
      attempt: {
        role: "none",
        claims: identify(cast, "owner").claims,
        statement: fill(`${change}; select ${question}`),
        told: "count",
      },
      ...(lives
        ? counts(1)
        : thing === "private.open_request"
        ? refusedAs("session_revoked")
        : counts(0)),
    }))
  );
}

import type { Sql } from "postgres";

export interface Column {
  name: string;
  /** Type as PostgreSQL prints it, without a schema: "uuid", "character varying[]", "video_state". */
  type: string;
  nullable: boolean;
}

export interface Table {
  schema: string;
  name: string;
  columns: Column[];
}

export interface Enum {
  name: string;
  labels: string[];
}

export interface Catalogue {
  tables: Table[];
  enums: Enum[];
}

/** These exist only where pgvector does, and the types must be the same everywhere. */
const vectorTables = ["scene_vectors", "face_vectors"];

/** Reads the tables of public and private and the enums of public, each in a stable order. */
export async function readCatalogue(sql: Sql): Promise<Catalogue> {
  const tables = await sql<Table[]>`
    select n.nspname as schema, c.relname as name,
      json_agg(json_build_object(
        'name', a.attname,
        'type', regexp_replace(format_type(a.atttypid, null), '^"?\\w+"?\\.', ''),
        'nullable', not a.attnotnull
      ) order by a.attname) as columns
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid
    where n.nspname in ('public', 'private') and c.relkind in ('r', 'p')
      and a.attnum > 0 and not a.attisdropped and not c.relname = any(${vectorTables})
    group by n.nspname, c.relname
    order by n.nspname desc, c.relname`;
  const enums = await sql<Enum[]>`
    select t.typname as name, json_agg(e.enumlabel order by e.enumsortorder) as labels
    from pg_type t
    join pg_enum e on e.enumtypid = t.oid
    where t.typnamespace = 'public'::regnamespace
    group by t.typname
    order by t.typname`;
  return { tables: [...tables], enums: [...enums] };
}

/** Types as shared/database reads them: bigint and numeric as number, times as Date. */
const scalarTypes: Record<string, string> = {
  "bigint": "number",
  "boolean": "boolean",
  "date": "Date",
  "character varying": "string",
  "double precision": "number",
  "integer": "number",
  "jsonb": "Json",
  "numeric": "number",
  "smallint": "number",
  "text": "string",
  "timestamp with time zone": "Date",
  "tsvector": "string",
  "uuid": "string",
};

const head =
  `// Written by \`npm run types\` from the catalogue of a database with all migrations; a test compares.
// Values are as shared/database/connection.ts reads them: bigint and numeric as number, times as Date.

/** A value of a jsonb column. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
`;

/** The text of shared/database/types.ts, formatted as \`deno fmt\` leaves it. */
export function formatTypes({ tables, enums }: Catalogue): string {
  const known = new Map(enums.map(({ name }) => [name, toPascalCase(name)]));
  const parts = [
    head,
    ...enums.map(formatEnum),
    ...tables.map((table) => formatTable(table, known)),
  ];
  for (const schema of ["public", "private"]) {
    parts.push(formatSchema(schema, tables.filter((table) => table.schema === schema)));
  }
  return parts.join("\n");
}

function formatEnum({ name, labels }: Enum): string {
  const lines = labels.map((label) => `  | ${JSON.stringify(label)}`).join("\n");
  return `/** Enum public.${name}. */\nexport type ${toPascalCase(name)} =\n${lines};\n`;
}

function formatTable(table: Table, enums: Map<string, string>): string {
  const columns = table.columns.map((column) =>
    `  ${column.name}: ${toTypeScript(column, enums)}${column.nullable ? " | null" : ""};`
  );
  return [
    `/** Row of ${table.schema}.${table.name}. */`,
    `export interface ${rowName(table)} {`,
    ...columns,
    "}\n",
  ].join("\n");
}

function formatSchema(schema: string, tables: Table[]): string {
  const lines = tables.map((table) => `  ${table.name}: ${rowName(table)};`);
  return [
    `/** Rows of schema ${schema} by table. */`,
    `export interface ${toPascalCase(schema)}Tables {`,
    ...lines,
    "}\n",
  ].join("\n");
}

function toTypeScript({ name, type }: Column, enums: Map<string, string>): string {
  const element = type.replace(/\[\]$/, "");
  const found = scalarTypes[element] ?? enums.get(element);
  if (!found) throw new Error(`Cannot map column "${name}": type "${type}" is not known here`);
  return element === type ? found : `${found}[]`;
}

function rowName({ name }: Table): string {
  return `${toPascalCase(name)}Row`;
}

function toPascalCase(name: string): string {
  return name.split("_").map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

import { readMigrationFiles } from "../migration-files.ts";
import { type Check, found, listNames } from "../check.ts";

/** It waits for the cutover while legacy users are there. */
const removal = "20270101000000";

export const migrations: Check = {
  id: "migrations",
  looks: "the history of migrations in the database against supabase/migrations, text by text",
  why:
    "Functions that were deployed with newer files meet a database without what they call, and " +
    "a file that was edited after its push is not what runs",
  mend:
    'Run "supabase db push"; for a file that was edited, write a new migration instead and run ' +
    '"supabase migration repair" if the history is wrong',
  async run({ read }) {
    const files = await readMigrationFiles();
    const { rows, legacyUsers } = await read(async (sql) => {
      const [row] = await sql<[{ history: boolean; users: boolean }]>`
        select to_regclass('supabase_migrations.schema_migrations') is not null as history,
          to_regclass('public.users') is not null as users`;
      return {
        rows: !row.history ? [] : await sql<{ version: string; text: string | null }[]>`
          select version, array_to_string(statements, ';') as text
          from supabase_migrations.schema_migrations order by version`,
        legacyUsers: row.users,
      };
    });
    const pushed = new Map(rows.map(({ version, text }) => [version, text]));
    const missing = files.filter(({ version }) =>
      !pushed.has(version) && !(legacyUsers && version === removal)
    );
    const unknown = [...pushed.keys()].filter((version) =>
      !files.some((file) => file.version === version)
    );
    const edited = files.filter(({ version, text }) => {
      const there = pushed.get(version);
      return typeof there === "string" && squeeze(there) !== squeeze(text);
    });
    return found([
      ...missing.length === 0 ? [] : [
        `${missing.length} migrations are not pushed: ${listNames(missing.map((one) => one.name))}`,
      ],
      ...unknown.length === 0
        ? []
        : [`The database has migrations that no file holds: ${listNames(unknown)}`],
      ...edited.length === 0
        ? []
        : [`Edited after they were pushed: ${listNames(edited.map((one) => one.name))}`],
    ]);
  },
};

/** The history keeps statements apart, so ends of statements and white space do not count. */
function squeeze(text: string): string {
  return text.replace(/[\s;]+/g, "");
}

import type { Connection } from "./rows.ts";

/** A statement to be tried as somebody, and taken back. */
export interface Attempt {
  role: string;
  claims: Record<string, unknown>;
  statement: string;
  /**
   * How the rows are told: `keys`, the statement answers them; `count`, only how many; or a query
   * that the owner of the tables asks afterwards for their keys.
   */
  told: "keys" | "count" | { by: string };
}

/** What came of it: rows, or the SQLSTATE and message of a refusal. */
export type Outcome =
  | { rows: readonly string[] }
  | { count: number }
  | { refused: string; message: string };

// One round trip for thousands of attempts. The last raise takes each attempt back, its role and its
// claims with it; MX000 is no SQLSTATE of anybody's.
const tryStatement = `
create or replace function pg_temp.try_statement(p_role text, p_claims text, p_statement text, p_told text)
returns jsonb language plpgsql as $function$
declare
    v_rows jsonb;
    v_count bigint;
begin
    perform set_config('role', p_role, true), set_config('request.jwt.claims', p_claims, true);
    if p_told = 'keys' then
        execute 'select coalesce(jsonb_agg(key), ''[]'') from (' || p_statement || ') as t (key)' into v_rows;
    else
        execute p_statement;
        get diagnostics v_count = row_count;
        v_rows := to_jsonb(v_count);
        if p_told <> 'count' then
            perform set_config('role', 'none', true);
            execute 'select coalesce(jsonb_agg(key), ''[]'') from (' || p_told || ') as t (key)' into v_rows;
        end if;
    end if;
    raise exception using errcode = 'MX000', message = v_rows::text;
exception when others then
    return jsonb_build_object('state', sqlstate, 'message', sqlerrm);
end
$function$`;

/** Tries statements one after another in the transaction of `sql`; none of them leaves anything. */
export async function tryAll(
  sql: Connection,
  attempts: readonly Attempt[],
): Promise<Outcome[]> {
  await sql.unsafe(tryStatement);
  const sent = attempts.map(({ role, claims, statement, told }) => ({
    role,
    claims: JSON.stringify(claims),
    statement,
    told: typeof told === "string" ? told : told.by,
  }));
  const rows = await sql.unsafe(
    `select pg_temp.try_statement(a ->> 'role', a ->> 'claims', a ->> 'statement', a ->> 'told') as outcome
     from jsonb_array_elements($1::text::jsonb) with ordinality as t (a, n) order by n`,
    [JSON.stringify(sent)],
  );
  return rows.map((row) => readOutcome(row["outcome"] as { state: string; message: string }));
}

function readOutcome({ state, message }: { state: string; message: string }): Outcome {
  if (state !== "MX000") return { refused: state, message };
  const told: unknown = JSON.parse(message);
  return Array.isArray(told) ? { rows: told.map(String) } : { count: Number(told) };
}

/**
 * A refusal in a word: which of the locks held. `privilege`: the role has no right on it; `policy`:
 * no policy allows the row; `computed`: nobody can set it; an error code of ours; else the SQLSTATE.
 */
export function nameRefusal({ refused, message }: { refused: string; message: string }): string {
  if (refused === "42501") return message.startsWith("permission denied") ? "privilege" : "policy";
  if (refused === "428C9") return "computed";
  return refused === "HD000" ? message : `${refused} ${message}`;
}

import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresSql } from "../support/sql.ts";
import { useStack } from "../support/stack.ts";
import { adminClient, anonymousClient, createUser, type TestUser } from "../support/users.ts";

// Tables of its own, so that it can be pointed at any Supabase project.
const run = crypto.randomUUID().slice(0, 8).replaceAll("-", "");
const notes = `conformance_notes_${run}`;
const tags = `conformance_tags_${run}`;
const values = `conformance_values_${run}`;
const whoami = `conformance_whoami_${run}`;
const series = `conformance_series_${run}`;
const failing = `conformance_failing_${run}`;

let ann: TestUser;
let ben: TestUser;
const secret = adminClient();
const nobody = anonymousClient();

const createSql = `
create table public.${notes} (
  id int generated always as identity primary key,
  owner uuid not null default auth.uid(),
  title text unique,
  rank int check (rank >= 0),
  detail jsonb,
  at timestamptz not null default now()
);
create table public.${values} (
  id int primary key, small smallint, large bigint, exact numeric(10, 3), plain numeric, real real,
  double double precision, yes boolean, short varchar(9), stamp timestamptz, local timestamp,
  day date, clock time, span interval, key uuid, tree jsonb, flat json, words text[], counts int[],
  moments timestamptz[], trees jsonb[], raw bytea, address inet, reach int4range, lexemes tsvector,
  nothing text
);
insert into public.${values} values (
  1, 7, 9007199254740991, 3.000, 12.50, 1.5, 0.1, true, '한글', '2026-11-22 17:42:16.98694+00',
  '2026-11-22 17:42:16', '2026-11-22', '17:42:16.5', '1 day 2 hours',
  '5b2a0f3e-0000-4000-8000-000000000001', '{"a": [1, {"b": "c"}]}', '{"z":1}', '{a,"b c"}',
  '{1,2}', '{2026-11-22 17:42:16+00}', array['{"a":1}'::jsonb], '\\x01ff', '10.0.0.1', '[1,5)',
  to_tsvector('simple', 'two words'), null
);
create table public.${tags} (
  note_id int references public.${notes} (id) on delete cascade,
  tag text not null,
  primary key (note_id, tag)
);
alter table public.${notes} enable row level security;
alter table public.${tags} enable row level security;
alter table public.${values} enable row level security;
grant select, insert, update, delete on public.${notes}, public.${tags} to authenticated;
grant all on public.${notes}, public.${tags}, public.${values} to service_role;
create policy "own notes" on public.${notes} to authenticated
  using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
create policy "tags of own notes" on public.${tags} to authenticated
  using (note_id in (select id from public.${notes}));
create function public.${whoami}(p_note text default null) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('uid', auth.uid(), 'role', auth.role(), 'email', auth.email(),
    'database_role', current_user, 'session', auth.jwt() ->> 'session_id', 'note', p_note)
$$;
create function public.${series}(p_count int) returns setof int
language sql stable set search_path = '' as $$ select generate_series(1, p_count) $$;
create function public.${failing}() returns void language plpgsql set search_path = '' as $$
begin
  raise exception 'Not today' using errcode = 'HX001', detail = 'Come tomorrow';
end
$$;
grant execute on function public.${whoami}(text), public.${series}(int), public.${failing}()
  to anon, authenticated, service_role;
notify pgrst, 'reload schema';`;

beforeAll(async () => {
  [ann, ben] = await Promise.all([createUser(), createUser()]);
  await postgresSql().unsafe(createSql);
  await untilVisible();
  const { error } = await ann.client.from(notes).insert(
    Array.from({ length: 12 }, (_, index) => ({
      title: `note ${String(index).padStart(2, "0")}`,
      rank: index,
      detail: { even: index % 2 === 0 },
    })),
  );
  expect(error).toBeNull();
});

afterAll(async () => {
  await postgresSql().unsafe(
    `drop table if exists public.${tags}, public.${notes}, public.${values};
    drop function if exists public.${whoami}(text), public.${series}(int), public.${failing}()`,
  );
});

// A real Data API reads the catalogue anew a moment after it was told to.
async function untilVisible(): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const [table, call] = await Promise.all([
      secret.from(notes).select("id").limit(1),
      secret.rpc(series, { p_count: 1 }),
    ]);
    if (table.error === null && call.error === null) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("The Data API did not see the new tables within 10 seconds");
}

describe("the caller", () => {
  it("is the user of the token, with every claim", async () => {
    const { data: claims } = await ann.client.auth.getClaims();
    const { data } = await ann.client.rpc(whoami);
    expect(data).toEqual({
      uid: ann.id,
      role: "authenticated",
      email: ann.email,
      database_role: "authenticated",
      session: claims?.claims["session_id"],
      note: null,
    });
  });

  const keys: [string, () => SupabaseClient, string][] = [
    ["anon for the publishable key", () => nobody, "anon"],
    ["service_role for the secret key", () => secret, "service_role"],
  ];
  it.each(keys)("is %s", async (_name, client, role) => {
    const { data } = await client().rpc(whoami);
    expect(data).toMatchObject({ uid: null, role, database_role: role });
  });
});

describe("row-level security", () => {
  const cases: [string, () => SupabaseClient, number | null][] = [
    ["the owner sees the rows", () => ann.client, 12],
    ["another user sees none", () => ben.client, 0],
    ["the secret key sees all", () => secret, 12],
    ["the publishable key is refused for want of a grant", () => nobody, null],
  ];
  it.each(cases)("%s", async (_name, client, rows) => {
    const { data, error } = await client().from(notes).select("id").like("title", "note %");
    expect(data?.length ?? null).toBe(rows);
    expect(error?.code ?? null).toBe(rows === null ? "42501" : null);
  });

  it("refuses a row in another's name and touches no row of another", async () => {
    const forged = await ben.client.from(notes).insert({ title: "forged", owner: ann.id });
    expect(forged.error).toMatchObject({ code: "42501" });
    expect(forged.status).toBe(403);
    const update = await ben.client.from(notes).update({ rank: 99 }).eq("rank", 3).select();
    expect(update.data).toEqual([]);
    const remove = await ben.client.from(notes).delete().eq("rank", 3).select();
    expect(remove.data).toEqual([]);
    const { data } = await ann.client.from(notes).select("rank").eq("rank", 3);
    expect(data).toEqual([{ rank: 3 }]);
  });

  it("leaves the grants of the tables as they were made", async () => {
    const rows = await postgresSql()<{ grantee: string }[]>`
      select distinct grantee::regrole::text as grantee
      from pg_class, aclexplode(relacl) where relname = ${notes}`;
    expect(rows.map((row) => row.grantee)).not.toContain("anon");
  });
});

describe("many callers at once", () => {
  it("each stay who they are", async () => {
    const callers: [SupabaseClient, unknown][] = [
      [ann.client, { uid: ann.id, role: "authenticated", database_role: "authenticated" }],
      [ben.client, { uid: ben.id, role: "authenticated", database_role: "authenticated" }],
      [nobody, { uid: null, role: "anon", database_role: "anon" }],
      [secret, { uid: null, role: "service_role", database_role: "service_role" }],
    ];
    await Promise.all(Array.from({ length: 120 }, async (_, index) => {
      const [client, expected] = callers[index % callers.length] ?? [nobody, null];
      const { data, error } = await client.rpc(whoami, { p_note: String(index) });
      expect(error).toBeNull();
      expect(data).toMatchObject({ ...Object(expected), note: String(index) });
    }));
  });
});

describe("reading", () => {
  it("counts, pages and sorts", async () => {
    const { data, count, status } = await ann.client.from(notes)
      .select("rank", { count: "exact" }).order("rank", { ascending: false }).range(2, 4);
    expect(data).toEqual([{ rank: 9 }, { rank: 8 }, { rank: 7 }]);
    expect([count, status]).toEqual([12, 206]);
    const head = await ann.client.from(notes).select("*", { count: "exact", head: true });
    expect([head.count, head.data]).toEqual([12, null]);
  });

  it("filters by columns and inside json", async () => {
    const { data } = await ann.client.from(notes).select("rank")
      .gte("rank", 2).in("rank", [1, 2, 3, 4]).eq("detail->>even", "true").order("rank");
    expect(data).toEqual([{ rank: 2 }, { rank: 4 }]);
    const either = await ann.client.from(notes).select("rank").or("rank.eq.0,rank.eq.11")
      .order("rank");
    expect(either.data).toEqual([{ rank: 0 }, { rank: 11 }]);
  });

  it("embeds rows of a table that refers to it", async () => {
    const { data: note } = await ann.client.from(notes).select("id").eq("rank", 5).single();
    await ann.client.from(tags).insert([{ note_id: note?.id, tag: "a" }, {
      note_id: note?.id,
      tag: "b",
    }]);
    const { data } = await ann.client.from(notes).select(`rank, ${tags}(tag)`).eq("rank", 5);
    expect(data).toEqual([{ rank: 5, [tags]: [{ tag: "a" }, { tag: "b" }] }]);
  });

  it("writes every type as PostgreSQL writes it in JSON", async () => {
    const sql = postgresSql();
    const [row] = await sql<{ json: string }[]>`
      select row_to_json(t)::text as json from ${sql(values)} t`;
    const { data } = await secret.from(values).select().single();
    expect(data).toEqual(JSON.parse(row?.json ?? "{}"));
  });

  it("answers PGRST116 when single() finds none", async () => {
    const { error, status } = await ann.client.from(notes).select().eq("rank", 999).single();
    expect([error?.code, status]).toEqual(["PGRST116", 406]);
    expect((await ann.client.from(notes).select().eq("rank", 999).maybeSingle()).data).toBeNull();
  });
});

describe("the query language", () => {
  // Over ranks 0 to 11 of the first user's notes; the answer is the list of ranks.
  const start = () => ann.client.from(notes).select("rank").like("title", "note %").order("rank");
  type Query = ReturnType<typeof start>;
  const cases: [string, (query: Query) => Query, number[]][] = [
    ["eq and neq", (q) => q.neq("rank", 0).eq("title", "note 01"), [1]],
    ["gt, gte, lt, lte", (q) => q.gt("rank", 3).lte("rank", 5), [4, 5]],
    ["like and ilike", (q) => q.ilike("title", "NOTE 1%"), [10, 11]],
    ["in", (q) => q.in("title", ["note 02", 'no, "such"']), [2]],
    ["is null", (q) => q.is("detail", null), []],
    ["not", (q) => q.not("rank", "lt", 11), [11]],
    ["or with and", (q) => q.or("rank.eq.0,and(rank.gt.9,title.like.*11)"), [0, 11]],
    ["contains in json", (q) => q.contains("detail", { even: false }).lt("rank", 4), [1, 3]],
    ["a json path", (q) => q.eq("detail->even", true).lt("rank", 3), [0, 2]],
    ["full text", (q) => q.textSearch("title", "'note' & '07'", { config: "simple" }), [7]],
    ["a regular expression", (q) => q.filter("title", "match", "0[12]$"), [1, 2]],
    ["match", (q) => q.match({ rank: 8, title: "note 08" }), [8]],
    ["limit and offset", (q) => q.range(3, 4), [3, 4]],
  ];
  it.each(cases)("filters by %s", async (_name, filter, ranks) => {
    const { data, error } = await filter(start());
    expect(error).toBeNull();
    expect(data?.map((row) => row.rank)).toEqual(ranks);
  });

  it("renames, casts and reads into json", async () => {
    const { data } = await ann.client.from(notes)
      .select("position:rank, word:rank::text, even:detail->even, again:detail->>even")
      .eq("rank", 4).single();
    expect(data).toEqual({ position: 4, word: "4", even: true, again: "true" });
  });

  it("embeds the parent, filters by it and by children", async () => {
    const { data: note } = await ann.client.from(notes).select("id").eq("rank", 6).single();
    await ann.client.from(tags).insert([
      { note_id: note?.id, tag: "blue" },
      { note_id: note?.id, tag: "red" },
    ]);
    const parent = await ann.client.from(tags).select(`tag, ${notes}(rank)`).eq("tag", "blue");
    expect(parent.data).toEqual([{ tag: "blue", [notes]: { rank: 6 } }]);
    const inner = await ann.client.from(notes).select(`rank, ${tags}!inner(tag)`)
      .eq(`${tags}.tag`, "red");
    expect(inner.data).toEqual([{ rank: 6, [tags]: [{ tag: "red" }] }]);
  });

  it("changes many rows at once and counts them", async () => {
    const made = await ben.client.from(notes).insert(
      [{ title: `many 1 ${run}` }, { title: `many 2 ${run}`, rank: 5 }],
      { count: "exact" },
    );
    expect([made.error, made.count]).toEqual([null, 2]);
    const ignored = await ben.client.from(notes).upsert(
      { title: `many 1 ${run}`, rank: 9 },
      { onConflict: "title", ignoreDuplicates: true },
    ).select();
    expect(ignored.data).toEqual([]);
    const changed = await ben.client.from(notes).update({ rank: 1 }, { count: "exact" })
      .like("title", `many%${run}`);
    expect([changed.status, changed.count]).toEqual([204, 2]);
    const gone = await ben.client.from(notes).delete({ count: "exact" })
      .like("title", `many%${run}`);
    expect([gone.status, gone.count]).toEqual([204, 2]);
  });

  it("answers CSV when asked", async () => {
    const { data } = await ann.client.from(notes).select("rank, title").eq("rank", 1).csv();
    expect(data).toMatch(/^rank,title\n1,"?note 01"?$/);
  });

  it("takes values that look like SQL as values", async () => {
    const title = `'); drop table public.${notes}; --`;
    const { data } = await ben.client.from(notes).insert({ title }).select("title").single();
    expect(data).toEqual({ title });
    const found = await ben.client.from(notes).select("title").eq("title", title);
    expect(found.data).toEqual([{ title }]);
  });
});

describe("writing", () => {
  it("stores json as json", async () => {
    const detail = { list: [1, { deep: "한글" }], nothing: null };
    const { data } = await ben.client.from(notes).insert({ title: `json ${run}`, detail })
      .select("id, detail").single();
    expect(data?.detail).toEqual(detail);
    const [row] = await postgresSql()<{ kind: string }[]>`
      select jsonb_typeof(detail) as kind
      from ${postgresSql()(notes)} where id = ${data?.id ?? 0}`;
    expect(row?.kind).toBe("object");
  });

  it("upserts on a unique column", async () => {
    const write = (rank: number) =>
      ben.client.from(notes).upsert({ title: `up ${run}`, rank }, { onConflict: "title" })
        .select("id, rank").single();
    const first = await write(1);
    const second = await write(2);
    expect(second.data).toEqual({ id: first.data?.id, rank: 2 });
  });

  it("answers the changed rows only when asked", async () => {
    const silent = await ben.client.from(notes).insert({ title: `silent ${run}` });
    expect([silent.status, silent.data]).toEqual([201, null]);
    const removed = await ben.client.from(notes).delete().eq("title", `silent ${run}`)
      .select("title");
    expect(removed.data).toEqual([{ title: `silent ${run}` }]);
  });
});

describe("errors", () => {
  const cases: [string, () => PromiseLike<{ error: { code: string } | null; status: number }>, [
    string,
    number,
  ]][] = [
    ["a duplicate", () => ann.client.from(notes).insert({ title: "note 01" }), ["23505", 409]],
    ["a broken check", () => ann.client.from(notes).insert({ rank: -1 }), ["23514", 400]],
    ["a missing reference", () => secret.from(tags).insert({ note_id: 0, tag: "x" }), [
      "23503",
      409,
    ]],
    ["a missing value", () => secret.from(tags).insert({ note_id: null, tag: null }), [
      "23502",
      400,
    ]],
    ["a value of another type", () => ann.client.from(notes).select().eq("rank", "x"), [
      "22P02",
      400,
    ]],
    ["an error a function raises", () => ann.client.rpc(failing), ["HX001", 400]],
    ["an unknown column", () => ann.client.from(notes).select("nope"), ["42703", 400]],
    ["an unknown table", () => ann.client.from(`none_${run}`).select(), ["PGRST205", 404]],
    ["an unknown function", () => ann.client.rpc(`none_${run}`), ["PGRST202", 404]],
  ];
  it.each(cases)("%s has PostgREST's code and status", async (_name, request, expected) => {
    const { error, status } = await request();
    expect([error?.code, status]).toEqual(expected);
  });

  it.each(["auth", "storage", "private"])("schema %s is not exposed", async (schema) => {
    for (const client of [ann.client, secret]) {
      const { error, status } = await client.schema(schema).from("users").select();
      expect([error?.code, status]).toEqual(["PGRST106", 406]);
    }
  });
});

describe("rpc()", () => {
  it("passes arguments and returns sets", async () => {
    const { data } = await ann.client.rpc(whoami, { p_note: "hello" });
    expect(data).toMatchObject({ note: "hello" });
    expect((await ann.client.rpc(series, { p_count: 3 })).data).toEqual([1, 2, 3]);
    expect((await ann.client.rpc(series, { p_count: 3 }, { get: true })).data).toEqual([1, 2, 3]);
  });
});

describe("keys and tokens", () => {
  const get = (headers: Record<string, string>) =>
    fetch(`${useStack().url}/rest/v1/${notes}?select=id&limit=1`, { headers });

  it("answer 401 when there is none, or one that does not verify", async () => {
    const apikey = useStack().publishableKey;
    const [head, payload] = ann.accessToken.split(".");
    const cases = [
      {},
      { apikey: "sb_publishable_of_another_project" },
      { apikey, authorization: "Bearer garbage" },
      { apikey, authorization: `Bearer ${head}.${payload}.${"A".repeat(86)}` },
    ];
    for (const headers of cases) {
      const response = await get({ ...headers });
      expect(response.status, JSON.stringify(headers)).toBe(401);
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(await response.json()).toHaveProperty("message");
    }
  });

  it("let a browser of any origin ask first", async () => {
    const response = await fetch(`${useStack().url}/rest/v1/${notes}`, {
      method: "OPTIONS",
      headers: {
        origin: "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "apikey,authorization,content-type,prefer",
      },
    });
    await response.body?.cancel();
    expect(response.status).toBeLessThan(300);
    expect(response.headers.get("access-control-allow-origin")).toBeTruthy();
    expect(response.headers.get("access-control-allow-headers")?.toLowerCase()).toContain("apikey");
  });

  it("may be the token in place of the key", async () => {
    const client = createClient(useStack().url, ann.accessToken, {
      auth: { persistSession: false, autoRefreshToken: false },
    });
    const { data } = await client.rpc(whoami);
    expect(data).toMatchObject({ uid: ann.id });
  });
});

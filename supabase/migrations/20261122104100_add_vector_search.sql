-- The vector branch of a search: scenes whose embedding lies nearest to that of the query, by cosine distance.
--
-- Why: an HNSW index knows nothing of owners, so a plain scan of it takes its nearest vectors of everybody and filters
-- afterwards: a page of one user out of many stays half empty. The index is therefore scanned on until enough scenes of
-- the caller are found (hnsw.iterative_scan), and not used at all where reading every vector that counts costs less.
-- scene_vectors has no owner columns: the filters need the row of the scene anyway, one probe of its primary key a
-- vector, and a copy of the owner would have to be kept by trigger and follow each change of it through the index.
-- What stays unchanged: vectors and who may read them. Without pgvector the functions are there and refuse; without the
-- index, which needs pgvector 0.8, every scan is exact.

do $migration$
declare
    vector_schema text;
    vector_version integer [];
begin
    if pg_catalog.to_regclass('public.scene_vectors') is null then
        raise notice 'pgvector is not installed: search by vector is off';
        return;
    end if;
    -- Out of line, to read a vector is to look up its three pieces in the TOAST table. The other column stays there:
    -- both do not fit on a page.
    alter table public.scene_vectors alter column text_vec set storage plain;
    select n.nspname, pg_catalog.string_to_array(pg_catalog.regexp_replace(e.extversion, '[^0-9.].*$', ''), '.')::integer []
    into vector_schema, vector_version
    from pg_catalog.pg_extension as e
    inner join pg_catalog.pg_namespace as n on e.extnamespace = n.oid
    where e.extname = 'vector';
    if vector_version < array[0, 8] then
        raise notice 'pgvector is older than 0.8 and cannot scan on: search by vector reads every vector of the caller';
    elsif exists (select from public.scene_vectors offset 50000) then
        -- Built here, it would lock the table for as long as that takes, and push has a time limit.
        raise notice 'scene_vectors has more than 50000 rows. Build the index of search by vector without a lock: '
            'create index concurrently if not exists idx_scene_vectors_text_vec on public.scene_vectors '
            'using hnsw (text_vec %.vector_cosine_ops)', pg_catalog.quote_ident(vector_schema);
    else
        execute pg_catalog.format(
            'create index if not exists idx_scene_vectors_text_vec on public.scene_vectors '
            'using hnsw (text_vec %I.vector_cosine_ops)', vector_schema
        );
    end if;
end
$migration$;

-- The cosine distance of a stored vector to that of a query, as SQL. Returns an expression over alias v of
-- public.scene_vectors with the query as $2 (real[]), 0 for the same direction to 2 for the opposite; null without
-- pgvector. The extension may lie in any schema. Not security definer: reads the catalogue only.
create or replace function private.to_vector_distance() returns text
language sql
stable
set search_path = ''
as $function$
    select format(
        'v.text_vec operator(%s.<=>) $2::%s', t.typnamespace::regnamespace, format_type(a.atttypid, a.atttypmod)
    )
    from pg_catalog.pg_attribute as a
    inner join pg_catalog.pg_type as t on a.atttypid = t.oid
    where a.attrelid = to_regclass('public.scene_vectors') and a.attname = 'text_vec' and t.typname = 'vector'
$function$;
revoke all on function private.to_vector_distance() from public, anon, authenticated, service_role;

-- The 2,000 nearest scenes of a scope, found by reading the vector of each. p_scope: of the search. p_vector: 1152
-- numbers. Returns scenes with their distance in no order. Not security definer: private.find_scene_candidates calls it
-- as its owner.
create or replace function private.scan_vectors(p_scope private.search_scope, p_vector real [])
returns table (scene_id uuid, video_id uuid, distance double precision)
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_arms text;
begin
    -- "+ 0" keeps the planner from the index of distances, which may end before it has found all.
    select string_agg(
        format(
            'select s.scene_id, s.video_id, (%s) + 0 as distance from public.scenes as s '
            'inner join public.scene_vectors as v on v.scene_id = s.scene_id '
            'where %s and v.text_vec is not null and %s',
            private.to_vector_distance(), o.condition, private.to_scene_conditions(p_scope)
        ),
        ' union all '
    ) into v_arms
    from unnest(private.to_owner_conditions(p_scope)) as o (condition);
    return query execute format('select * from (%s) as f order by 3, 1 limit 2000', v_arms) using p_scope, p_vector;
end
$function$;
revoke all on function private.scan_vectors(private.search_scope, real []) from public, anon, authenticated, service_role;

-- The scenes of a scope that lie nearest by the index. p_scope: of the search. p_vector: 1152 numbers. p_depth: how
-- many. p_tuples: vectors after which the scan ends, whoever they belong to. Returns scenes with their distance in no
-- order, fewer than p_depth when the scan ended. Not security definer: private.find_scene_candidates calls it as its
-- owner. Sorting is switched off so that the planner takes the index whatever it thinks of the filters.
create or replace function private.scan_vector_index(
    p_scope private.search_scope, p_vector real [], p_depth integer, p_tuples integer
)
returns table (scene_id uuid, video_id uuid, distance double precision)
language plpgsql
stable
set search_path = ''
set enable_sort = off
set jit = off
as $function$
begin
    -- What comes is sorted afterwards, so the order that costs less will do.
    perform
        set_config('hnsw.iterative_scan', 'relaxed_order', true),
        set_config('hnsw.ef_search', least(p_depth, 1000)::text, true),
        set_config('hnsw.max_scan_tuples', p_tuples::text, true),
        set_config('hnsw.scan_mem_multiplier', '8', true);
    -- "limit 1" makes it a probe of each vector in turn: the scan goes on until enough of them are let through.
    return query execute format(
        'select s.scene_id, s.video_id, %1$s from public.scene_vectors as v cross join lateral ('
        'select s.scene_id, s.video_id from public.scenes as s where s.scene_id = v.scene_id '
        'and (s.user_id = ($1).caller or s.organization_id = any(($1).organizations)) and %2$s limit 1) as s '
        'order by %1$s limit $3',
        private.to_vector_distance(), private.to_scene_conditions(p_scope)
    ) using p_scope, p_vector, p_depth;
end
$function$;
revoke all on function private.scan_vector_index(private.search_scope, real [], integer, integer)
from public, anon, authenticated, service_role;

-- How many scenes a scope lets through, with or without a vector. p_scope: of the search. p_most: where to stop
-- counting. Returns an integer up to p_most. Not security definer: private.find_scene_candidates calls it as its owner.
create or replace function private.count_scenes(p_scope private.search_scope, p_most integer) returns integer
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_arms text;
    v_count integer;
begin
    select string_agg(
        format(
            'select from public.scenes as s where %s and %s', o.condition, private.to_scene_conditions(p_scope)
        ),
        ' union all '
    ) into v_arms
    from unnest(private.to_owner_conditions(p_scope)) as o (condition);
    execute format('select count(*) from (select from (%s) as f limit $2) as f', v_arms)
    into v_count using p_scope, p_most;
    return v_count;
end
$function$;
revoke all on function private.count_scenes(private.search_scope, integer)
from public, anon, authenticated, service_role;

-- The scenes whose text embedding is nearest to that of the query. p_scope: of the search. p_vector: 1152 finite
-- numbers, not all zero. Returns private.search_match, ranks from 1: the smaller cosine distance first; scenes without
-- a vector are in no rank. Errors: validation_failed (vector); feature_disabled (no pgvector).
-- Few scenes, of a small owner or through strong filters, are all compared, and the 2,000 nearest ranked. "Few" is what
-- costs less than the index: to pass its nearest until n of a share p are found takes n / p vectors, to read all of
-- total takes p * total, so it ends at sqrt(n * total), at 10,000 in a small table. A setting of the database,
-- heimdex.exact_scan_scenes, replaces that figure. Of more scenes the 500 nearest by the index are ranked. When the
-- index has fewer, because the others have no vector or lie too far away, all are compared nevertheless.
-- Not security definer: private.find_scene_candidates calls it as its owner.
create or replace function private.find_vector_matches(p_scope private.search_scope, p_vector real [])
returns setof private.search_match
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_depth constant integer := 500;
    v_total constant double precision := (
        select greatest(c.reltuples, 0) from pg_catalog.pg_class as c
        where c.oid = to_regclass('public.scene_vectors')
    );
    v_few constant integer := coalesce(
        nullif(current_setting('heimdex.exact_scan_scenes', true), '')::integer,
        greatest(10000, sqrt(v_depth * v_total)::integer)
    );
    v_has_index constant boolean := exists (
        select from pg_catalog.pg_index as i
        where i.indexrelid = to_regclass('public.idx_scene_vectors_text_vec') and i.indisvalid
    );
    v_matches private.search_match [];
begin
    if private.to_vector_distance() is null then
        perform private.raise_error('feature_disabled', 'Search by vector needs pgvector. Send text to search for');
    end if;
    if
        cardinality(p_vector) <> 1152 or array_position(p_vector, null) is not null
        or p_vector && array['NaN', 'Infinity', '-Infinity']::real [] or 0 = all(p_vector)
    then
        perform private.raise_error(
            'validation_failed', 'The vector has to be 1152 finite numbers that are not all zero'
        );
    end if;
    if v_has_index and private.count_scenes(p_scope, v_few + 1) > v_few then
        v_matches := array(
            select (n.scene_id, n.video_id, row_number() over (order by n.distance, n.scene_id))::private.search_match
            from private.scan_vector_index(p_scope, p_vector, v_depth, greatest(20000, 2 * v_few)) as n
        );
    end if;
    if cardinality(v_matches) = v_depth then
        return query select m.scene_id, m.video_id, m.rank from unnest(v_matches) as m;
    else
        return query
        select n.scene_id, n.video_id, (row_number() over (order by n.distance, n.scene_id))::integer
        from private.scan_vectors(p_scope, p_vector) as n;
    end if;
end
$function$;
revoke all on function private.find_vector_matches(private.search_scope, real [])
from public, anon, authenticated, service_role;

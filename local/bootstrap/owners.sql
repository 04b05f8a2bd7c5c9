-- Owners, row-level security and grants of the schemas auth and storage, as hosted; the history of
-- migrations belongs to the role that pushes them.
do $$
declare
  item record;
begin
  for item in
    select format('alter %s %s owner to %I', kind, name, wanted) as statement
    from (
      select
        case relkind when 'S' then 'sequence' when 'v' then 'view' else 'table' end as kind,
        oid::regclass::text as name, relowner as owner, relnamespace as namespace
      from pg_class
      where relkind in ('r', 'p', 'v', 'S')
        -- A sequence owned by a column follows its table.
        and not exists (
          select from pg_depend
          where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype in ('a', 'i'))
      union all
      select 'function', oid::regprocedure::text, proowner, pronamespace from pg_proc
      union all
      select 'type', oid::regtype::text, typowner, typnamespace from pg_type where typtype = 'e'
      union all
      select 'schema', nspname, nspowner, oid from pg_namespace
    ) as objects
    join (values ('auth', 'supabase_auth_admin'), ('storage', 'supabase_storage_admin'),
        ('supabase_migrations', 'postgres'))
      as owners (schema, wanted) on namespace = to_regnamespace(schema)
    where owner <> wanted::regrole
  loop
    execute item.statement;
  end loop;

  for item in
    select format('alter table %s enable row level security', oid::regclass) as statement
    from pg_class
    where relkind = 'r' and not relrowsecurity
      and relnamespace in ('auth'::regnamespace, 'storage'::regnamespace)
  loop
    execute item.statement;
  end loop;
end
$$;

grant all on all tables in schema auth to postgres;
grant select on all tables in schema auth to postgres with grant option;
grant all on all sequences in schema auth to postgres;
grant all on all functions in schema auth to postgres;
alter default privileges for role supabase_auth_admin in schema auth
  grant all on tables to postgres;
alter default privileges for role supabase_auth_admin in schema auth
  grant all on sequences to postgres;
grant execute on function auth.uid(), auth.role(), auth.email(), auth.jwt()
  to anon, authenticated, service_role;

grant all on storage.buckets, storage.objects to anon, authenticated, service_role, postgres;
grant execute on all functions in schema storage to anon, authenticated, service_role, postgres;

create or replace function extensions.pgrst_ddl_watch() returns event_trigger
language plpgsql as $$
begin
  notify pgrst, 'reload schema';
end
$$;
do $$
begin
  if not exists (select from pg_event_trigger where evtname = 'pgrst_ddl_watch') then
    create event trigger pgrst_ddl_watch on ddl_command_end
      execute function extensions.pgrst_ddl_watch();
  end if;
  if not exists (select from pg_event_trigger where evtname = 'pgrst_drop_watch') then
    create event trigger pgrst_drop_watch on sql_drop
      execute function extensions.pgrst_ddl_watch();
  end if;
end
$$;

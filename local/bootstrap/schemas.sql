-- Database, schemas and default privileges as in projects made since 2026-10-30: a new table in
-- public is open to nobody until a migration grants it.
do $$
begin
  execute format('alter database %I owner to postgres', current_database());
end
$$;

create schema if not exists extensions authorization postgres;
create schema if not exists auth authorization supabase_auth_admin;
create schema if not exists storage authorization supabase_storage_admin;

grant usage on schema public, extensions, auth, storage
  to anon, authenticated, service_role, postgres;
grant create on schema auth to supabase_auth_admin;
grant usage on schema public, extensions to supabase_auth_admin, supabase_storage_admin;
revoke create on schema public from public;

create extension if not exists pgcrypto with schema extensions;
create extension if not exists "uuid-ossp" with schema extensions;

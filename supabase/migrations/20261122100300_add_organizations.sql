-- Organisations and their members.
--
-- Why: a video may belong to an organisation. organization_members is the authority for rights; the claims of a token
-- are a hint that may be an hour old.
-- What stays unchanged: all existing tables. user_id is a plain UUID of Supabase Auth without a foreign key, because an
-- erasure is long, resumes, and starts after the user row is gone.

create table if not exists public.organizations (
    organization_id uuid not null default gen_random_uuid(),
    name text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint organizations_pkey primary key (organization_id),
    constraint organizations_name_check check (char_length(name) between 1 and 100)
);
alter table public.organizations enable row level security;
revoke all on table public.organizations from public, anon, authenticated, service_role;
grant select on table public.organizations to authenticated;
grant select, insert, update, delete on table public.organizations to service_role;

create or replace trigger organizations_touch_updated_at
before update on public.organizations
for each row execute function private.touch_updated_at();

create table if not exists public.organization_members (
    organization_id uuid not null,
    user_id uuid not null,
    role text not null default 'member',
    created_at timestamptz not null default now(),
    constraint organization_members_pkey primary key (organization_id, user_id),
    constraint organization_members_organization_id_fkey foreign key (organization_id)
    references public.organizations (organization_id) on delete cascade,
    constraint organization_members_role_check check (role in ('member', 'admin'))
);
create index if not exists idx_organization_members_user_id on public.organization_members (user_id);
alter table public.organization_members enable row level security;
revoke all on table public.organization_members from public, anon, authenticated, service_role;
grant select on table public.organization_members to authenticated;
grant select, insert, update, delete on table public.organization_members to service_role;

-- The organisations of the caller. Returns an array of organization_id, empty without a caller or membership.
-- Security definer: a policy on organization_members that reads organization_members would call itself without end.
-- plpgsql keeps its plan for the session; a function in SQL is planned anew in every statement that has the policy.
-- Trust boundary: takes no argument, answers for auth.uid() only.
create or replace function private.list_own_organizations() returns uuid[]
language plpgsql
stable
security definer
set search_path = ''
as $function$
begin
    return array(select m.organization_id from public.organization_members as m where m.user_id = auth.uid());
end
$function$;
revoke all on function private.list_own_organizations() from public, anon, authenticated, service_role;
grant execute on function private.list_own_organizations() to authenticated;

-- The organisations that the caller manages. Returns an array of organization_id, empty without a caller or such a role.
-- Security definer for the same reason as private.list_own_organizations; answers for auth.uid() only.
create or replace function private.list_managed_organizations() returns uuid[]
language plpgsql
stable
security definer
set search_path = ''
as $function$
begin
    return array(
        select m.organization_id
        from public.organization_members as m
        where m.user_id = auth.uid() and m.role = 'admin'
    );
end
$function$;
revoke all on function private.list_managed_organizations() from public, anon, authenticated, service_role;
grant execute on function private.list_managed_organizations() to authenticated;

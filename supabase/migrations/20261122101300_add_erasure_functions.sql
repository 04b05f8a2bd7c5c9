-- What the database itself refuses in an erasure.
--
-- Why: an erasure of a living account cannot be taken back, so the refusal stands in the same transaction that opens the
-- job, whoever calls. Everything else of an erasure is driven by its manifest (shared/erasure/manifest.ts), in pages.
-- What stays unchanged: every row.

-- Refuses a user whom auth.users still holds and who is not soft-deleted.
-- p_user: the id. Returns nothing. Errors: validation_failed (null); user_still_exists.
-- Security definer: called through the service door, which may become a role of its own with no right on auth.users.
-- Closed to clients. Reads only.
create or replace function private.require_deleted_user(p_user uuid) returns void
language plpgsql
security definer
set search_path = ''
as $function$
begin
    if p_user is null then
        perform private.raise_error('validation_failed', 'An erasure needs the id of a user');
    end if;
    if exists (select from auth.users as u where u.id = p_user and u.deleted_at is null) then
        perform private.raise_error('user_still_exists', 'The user still exists. Delete the account first');
    end if;
end
$function$;
revoke all on function private.require_deleted_user(uuid) from public, anon, authenticated, service_role;

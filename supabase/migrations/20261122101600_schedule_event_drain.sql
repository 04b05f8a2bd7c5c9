-- Calls the drain of auth-webhook every minute, where pg_cron and pg_net are available.
--
-- Why: the outbox is worked off by an edge function, and somebody has to wake it. Supabase has both extensions; the
-- embedded stack has neither and calls the drain by a timer of its own.
-- What stays unchanged: the outbox itself. Without the extensions, or before both secrets are in Vault, nothing is
-- called, no event is lost, and whoever runs the project calls POST /functions/v1/auth-webhook/drain by other means.
-- Secrets in Vault: heimdex_drain_url (the whole URL) and heimdex_cron_secret (the value of HEIMDEX_CRON_SECRET).

-- Asks the drain to run once. Returns true when a request was queued, false when an extension or a secret is missing.
-- The statement is dynamic because net and vault do not exist everywhere.
-- Not security definer: pg_cron runs it as the role of the migrations.
create or replace function private.call_event_drain() returns boolean
language plpgsql
set search_path = ''
as $function$
declare
    v_url text;
    v_secret text;
begin
    if to_regclass('vault.decrypted_secrets') is null or to_regnamespace('net') is null then
        return false;
    end if;
    execute $sql$
        select
            max(decrypted_secret) filter (where name = 'heimdex_drain_url'),
            max(decrypted_secret) filter (where name = 'heimdex_cron_secret')
        from vault.decrypted_secrets
    $sql$ into v_url, v_secret;
    if v_url is null or v_secret is null then
        return false;
    end if;
    execute 'select net.http_post(url := $1, headers := $2, body := $3, timeout_milliseconds := 5000)'
    using v_url, jsonb_build_object('content-type', 'application/json', 'authorization', 'Bearer ' || v_secret),
        '{}'::jsonb;
    return true;
end
$function$;
revoke all on function private.call_event_drain() from public, anon, authenticated, service_role;

do $migration$
begin
    if not exists (select from pg_catalog.pg_available_extensions where name = 'pg_cron')
        or not exists (select from pg_catalog.pg_available_extensions where name = 'pg_net') then
        raise notice 'pg_cron or pg_net is not available: the drain is not scheduled here';
        return;
    end if;
    create extension if not exists pg_cron;
    create extension if not exists pg_net;
    perform cron.schedule('heimdex-event-drain', '* * * * *', 'select private.call_event_drain()');
exception when others then
    raise notice 'The drain is not scheduled here: % (%)', sqlerrm, sqlstate;
end
$migration$;

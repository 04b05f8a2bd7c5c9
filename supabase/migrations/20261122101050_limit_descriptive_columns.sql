-- Limits of the columns that a client may change by itself.
--
-- Why: the edge functions check what they write, but a client may also update these columns through the Data API, and
-- an organisation admin those of others. Without limits here one request stores a megabyte that every list then reads,
-- tags that are no texts, or a person without a name.
-- What stays unchanged: rows as they are, and what the server or a legacy application writes. Only a value that a client
-- changes is checked, because adopted legacy rows may hold longer ones. The limits are those of
-- supabase/functions/videos/schemas.ts and people/schemas.ts.

-- Refuses descriptive values beyond their limits: videos.language a BCP 47 tag of at most 35 characters;
-- video_metadata.title 1 to 255 characters, description at most 5000, tags at most 50 texts of 1 to 64 characters;
-- face_profiles.name 1 to 100 characters without control characters, none around it. Null is allowed where the column
-- allows it. Raises SQLSTATE HD000, message validation_failed, the sentence as detail.
-- Trigger function, not security definer: it reads the row only.
create or replace function private.check_descriptive_columns() returns trigger
language plpgsql
set search_path = ''
as $function$
declare
    v_problem text;
begin
    if current_user <> 'authenticated' then
        return new;
    end if;
    if tg_table_name = 'videos' then
        if char_length(new.language) > 35 or new.language !~ '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$' then
            v_problem := 'The language must be a tag such as "en" or "ko-KR"';
        end if;
    elsif tg_table_name = 'face_profiles' then
        if char_length(new.name) not between 1 and 100 or btrim(new.name) <> new.name or new.name ~ '[[:cntrl:]]' then
            v_problem := 'A name needs 1 to 100 characters without control characters or spaces around it';
        end if;
    elsif new.title is distinct from old.title and char_length(new.title) not between 1 and 255 then
        v_problem := 'A title needs 1 to 255 characters';
    elsif new.description is distinct from old.description and char_length(new.description) > 5000 then
        v_problem := 'A description has at most 5000 characters';
    elsif new.tags is distinct from old.tags and (
        case
            when jsonb_typeof(new.tags) <> 'array' then true
            when jsonb_array_length(new.tags) > 50 then true
            else exists (
                select from jsonb_array_elements(new.tags) as t (tag)
                where jsonb_typeof(t.tag) <> 'string' or char_length(t.tag #>> '{}') not between 1 and 64
            )
        end
    ) then
        v_problem := 'Tags must be a list of at most 50 texts of 1 to 64 characters';
    end if;
    if v_problem is not null then
        raise exception using errcode = 'HD000', message = 'validation_failed', detail = v_problem;
    end if;
    return new;
end
$function$;
revoke all on function private.check_descriptive_columns() from public, anon, authenticated, service_role;

create or replace trigger videos_check_descriptive_columns
before update of language on public.videos
for each row when (old.language is distinct from new.language)
execute function private.check_descriptive_columns();
create or replace trigger video_metadata_check_descriptive_columns
before update of title, description, tags on public.video_metadata
for each row execute function private.check_descriptive_columns();
create or replace trigger face_profiles_check_descriptive_columns
before update of name on public.face_profiles
for each row when (old.name is distinct from new.name)
execute function private.check_descriptive_columns();

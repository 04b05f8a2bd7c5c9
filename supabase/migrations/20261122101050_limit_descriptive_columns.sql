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
-- face_profiles.name 1 to 100 characters without control characters, none around it. No text holds control characters
-- (a description may hold tabs and line breaks) or turns the writing direction (shared/text/plain-text.ts); titles,
-- descriptions and names become Unicode NFC. Null is allowed where the column allows it. Raises SQLSTATE HD000, message validation_failed, the sentence as detail.
-- Trigger function, not security definer: it reads the row only.
create or replace function private.check_descriptive_columns() returns trigger
language plpgsql
set search_path = ''
as $function$
declare
    -- U+2028, U+2029 and the embeddings, overrides and isolates of writing direction; controls are told apart below.
    c_unusable constant text := '\u2028\u2029\u202a-\u202e\u2066-\u2069\u007f-\u009f';
    v_in_line text := '[\u0001-\u001f' || c_unusable || ']';
    v_in_text text := '[\u0001-\u0008\u000b\u000c\u000e-\u001f' || c_unusable || ']';
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
        if char_length(new.name) not between 1 and 100 or btrim(new.name) <> new.name or new.name ~ v_in_line then
            v_problem := 'A name needs 1 to 100 characters without control characters or spaces around it';
        end if;
    elsif new.title is distinct from old.title and (
        char_length(new.title) not between 1 and 255 or new.title ~ v_in_line
    ) then
        v_problem := 'A title needs 1 to 255 characters, and no control characters';
    elsif new.description is distinct from old.description and (
        char_length(new.description) > 5000 or new.description ~ v_in_text
    ) then
        v_problem := 'A description has at most 5000 characters, and no control characters';
    elsif new.tags is distinct from old.tags and (
        case
            when jsonb_typeof(new.tags) <> 'array' then true
            when jsonb_array_length(new.tags) > 50 then true
            else exists (
                select from jsonb_array_elements(new.tags) as t (tag)
                where
                    jsonb_typeof(t.tag) <> 'string' or char_length(t.tag #>> '{}') not between 1 and 64
                    or t.tag #>> '{}' ~ v_in_line
            )
        end
    ) then
        v_problem := 'Tags must be a list of at most 50 texts of 1 to 64 characters, and no control characters';
    end if;
    if v_problem is not null then
        raise exception using errcode = 'HD000', message = 'validation_failed', detail = v_problem;
    end if;
    -- After the lengths: to order the marks of a long text takes time that grows with the square of their count.
    if tg_table_name = 'face_profiles' then
        new.name := normalize(new.name, nfc);
    elsif tg_table_name = 'video_metadata' then
        new.title := normalize(new.title, nfc);
        new.description := normalize(new.description, nfc);
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

/** A check taken out of a function that looks past row level security. */
export interface RoutinePatch {
  /** Name of the function in schema private. */
  routine: string;
  what: string;
  /** Text of its definition; one that is not there fails the run. */
  find: string;
  replace: string;
  /** The rows of the matrix that notice. */
  noticed: "sessions" | "calls" | "rows" | "objects";
}

/** Each line of defence by which a function tells whose rows it touches, and whether a session lives. */
export const routinePatches: readonly RoutinePatch[] = [
  {
    routine: "session_state",
    what: "the session may be anybody's",
    find: "and s.user_id = p_user",
    replace: "",
    noticed: "sessions",
  },
  {
    routine: "session_state",
    what: "a session may be over its time",
    find: "and (s.not_after is null or s.not_after > now())",
    replace: "",
    noticed: "sessions",
  },
  {
    routine: "session_state",
    what: "the user may be banned",
    find: "and (u.banned_until is null or u.banned_until <= now())",
    replace: "",
    noticed: "sessions",
  },
  {
    routine: "session_state",
    what: "the user may be soft-deleted",
    find: "and u.deleted_at is null",
    replace: "",
    noticed: "sessions",
  },
  {
    routine: "session_state",
    what: "the user may be under erasure",
    find: "and not exists (select from private.erased_users as e where e.user_id = p_user)",
    replace: "",
    noticed: "sessions",
  },
  {
    routine: "session_is_live",
    what: "every token is alive",
    find: "= 'live', false",
    replace: "is not null, false",
    noticed: "sessions",
  },
  {
    routine: "open_request",
    what: "no session is asked for",
    find: "if private.session_state(p_user, p_session) is distinct from 'live' then",
    replace: "if false then",
    noticed: "sessions",
  },
  {
    routine: "list_own_organizations",
    what: "of everybody",
    find: "m.user_id = auth.uid()",
    replace: "true",
    noticed: "rows",
  },
  {
    routine: "list_managed_organizations",
    what: "of everybody",
    find: "m.user_id = auth.uid()",
    replace: "true",
    noticed: "rows",
  },
  {
    routine: "list_managed_organizations",
    what: "as any member",
    find: "and m.role = 'admin'",
    replace: "",
    noticed: "rows",
  },
  {
    routine: "list_deleted_videos",
    what: "of nobody",
    find: "v.deleted_at is not null",
    replace: "false",
    noticed: "rows",
  },
  {
    routine: "list_own_folders",
    what: "of every former id",
    find: "e.supabase_user_id = (select auth.uid()) and",
    replace: "",
    noticed: "objects",
  },
  {
    routine: "lock_own_video",
    what: "of any user",
    find: "v.user_id = v_caller",
    replace: "true",
    noticed: "calls",
  },
  {
    routine: "lock_own_video",
    what: "by any member",
    find: "private.list_managed_organizations()",
    replace: "private.list_own_organizations()",
    noticed: "calls",
  },
  {
    routine: "finish_video_deletion",
    what: "of any user",
    find: "v.user_id = v_caller",
    replace: "true",
    noticed: "calls",
  },
  {
    routine: "finish_video_deletion",
    what: "by any member",
    find: "private.list_managed_organizations()",
    replace: "private.list_own_organizations()",
    noticed: "calls",
  },
  {
    routine: "ensure_video_metadata",
    what: "of any user",
    find: "v.user_id = v_caller",
    replace: "true",
    noticed: "calls",
  },
  {
    routine: "ensure_video_metadata",
    what: "by any member",
    find: "private.list_managed_organizations()",
    replace: "private.list_own_organizations()",
    noticed: "calls",
  },
  {
    routine: "create_video",
    what: "in any organisation",
    find:
      "v_organization is not null and not v_organization = any(private.list_own_organizations())",
    replace: "false",
    noticed: "calls",
  },
  {
    routine: "add_person_photo",
    what: "of any user",
    find: "and p.user_id = v_caller",
    replace: "",
    noticed: "calls",
  },
  {
    routine: "begin_person_deletion",
    what: "of any user",
    find: "and user_id = v_caller",
    replace: "",
    noticed: "calls",
  },
  {
    routine: "merge_people",
    what: "of any user",
    find: "and p.user_id = v_caller",
    replace: "",
    noticed: "calls",
  },
  {
    routine: "read_export",
    what: "of any user",
    find: "e.user_id = v_caller",
    replace: "true",
    noticed: "calls",
  },
];

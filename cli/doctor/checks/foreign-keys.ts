import { type Check, found } from "../check.ts";

export const foreignKeys: Check = {
  id: "foreign-keys",
  looks: "foreign keys to auth.users and what they do when a user is deleted",
  why: 'A key without ON DELETE makes Supabase Auth answer "Database error deleting user" for ' +
    "everybody who has a row there: nobody can be deleted or erased",
  mend:
    "Drop the key (user_id columns here are plain UUIDs, docs/adr/0005), or give it ON DELETE " +
    "CASCADE or SET NULL",
  async run({ read }) {
    const keys = await read((sql) =>
      sql<{ name: string; relation: string }[]>`
        select conname as name, conrelid::regclass::text as relation
        from pg_constraint
        where contype = 'f' and confrelid = 'auth.users'::regclass and confdeltype in ('a', 'r')
        order by 2, 1`
    );
    return found(
      keys.map(({ name, relation }) => `"${name}" on ${relation} blocks the deletion of users`),
    );
  },
};

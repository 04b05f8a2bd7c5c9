/** The noun `orphans` and what the help says of it. */
export const orphansNoun = [
  "orphans",
  "Users of whom something is left although Supabase Auth knows them no more",
] as const;

/** The noun of these commands and what the help text says of it, for `nounOf`. */
export const usersNoun = [
  "users",
  "The users of Supabase Auth, which the Data API does not show",
] as const;

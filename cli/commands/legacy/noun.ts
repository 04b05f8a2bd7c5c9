/** The noun of these commands and what the help text says of it, for `nounOf`. */
export const legacyNoun = [
  "legacy",
  "Moves the users of the former system into Supabase Auth, and back",
] as const;

/** The noun of these commands and what the help text says of it, for `nounOf`. */
export const erasureNoun = [
  "erasure",
  "Erasures of users and persons, and their receipts",
] as const;

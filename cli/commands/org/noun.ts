/** The noun `org` and what the help says of it. */
export const orgNoun = ["org", "Organizations and who belongs to them"] as const;

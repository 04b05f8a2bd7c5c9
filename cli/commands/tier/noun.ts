/** The noun `tier` and what the help says of it. */
export const tierNoun = ["tier", "What users pay for, and so how much they may do"] as const;

/** The noun `events` and what the help says of it. */
export const eventsNoun = [
  "events",
  "Changes of users on their way to the project's tables",
] as const;

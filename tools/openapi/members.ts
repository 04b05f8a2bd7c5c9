/** A JSON object. */
export type Members = Record<string, unknown>;

/** The object at this place; an empty one where there is none. */
export function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Members
    : {};
}

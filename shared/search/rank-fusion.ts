/**
 * Constant of reciprocal rank fusion: a branch adds `1 / (k + rank)` to the score of a scene that
 * stands at `rank` (from 1) in it. Source: design section 4.
 */
export const fusionK = 60;

/** Most candidates that one branch of a search hands to the fusion. */
export const candidatesPerBranch = 1000;

/** Scenes on one page of a search: fewest, most, and when the caller does not say. */
export const searchLimits = { min: 1, max: 100, default: 10 } as const;

/**
 * Fused score of a scene from its rank in each branch, null where a branch does not hold it.
 * The database computes the same in one statement; this is the definition that tests compare with.
 */
export function fuseRanks(ranks: readonly (number | null)[]): number {
  return ranks.reduce<number>((sum, rank) => rank === null ? sum : sum + 1 / (fusionK + rank), 0);
}

/**
 * Constant of reciprocal rank fusion: a branch adds `weight / (k + rank)` to the score of a scene
 * that stands at `rank` (from 1) in it. Source: design section 4.
 */
export const fusionK = 60;

/** The lists of ranked scenes that a search fuses. */
export const branches = ["text", "metadata", "people", "vector"] as const;

export type Branch = (typeof branches)[number];

/** What each branch weighs when the caller does not say. Source: design section 4. */
export const defaultWeights: Readonly<Record<Branch, number>> = {
  text: 0.3,
  metadata: 0.3,
  people: 0.3,
  vector: 0.7,
};

/** Scenes on one page of a search: fewest, most, and when the caller does not say. */
export const searchLimits = { min: 1, max: 100, default: 10 } as const;

/** Numbers of a query vector. */
export const vectorDimensions = 1152;

/**
 * Fused score of a scene from its rank in each branch; a branch that does not hold it is absent or
 * null. The database computes the same in one statement; tests compare with this definition.
 */
export function fuseRanks(
  ranks: Partial<Record<Branch, number | null>>,
  weights: Readonly<Record<Branch, number>> = defaultWeights,
): number {
  return branches.reduce((sum, branch) => {
    const rank = ranks[branch] ?? null;
    return rank === null ? sum : sum + weights[branch] / (fusionK + rank);
  }, 0);
}

/** Subscription tiers, as they stand in `app_metadata.tier`. */
export const tiers = ["free", "pro", "enterprise"] as const;
/** One of {@link tiers}. */
export type Tier = (typeof tiers)[number];

/** What a tier allows. */
export interface TierLimits {
  /** Videos a user may begin to upload in one UTC day. */
  uploadsPerDay: number;
  /** Search requests of one user in a minute. */
  searchesPerMinute: number;
  /** Requests of one user in a minute that change something. */
  writesPerMinute: number;
}

/** The limits of every tier: the only place where they stand. */
export const tierLimits: Record<Tier, TierLimits> = {
  free: { uploadsPerDay: 3, searchesPerMinute: 60, writesPerMinute: 120 },
  pro: { uploadsPerDay: 50, searchesPerMinute: 300, writesPerMinute: 600 },
  enterprise: { uploadsPerDay: 500, searchesPerMinute: 1200, writesPerMinute: 2400 },
};

/** What is counted a day: the type of the analytics event, and its names. */
export const metrics = [
  { type: "registered", title: "Registrations", noun: "registrations" },
  { type: "onboarded", title: "Onboarded users", noun: "users onboarded" },
  { type: "uploaded_video", title: "Uploads", noun: "uploads" },
  { type: "searched", title: "Searches", noun: "searches" },
  { type: "erased", title: "Erasures", noun: "erasures" },
] as const;

export type MetricType = typeof metrics[number]["type"];

/** How often something happened, and by how many users. */
export interface Count {
  events: number;
  users: number;
}

/** One day of UTC. */
export type DayCounts = { day: string } & Record<MetricType, Count>;

/** What `heimdex stats --json` writes. */
export interface Stats {
  from: string;
  to: string;
  days: DayCounts[];
  /** Events of the whole period; a user who searched on two days is not counted here. */
  totals: Record<MetricType, number>;
  /** Onboarded users for each registration of the period; null without a registration. */
  onboarding_rate: number | null;
  /** Events that the next drain will count. */
  uncounted: number;
}

/** A share as people read it: "62.5 %", or a dash where there is none. */
export function formatShare(share: number | null): string {
  return share === null ? "-" : `${(share * 100).toFixed(1)} %`;
}

/** Onboarded for each registered; null where nobody registered. */
export function shareOf(onboarded: number, registered: number): number | null {
  return registered === 0 ? null : onboarded / registered;
}

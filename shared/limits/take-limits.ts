import type { Database } from "../database/doors.ts";
import type { Limit, LimitState } from "./limits.ts";
import { rateLimited } from "./limit-answers.ts";

/** One count of a caller who is not signed in. */
export interface CallCharge {
  /** Policy's name in the answer's headers, such as `login-ip`. */
  name: string;
  /** `ip:<network>` or `address:<hash>`. */
  subject: string;
  resource: string;
  limit: Limit;
  /** Kept beside the counter of an IP, for operators. */
  ipAddress?: string;
}

interface TakenRow {
  place: number;
  is_allowed: boolean;
  remaining: number;
  reset_seconds: number;
}

/**
 * Counts one request against several limits in one statement, in this order; what stands behind a
 * refusal is not counted. Committed before it answers: nothing that follows gives the count back.
 * @throws AppError rate_limited (429) with Retry-After, RateLimit and RateLimit-Policy;
 * database_unavailable (503)
 */
export async function takeLimits(
  database: Database,
  charges: readonly CallCharge[],
): Promise<LimitState[]> {
  const sent = JSON.stringify(charges.map(({ subject, resource, limit, ipAddress = null }) => ({
    subject,
    resource,
    max: limit.max,
    window_seconds: limit.windowSeconds,
    ip_address: ipAddress,
  })));
  const rows = await database.asService((sql) =>
    sql<TakenRow[]>`
      select place, is_allowed, remaining, reset_seconds
        from private.take_rate_limits(${sent}::text::jsonb) order by place`
  );
  const states = rows.flatMap((row, i) => {
    const charge = charges[i];
    return charge ? [toState(charge, row)] : [];
  });
  if (rows.at(-1)?.is_allowed !== true) throw rateLimited(states);
  return states;
}

function toState({ name, limit }: CallCharge, row: TakenRow): LimitState {
  return {
    name,
    max: limit.max,
    windowSeconds: limit.windowSeconds,
    remaining: row.remaining,
    resetSeconds: row.reset_seconds,
  };
}

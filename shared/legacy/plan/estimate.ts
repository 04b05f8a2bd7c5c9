import type { LegacyTableName } from "../schema.ts";
import type { ObjectCount } from "./rows.ts";

/** Seconds each step will take, roughly. */
export interface Estimate {
  load: number;
  export: number;
  verify: number;
  cutover: number;
  total: number;
}

/** Rates of the embedded stack on two busy cores: a guess on the safe side. */
const perSecond = {
  usersExported: 100,
  usersVerified: 1000,
  rowsLoaded: 20_000,
  rowsFilled: 10_000,
  bytesLoaded: 20_000_000,
  objectsMoved: 40,
};

/** Guesses how long a move takes, so that a maintenance window can be planned. */
export function estimateSeconds(o: {
  /** Users to create or to change. */
  users: number;
  rows: Record<LegacyTableName, number>;
  objectsToMove: ObjectCount;
  /** Bytes of objects that come from the legacy store. */
  loadBytes: number;
  separate: boolean;
}): Estimate {
  const { users, refresh_tokens: _r, email_verification_tokens: _e, ...owned } = o.rows;
  const rows = Object.values(owned).reduce((sum, count) => sum + count, 0);
  const steps = {
    load: o.separate
      ? (rows + users) / perSecond.rowsLoaded + o.loadBytes / perSecond.bytesLoaded
      : 0,
    export: o.users / perSecond.usersExported,
    verify: users / perSecond.usersVerified,
    cutover: rows / perSecond.rowsFilled + o.objectsToMove.objects / perSecond.objectsMoved,
  };
  const rounded = {
    load: Math.ceil(steps.load),
    export: Math.ceil(steps.export),
    verify: Math.ceil(steps.verify),
    cutover: Math.ceil(steps.cutover),
  };
  const { load, export: exported, verify, cutover } = rounded;
  return { ...rounded, total: load + exported + verify + cutover };
}

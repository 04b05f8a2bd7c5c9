import type { AuthClients } from "../auth/clients.ts";
import type { Database } from "../database/doors.ts";
import { requireSetting } from "../env.ts";
import type { Deps } from "../http/deps.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { StepName } from "./erasure.ts";

/** A place at which a run can be watched, or stopped by a test. */
export type ErasurePoint = `${"before" | "after"}:${StepName}`;

/** What an erasure works with. Tests replace single members. */
export interface ErasureContext {
  readonly database: Pick<Database, "asService">;
  readonly objects: ObjectStore;
  readonly auth: Pick<AuthClients, "admin">;
  /** HEIMDEX_PSEUDONYM_KEY: makes the name an erased user keeps in tombstones and receipts. */
  readonly pseudonymKey: string;
  /** HEIMDEX_RECEIPT_KEY: the Ed25519 private JWK that signs receipts. */
  readonly receiptKey: string;
  /** Seconds from the provisional receipt to the second sweep; longer than an upload URL lives. */
  readonly lateSweepSeconds: number;
  /** Erasures of users an hour that begin without an operator; what comes on top is held. */
  readonly erasuresPerHour: number;
  now(): Date;
  log(line: Record<string, unknown>): void;
  /** Called outside any transaction. What it throws ends the run as a failure of the step would. */
  readonly onPoint?: (point: ErasurePoint, erasureId: string) => void | Promise<void>;
}

/**
 * The context of a deployment.
 * @throws EnvError when HEIMDEX_PSEUDONYM_KEY or HEIMDEX_RECEIPT_KEY is not set: an erasure that
 * cannot be proven must not begin.
 */
export function createErasureContext(deps: Omit<Deps, "verifier" | "waitUntil">): ErasureContext {
  const { env, database, objects, auth } = deps;
  return {
    database,
    objects,
    auth,
    pseudonymKey: requireSetting(env, "pseudonymKey"),
    receiptKey: requireSetting(env, "receiptKey"),
    lateSweepSeconds: env.lateSweepSeconds,
    erasuresPerHour: env.erasuresPerHour,
    now: () => deps.now(),
    log: (line) => deps.log(line),
  };
}
